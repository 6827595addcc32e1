"""Choosing between two tensors by a condition."""

from __future__ import annotations

from typing import Any

from penstock import dtypes, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.binary import zero_like
from penstock.ops.broadcasting import sum_to_shapes_of
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _select_shape(ctx: ShapeContext) -> list[Dims]:
    condition, dims = ctx.shape(0), shapes.merge(ctx.shape(1), ctx.shape(2))
    if condition is None or dims is None or len(condition) == 0:
        return [dims]
    if len(condition) == 1 and len(dims) > 1:
        if condition[0] is not None and dims[0] is not None and condition[0] != dims[0]:
            ctx.fail(f"a condition of {condition[0]} elements cannot choose among {dims[0]} rows")
        return [dims]
    return [shapes.merge(dims, condition)]


define_op(
    "Select",
    inputs="condition: bool, t: T, e: T",
    outputs="output: T",
    attrs="T: type",
    shape=_select_shape,
    doc="""t where condition holds, e elsewhere; t and e have one shape.

    The condition has their shape, or is a scalar, or a vector that chooses rows.

    >>> ps.Session().run(ps.raw_ops.Select([True, False], [[1, 2], [3, 4]], [[5, 6], [7, 8]]))
    array([[1, 2],
           [7, 8]], dtype=int32)
    """,
)


@gradient("Select")
def _select_grad(op: Operation, dz: Tensor) -> Any:
    condition = op.inputs[0]
    zeros = raw.ZerosLike(op.inputs[1])
    return None, raw.Select(condition, dz, zeros), raw.Select(condition, zeros, dz)


define_op(
    "SelectV2",
    inputs="condition: bool, t: T, e: T",
    outputs="output: T",
    attrs="T: type",
    shape=lambda ctx: [
        shapes.broadcast(ctx.shape(0), shapes.broadcast(ctx.shape(1), ctx.shape(2)))
    ],
    doc="""t where condition holds, e elsewhere; all three broadcast.

    >>> ps.Session().run(ps.raw_ops.SelectV2([True, False], [[1, 2], [3, 4]], 0))
    array([[1, 0],
           [3, 0]], dtype=int32)
    """,
)


@gradient("SelectV2")
def _select_v2_grad(op: Operation, dz: Tensor) -> Any:
    condition, t, e = op.inputs
    zero = zero_like(dz)
    dt = raw.SelectV2(condition, dz, zero)
    de = raw.SelectV2(condition, zero, dz)
    dt, _ = sum_to_shapes_of(t, dt, dz, None)
    de, _ = sum_to_shapes_of(e, de, dz, None)
    return None, dt, de


@export("where")
def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """Return x where condition holds and y elsewhere; without both, where it holds.

    With x and y, which have one shape, the condition has their shape, or is a scalar, or a
    vector that chooses rows. Without, the result has a row of indices for each true element.

    >>> ps.Session().run(ps.where([True, False], [1, 2], [3, 4]))
    array([1, 4], dtype=int32)
    >>> ps.Session().run(ps.where([False, True, True]))
    array([[1],
           [2]])
    """
    if x is None and y is None:
        result: Tensor = raw.Where(convert.to_tensor(condition, dtypes.bool), name=name)
        return result
    return _choose(raw.Select, "Select", condition, x, y, name)


@export("where_v2")
def where_v2(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """Return x where condition holds and y elsewhere, all three broadcast; see `where`.

    >>> ps.Session().run(ps.where_v2([True, False], [[1], [2]], 0))
    array([[1, 0],
           [2, 0]], dtype=int32)
    """
    if x is None and y is None:
        return where(condition, name=name)
    return _choose(raw.SelectV2, "SelectV2", condition, x, y, name)


def _choose(op: Any, default: str, condition: Any, x: Any, y: Any, name: str | None) -> Tensor:
    if x is None or y is None:
        raise ValueError("where needs both x and y, or neither")
    if isinstance(y, Tensor) and not isinstance(x, Tensor):
        x = convert.to_tensor(x, y.dtype.base_dtype)
    condition = convert.to_tensor(condition, dtypes.bool)
    result: Tensor = op(condition, x, y, name=name or default)
    return result
