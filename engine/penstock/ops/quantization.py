"""Numbers rounded as if they had been integers of a few bits in between."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.shapes import Dims


def _shape(ctx: ShapeContext) -> list[Dims]:
    dims, axis = ctx.shape(0), ctx.attr("axis")
    if axis < -1 or (dims is not None and axis >= len(dims)):
        ctx.fail(f"axis {axis} is out of range: -1 for none, or a dimension of the input")
    ranges = shapes.merge(ctx.shape(1), ctx.shape(2))
    if ctx.attr("range_given") and axis >= 0 and dims is not None:
        shapes.merge(ranges, dims[axis : axis + 1])
    bits, most = ctx.attr("num_bits"), 61 if ctx.attr("signed_input") else 62
    if not 1 <= bits <= most:
        ctx.fail(f"num_bits is {bits}, expected 1 to {most}")
    return [dims]


define_op(
    "QuantizeAndDequantizeV2",
    inputs="input: T, input_min: T, input_max: T",
    outputs="output: T",
    attrs="signed_input: bool = True, num_bits: int = 8, range_given: bool = False, T: floating, "
    "round_mode: {'HALF_TO_EVEN', 'HALF_UP'} = 'HALF_TO_EVEN', narrow_range: bool = False, "
    "axis: int = -1",
    shape=_shape,
    doc="""`input` rounded to the numbers that an integer of `num_bits` bits can tell apart.

    The range is that of the input unless `range_given`; then what lies outside is clipped to it.
    The gradient passes as if nothing had been rounded.
    """,
)


@gradient("QuantizeAndDequantizeV2")
def _grad(op: Operation, dy: Tensor) -> Any:
    return dy, None, None
