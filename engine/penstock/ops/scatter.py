"""Slices put into a tensor by number: ScatterNd, tensor updates, segment sums."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.shape import like
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _check_updates(whole: Dims, indices: Dims, updates: Dims) -> None:
    """Raise unless `updates` fits slices of `whole` at positions given by `indices`."""
    if whole is None or not indices or indices[-1] is None:
        return
    if indices[-1] > len(whole):
        raise ValueError(f"indices name {indices[-1]} dimensions, there are {len(whole)}")
    shapes.merge(updates, indices[:-1] + whole[indices[-1] :])


def _scatter_nd_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(2, 1)
    whole = ctx.shape_from(2)
    _check_updates(whole, ctx.shape(0), ctx.shape(1))
    return [whole]


define_op(
    "ScatterNd",
    inputs="indices: Tindices, updates: T, shape: Tindices",
    outputs="output: T",
    attrs="T: type, Tindices: {int16, int32, int64}, bad_indices_policy: string = ''",
    shape=_scatter_nd_shape,
    export="scatter_nd manip.scatter_nd",
    doc="""Zeros of `shape` with `updates` added at the positions the rows of `indices` name.

    >>> ps.Session().run(ps.scatter_nd([[1], [3], [1]], [10, 20, 30], [4]))
    array([ 0, 40,  0, 20], dtype=int32)
    """,
)


@gradient("ScatterNd")
def _scatter_nd_grad(op: Operation, dy: Tensor) -> Any:
    return None, raw.GatherNd(dy, op.inputs[0]), None


def _updated_shape(ctx: ShapeContext) -> list[Dims]:
    _check_updates(*ctx.shapes)
    return [ctx.shape(0)]


def _define_update(kind: str, types: str, indices: str, doc: str, names: str = "") -> None:
    define_op(
        f"TensorScatter{kind}",
        inputs="tensor: T, indices: Tindices, updates: T",
        outputs="output: T",
        attrs=f"T: {types}, Tindices: {indices}, bad_indices_policy: string = ''",
        shape=_updated_shape,
        export=names,
        doc=doc,
    )


_define_update(
    "Update",
    "type",
    "{int16, int32, int64, uint16}",
    "`tensor` with slices replaced at the positions that the rows of `indices` name.",
)
_define_update(
    "Add",
    "type",
    "index",
    """`tensor` with `updates` added at the positions that the rows of `indices` name.

    >>> ps.Session().run(ps.tensor_scatter_add([1, 1, 1], [[2], [2]], [5, 6]))
    array([ 1,  1, 12], dtype=int32)
    """,
    "tensor_scatter_add tensor_scatter_nd_add",
)
_define_update("Sub", "type", "index", "`tensor` with `updates` subtracted at positions.")
_define_update("Min", "type", "index", "`tensor`, or `updates` where smaller, at positions.")
_define_update("Max", "type", "index", "`tensor`, or `updates` where larger, at positions.")


@export("tensor_scatter_update tensor_scatter_nd_update")
def tensor_scatter_update(
    tensor: Any, indices: Any, updates: Any, name: str | None = None
) -> Tensor:
    """Return `tensor` with slices replaced at the positions that the rows of `indices` name.

    >>> ps.Session().run(ps.tensor_scatter_update([1, 2, 3], [[1]], [9]))
    array([1, 9, 3], dtype=int32)
    """
    result: Tensor = raw.TensorScatterUpdate(tensor, indices, updates, name=name)
    return result


@gradient("TensorScatterUpdate")
def _tensor_update_grad(op: Operation, dy: Tensor) -> Any:
    _, indices, updates = op.inputs
    kept = raw.TensorScatterUpdate(dy, indices, raw.ZerosLike(updates))
    return kept, None, raw.GatherNd(dy, indices)


@gradient("TensorScatterAdd")
def _tensor_add_grad(op: Operation, dy: Tensor) -> Any:
    return dy, None, raw.GatherNd(dy, op.inputs[1])


@gradient("TensorScatterSub")
def _tensor_sub_grad(op: Operation, dy: Tensor) -> Any:
    return dy, None, raw.Neg(raw.GatherNd(dy, op.inputs[1]))


@gradient("TensorScatterMin")
def _tensor_extreme_grad(op: Operation, dy: Tensor) -> Any:
    """Share each gradient equally among the tensor and the updates that gave the value."""
    x, indices, updates = op.inputs
    y = op.outputs[0]
    from_x = raw.Cast(raw.Equal(x, y), DstT=x.dtype)
    from_updates = raw.Cast(raw.Equal(updates, raw.GatherNd(y, indices)), DstT=x.dtype)
    count = raw.TensorScatterAdd(from_x, indices, from_updates)
    share = raw.RealDiv(dy, count)
    return raw.Mul(from_x, share), None, raw.Mul(from_updates, raw.GatherNd(share, indices))


gradient("TensorScatterMax")(_tensor_extreme_grad)


# ---- segments


def unsorted_shape(ctx: ShapeContext) -> list[Dims]:
    """Return the shape of `num_segments` (input 2) rows for ids of any order."""
    ctx.rank_is(2, 0)
    data, ids, rows = ctx.shape(0), ctx.shape(1), ctx.scalar(2)
    if rows is not None and rows < 0:
        ctx.fail(f"num_segments must not be negative, got {rows}")
    if data is None or ids is None:
        return [None]
    if len(ids) > len(data):
        ctx.fail(f"segment_ids have rank {len(ids)}, data only {len(data)}")
    shapes.merge(data[: len(ids)], ids)
    return [(rows, *data[len(ids) :])]


define_op(
    "UnsortedSegmentSum",
    inputs="data: T, segment_ids: Tindices, num_segments: Tnumsegments",
    outputs="output: T",
    attrs="T: number, Tindices: {int16, int32, int64}, Tnumsegments: index = int32",
    shape=unsorted_shape,
    export="unsorted_segment_sum math.unsorted_segment_sum",
    doc="""Row s: the sum of the slices of `data` whose segment id is s; negative ids drop out.

    >>> ps.Session().run(ps.unsorted_segment_sum([1, 2, 3], [1, 0, 1], 2))
    array([2, 4], dtype=int32)
    """,
)


def of_segments(x: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Return the row of `x` for each id (row 0 for negative ids), and which ids are not negative.

    The latter as booleans with as many dimensions as the former.
    """
    zero = raw.ZerosLike(ids)
    taken = raw.GatherV2(x, raw.Maximum(ids, zero), 0)
    ones = raw.OnesLike(raw.Shape(taken)[_rank(ids) :])
    kept = raw.GreaterEqual(ids, zero)
    return taken, raw.Reshape(kept, raw.ConcatV2([raw.Shape(ids), ones], 0))


