"""The largest elements of rows, and whether a class is among them."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.shape import shape_of
from penstock.ops.wrappers import raw
from penstock.shapes import Dims, merge


def _top_shape(ctx: ShapeContext, k: int | None) -> list[Dims]:
    dims = ctx.shape(0)
    if dims == ():
        ctx.fail("the input must have at least 1 dimension, got a scalar")
    if dims is None:
        return [None, None]
    if k is not None and (k < 0 or (dims[-1] is not None and k > dims[-1])):
        ctx.fail(f"k must be between 0 and the size of the last dimension, {dims[-1]}, got {k}")
    return [(*dims[:-1], k)] * 2


def _top_v2_shape(ctx: ShapeContext) -> list[Dims]:
    if ctx.shape(1) not in (None, ()):
        ctx.fail("k must be a scalar")
    return _top_shape(ctx, ctx.scalar(1))


def _in_top_shape(ctx: ShapeContext) -> list[Dims]:
    scores = ctx.rank_is(0, 2)
    assert scores is not None
    return [merge(scores[:1], ctx.rank_is(1, 1))]


define_op(
    "TopK",
    inputs="input: T",
    outputs="values: T, indices: int32",
    attrs="k: int >= 0, sorted: bool = True, T: real",
    shape=lambda ctx: _top_shape(ctx, ctx.attr("k")),
    doc="The k largest elements of each row, and where they are.",
)
define_op(
    "TopKV2",
    inputs="input: T, k: Tk",
    outputs="values: T, indices: index_type",
    attrs="sorted: bool = True, T: real, Tk: {int16, int32, int64} = int32, "
    "index_type: {int16, int32, int64} = int32",
    shape=_top_v2_shape,
    doc="The k largest elements of each row, and where they are.",
)
define_op(
    "InTopK",
    inputs="predictions: float32, targets: T",
    outputs="precision: bool",
    attrs="k: int, T: index = int32",
    shape=_in_top_shape,
    doc="Whether fewer than k classes score higher than the target.",
)
define_op(
    "InTopKV2",
    inputs="predictions: float32, targets: T, k: T",
    outputs="precision: bool",
    attrs="T: index = int32",
    shape=_in_top_shape,
    doc="Whether fewer than k classes score higher than the target.",
)
no_gradient("InTopK", "InTopKV2")


@gradient("TopK", "TopKV2")
def _top_k_grad(op: Operation, dy: Tensor, _: Tensor) -> Any:
    x, indices = op.inputs[0], raw.Cast(op.outputs[1], DstT=dtypes.int32)
    last = raw.StridedSlice(raw.Shape(x), [-1], [0], [1], end_mask=1)
    k = raw.StridedSlice(raw.Shape(indices), [-1], [0], [1], end_mask=1)
    by_row = raw.Reshape(indices, raw.ConcatV2([[-1], k], 0))
    count = raw.StridedSlice(raw.Shape(by_row), [0], [1], [1], shrink_axis_mask=1)
    starts = raw.Mul(raw.Range(0, count, 1), last)
    places = raw.Reshape(raw.AddV2(by_row, raw.ExpandDims(starts, -1)), [-1, 1])
    flat = raw.ScatterNd(places, raw.Reshape(dy, [-1]), raw.Reshape(raw.Size(x), [1]))
    dx = raw.Reshape(flat, shape_of(x))
    return (dx, None) if len(op.inputs) == 2 else dx


@export("nn.top_k math.top_k")
def top_k(
    input: Any, k: Any = 1, sorted: bool = True, index_type: Any = None, name: str | None = None
) -> Any:
    """Return the k largest elements along the last dimension, and their indices.

    Of equal elements the one with the lower index comes first.

    >>> values, indices = ps.Session().run(ps.nn.top_k([1., 3., 2.], 2))
    >>> values, indices
    (array([3., 2.], dtype=float32), array([1, 2], dtype=int32))
    """
    wanted = dtypes.int32 if index_type is None else dtypes.as_dtype(index_type)
    x = convert.to_tensor(input)
    return raw.TopKV2(x, k, sorted=sorted, index_type=wanted, name=name)


@export("nn.in_top_k math.in_top_k")
def in_top_k(predictions: Any, targets: Any, k: Any, name: str | None = None) -> Tensor:
    """Return for each row whether fewer than `k` classes score higher than the target.

    >>> ps.Session().run(ps.nn.in_top_k([[1., 3., 2.]], [2], 2))
    array([ True])
    """
    classes = convert.to_tensor(targets)
    result: Tensor = raw.InTopKV2(predictions, classes, k, name=name)
    return result
