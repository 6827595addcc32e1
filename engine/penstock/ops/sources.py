"""What values come from: constants and placeholders; and `no_op`, which has none."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes, shapes
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _const_shape(ctx: ShapeContext) -> list[Dims]:
    value, dtype = ctx.attr("value"), ctx.attr("dtype")
    if value.dtype != dtype.numpy_dtype:
        ctx.fail_dtype(f"the value is {value.dtype}, the attribute dtype says {dtype.name}")
    return [value.shape]


define_op(
    "Const",
    outputs="output: dtype",
    attrs="value: tensor, dtype: type",
    shape=_const_shape,
    doc="A tensor that is part of the graph.",
)
no_gradient("Const")


def _placeholder_shape(ctx: ShapeContext) -> list[Dims]:
    return [ctx.attr("shape")._dims]


define_op(
    "Placeholder",
    outputs="output: dtype",
    attrs="dtype: type, shape: shape = None",
    shape=_placeholder_shape,
    doc="A tensor that every run must feed.",
)
define_op(
    "PlaceholderV2",
    outputs="output: dtype",
    attrs="dtype: type, shape: shape",
    shape=_placeholder_shape,
    doc="A tensor that every run must feed (older form).",
)
no_gradient("Placeholder", "PlaceholderV2")

define_op(
    "NoOp",
    shape=lambda ctx: [],
    export="no_op",
    doc="""Do nothing: a point that control dependencies can meet at.

    >>> ps.Session().run(ps.no_op()) is None
    True
    """,
)
no_gradient("NoOp")


@export("constant")
def constant(
    value: Any,
    dtype: Any = None,
    shape: Any = None,
    name: str = "Const",
    verify_shape: bool = False,
) -> Tensor:
    """Return a constant tensor.

    `value` is anything NumPy can make an array of. With `shape`, a single value fills it and
    a shorter list repeats its last element, as in TensorFlow 1; with `verify_shape` the
    shapes must be equal. Raises `DTypeError` (a TypeError) when the value does not fit
    `dtype`, `ValueError` when it does not fit `shape`.

    >>> ps.Session().run(ps.constant([[1, 2], [3, 4]]))
    array([[1, 2],
           [3, 4]], dtype=int32)
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    if isinstance(value, Tensor):
        raise TypeError("constant() takes values, not tensors; use tf.identity")
    array = convert.to_array(value, wanted)
    array.flags.writeable = False  # views of it, too
    if shape is not None:
        array = _shaped(array, shape, verify_shape)
    return convert.add_constant(array, name)


def _shaped(array: np.ndarray[Any, Any], shape: Any, verify: bool) -> np.ndarray[Any, Any]:
    dims = shapes.to_dims(shape)
    if not shapes.is_fully_defined(dims):
        raise ValueError(f"the shape of a constant must be fully known, not {shapes.render(dims)}")
    target = tuple([int(d) for d in dims or ()])  # type: ignore[arg-type]
    if array.shape == target:
        return array
    size = int(np.prod(target, dtype=np.int64))
    if size == 0 and array.ndim == 0 and not verify:
        return np.empty(target, array.dtype)
    if verify or array.size > size:
        raise ValueError(f"a value of shape {list(array.shape)} does not fit shape {list(target)}")
    flat = array.ravel()
    if array.size == size:
        return flat.reshape(target)
    if array.size == 0:
        raise ValueError(f"an empty value cannot fill shape {list(target)}")
    out = np.full(size, flat[-1], dtype=array.dtype)
    out[: array.size] = flat
    return out.reshape(target)


@export("placeholder")
def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """Return a tensor whose value is fed to each run.

    `shape` may be partly unknown ([None, 784]) or None. Running without a feed raises
    `InvalidArgumentError`.

    >>> x = ps.placeholder(ps.float32, [None, 2])
    >>> ps.Session().run(x * 2., {x: [[1, 2]]})
    array([[2., 4.]], dtype=float32)
    """
    result: Tensor = raw.Placeholder(dtype=dtype, shape=shape, name=name)
    return result