@gradient("UnsortedSegmentSum")
def _unsorted_segment_sum_grad(op: Operation, dy: Tensor) -> Any:
    data, ids = op.inputs[:2]
    taken, kept = of_segments(dy, ids)
    return like(raw.Mul(taken, raw.Cast(kept, DstT=dy.dtype)), data), None, None


def _rank(x: Tensor) -> Any:
    return raw.Rank(x) if x._dims is None else len(x._dims)


def sorted_shape(ctx: ShapeContext) -> list[Dims]:
    """Return the shape of as many rows as the sorted ids (input 1) have segments."""
    data, ids = ctx.shape(0), ctx.rank_is(1, 1)
    if data is None:
        return [None]
    if not data:
        ctx.fail("data is a scalar: it has no slices")
    shapes.merge(data[:1], ids)
    return [(None, *data[1:])]


define_op(
    "SegmentSum",
    inputs="data: T, segment_ids: Tindices",
    outputs="output: T",
    attrs="T: number, Tindices: index",
    shape=sorted_shape,
    export="segment_sum math.segment_sum",
    doc="""Row s: the sum of the rows of `data` whose segment id is s; the ids are sorted.

    >>> ps.Session().run(ps.segment_sum([1, 2, 3], [0, 0, 1]))
    array([3, 3], dtype=int32)
    """,
)


@gradient("SegmentSum")
def _segment_sum_grad(op: Operation, dy: Tensor) -> Any:
    return raw.GatherV2(dy, op.inputs[1], 0), None
