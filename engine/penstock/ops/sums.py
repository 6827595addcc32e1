"""Sums of many tensors of one shape; and the axes that a broadcast's gradient is summed over."""

from __future__ import annotations

from typing import Any

from penstock import dtypes, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert, shape_rules
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims, TensorShape

define_op(
    "AddN",
    inputs="inputs: N*T",
    outputs="sum: T",
    attrs="N: int >= 1, T: number",
    shape=shape_rules.same_as_all,
    commutative=True,
    export="add_n math.add_n",
    doc="""The sum of all inputs, which have one shape.

    >>> ps.Session().run(ps.add_n([[1., 2.], [3., 4.], [5., 6.]]))
    array([ 9., 12.], dtype=float32)
    """,
)
define_op(
    "AccumulateNV2",
    inputs="inputs: N*T",
    outputs="sum: T",
    attrs="N: int >= 1, T: number, shape: shape",
    shape=lambda ctx: [shapes.merge(ctx.attr("shape")._dims, shape_rules.same_as_all(ctx)[0])],
    commutative=True,
    doc="The sum of all inputs, which have the shape `shape`.",
)


@gradient("AddN", "AccumulateNV2")
def _add_n_grad(op: Operation, dz: Tensor) -> Any:
    return [dz] * len(op.inputs)


@export("accumulate_n math.accumulate_n")
def accumulate_n(
    inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None
) -> Tensor:
    """Return the sum of a list of tensors of one shape and dtype.

    `shape` and `tensor_dtype`, when given, are checked.

    >>> ps.Session().run(ps.accumulate_n([[1., 2.], [3., 4.]]))
    array([4., 6.], dtype=float32)
    """
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("accumulate_n needs a list of at least one tensor")
    dtype = None if tensor_dtype is None else dtypes.as_dtype(tensor_dtype).base_dtype
    tensors = [convert.to_tensor(v, dtype) for v in inputs]
    dims = shapes.to_dims(shape)
    for t in tensors:
        dims = shapes.merge(dims, t._dims)
    if len(tensors) == 1:
        return tensors[0]
    result: Tensor = raw.AddN(tensors, name=name or "AccumulateNV2")
    result.set_shape(TensorShape(dims))
    return result


def _gradient_args_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 1)
    ctx.rank_is(1, 1)
    return [(None,), (None,)]


define_op(
    "BroadcastGradientArgs",
    inputs="s0: T, s1: T",
    outputs="r0: T, r1: T",
    attrs="T: index = int32",
    shape=_gradient_args_shape,
    doc="""The axes over which tensors of shapes s0 and s1 repeat when they broadcast.

    >>> ps.Session().run(list(ps.raw_ops.BroadcastGradientArgs([2, 3], [3])))
    [array([], dtype=int32), array([0], dtype=int32)]
    """,
)
no_gradient("BroadcastGradientArgs")
