"""Slices picked by number: gathers, one-hot rows, reversal, masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.shape import like
from penstock.ops.state_slices import rows_gradient
from penstock.ops.static_values import partial_ints
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _gather_rows_shape(ctx: ShapeContext) -> list[Dims]:
    dims, indices = ctx.shape(0), ctx.shape(1)
    if dims == ():
        ctx.fail("params is a scalar: there is nothing to gather from")
    return [None if dims is None else shapes.concatenate(indices, dims[1:])]


define_op(
    "Gather",
    inputs="params: Tparams, indices: Tindices",
    outputs="output: Tparams",
    attrs="validate_indices: bool = True, Tparams: type, Tindices: index",
    shape=_gather_rows_shape,
    doc="The rows of `params` at `indices` (older form).",
)


@gradient("Gather")
def _gather_grad(op: Operation, dy: Tensor) -> Any:
    params, indices = op.inputs
    return rows_gradient(dy, indices, raw.Shape(params, out_type=indices.dtype)), None


def _gather_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(2, 0)
    dims, indices, axis = ctx.shape(0), ctx.shape(1), ctx.scalar(2)
    batch = ctx.attr("batch_dims")
    if dims is None or indices is None:
        return [None]
    batch += len(indices) if batch < 0 else 0
    if not 0 <= batch <= len(indices):
        ctx.fail(f"batch_dims is {batch}, indices have rank {len(indices)}")
    if axis is None:
        return [(None,) * (len(dims) - 1 + len(indices) - batch)]
    place = shapes.normalize_axis(axis, len(dims))
    if batch > place:
        ctx.fail(f"batch_dims {batch} must not be larger than axis {place}")
    shared = shapes.merge(dims[:batch], indices[:batch]) or ()
    return [shared + dims[batch:place] + indices[batch:] + dims[place + 1 :]]


define_op(
    "GatherV2",
    inputs="params: Tparams, indices: Tindices, axis: Taxis",
    outputs="output: Tparams",
    attrs="batch_dims: int = 0, Tparams: type, Tindices: {int16, int32, int64}, Taxis: index",
    shape=_gather_shape,
    doc="The slices of `params` along `axis` at `indices`.",
)


@gradient("GatherV2")
def _gather_v2_grad(op: Operation, dy: Tensor) -> Any:
    params, indices, axis = op.inputs
    batch, place = op.get_attr("batch_dims"), partial_ints(axis)
    if indices.dtype is dtypes.int16:
        indices = raw.Cast(indices, DstT="int32")
    if batch < 0 and indices._dims is not None:
        batch += len(indices._dims)
    if place == [0] and batch == 0:
        shape = raw.Shape(params, out_type=indices.dtype)
        return rows_gradient(dy, indices, shape), None, None
    return _dense_gather_grad(dy, params, indices, axis, batch), None, None


def _dense_gather_grad(
    dy: Tensor, params: Tensor, indices: Tensor, axis: Tensor, batch: int
) -> Tensor:
    """Sum `dy` into the slices it came from, as [batch, size, outer, inner], and turn it back."""
    shape = raw.Shape(params)
    place = raw.FloorMod(raw.Cast(axis, DstT="int32"), raw.Rank(params))
    batches = raw.Prod(shape[:batch], [0])
    outer, inner = raw.Prod(shape[batch:place], [0]), raw.Prod(shape[place + 1 :], [0])
    size = shape[place]
    count = raw.Prod(raw.Shape(indices)[batch:], [0])
    kind = indices.dtype
    offsets = raw.Cast(raw.Mul(raw.Range(0, batches, 1), size), DstT=kind)
    segments = raw.AddV2(
        raw.Reshape(indices, raw.Pack([batches, count])), raw.ExpandDims(offsets, 1)
    )
    parts = raw.Reshape(dy, raw.Pack([batches, outer, count, inner]))
    rows = raw.Reshape(
        raw.Transpose(parts, [0, 2, 1, 3]), raw.Pack([raw.Mul(batches, count), outer, inner])
    )
    total = raw.UnsortedSegmentSum(rows, raw.Reshape(segments, [-1]), raw.Mul(batches, size))
    split = raw.Reshape(total, raw.Pack([batches, size, outer, inner]))
    return like(raw.Reshape(raw.Transpose(split, [0, 2, 1, 3]), shape), params)


@export("gather")
def gather(
    params: Any,
    indices: Any,
    validate_indices: bool | None = None,
    name: str | None = None,
    axis: Any = None,
    batch_dims: int = 0,
) -> Tensor:
    """Return the slices of `params` along `axis` at `indices`.

    `axis` is `batch_dims` by default; the first `batch_dims` dimensions of both inputs go
    together. An index out of range raises `InvalidArgumentError` in the run.

    >>> ps.Session().run(ps.gather([10, 20, 30], [2, 0]))
    array([30, 10], dtype=int32)
    """
    axis = batch_dims if axis is None else axis
    read_rows = getattr(params, "sparse_read", None)
    if read_rows is not None and isinstance(axis, int) and axis == 0 and batch_dims == 0:
        return read_rows(indices, name=name)  # type: ignore[no-any-return]
    result: Tensor = raw.GatherV2(params, indices, axis, batch_dims=batch_dims, name=name)
    return result


def _gather_nd_shape(ctx: ShapeContext) -> list[Dims]:
    dims, indices = ctx.shape(0), ctx.shape(1)
    if indices == ():
        ctx.fail("indices must have at least one dimension")
    if dims is None or not indices or indices[-1] is None:
        return [None]
    if indices[-1] > len(dims):
        ctx.fail(f"indices name {indices[-1]} dimensions, params have {len(dims)}")
    return [indices[:-1] + dims[indices[-1] :]]


define_op(
    "GatherNd",
    inputs="params: Tparams, indices: Tindices",
    outputs="output: Tparams",
    attrs="Tparams: type, Tindices: {int16, int32, int64}, bad_indices_policy: string = ''",
    shape=_gather_nd_shape,
    doc="The slices of `params` at the positions that the rows of `indices` name.",
)


@gradient("GatherNd")
def _gather_nd_grad(op: Operation, dy: Tensor) -> Any:
    params, indices = op.inputs
    if indices.dtype is dtypes.int16:
        indices = raw.Cast(indices, DstT="int32")
    shape = raw.Shape(params, out_type=indices.dtype)
    if indices._dims is not None and len(indices._dims) == 2 and indices._dims[1] == 1:
        return IndexedSlices(dy, raw.Squeeze(indices, squeeze_dims=[1]), shape), None
    return raw.ScatterNd(indices, dy, shape), None


@export("gather_nd manip.gather_nd")
def gather_nd(
    params: Any,
    indices: Any,
    name: str | None = None,
    batch_dims: int = 0,
    bad_indices_policy: str = "",
) -> Tensor:
    """Return the slices of `params` at the positions that the rows of `indices` name.

    The first `batch_dims` dimensions of both inputs go together; the rows name positions in
    the dimensions after them.

    >>> ps.Session().run(ps.gather_nd([[1, 2], [3, 4]], [[1, 0], [0, 1]]))
    array([3, 2], dtype=int32)
    """
    if batch_dims != 0:
        indices = _with_batch_places(convert.to_tensor(indices), batch_dims)
    result: Tensor = raw.GatherNd(params, indices, bad_indices_policy=bad_indices_policy, name=name)
    return result


def _with_batch_places(indices: Tensor, batch_dims: int) -> Tensor:
    """Return `indices` whose rows name their place in the batch dimensions first."""
    if indices._dims is None or not 0 <= batch_dims < len(indices._dims):
        raise ValueError(f"gather_nd: batch_dims {batch_dims} needs indices of a higher known rank")
    rank, kind = len(indices._dims), indices.dtype.base_dtype
    shape = raw.Shape(indices)
    lead = raw.ConcatV2([shape[:-1], np.array([1], np.int32)], 0)
    places = []
    for d in range(batch_dims):
        line = raw.Cast(raw.Range(0, shape[d], 1), DstT=kind)
        line = raw.Reshape(line, [-1 if k == d else 1 for k in range(rank)])
        places.append(raw.BroadcastTo(line, lead))
    result: Tensor = raw.ConcatV2([*places, indices], -1)
    return result


# ---- one-hot


def _one_hot_shape(ctx: ShapeContext) -> list[Dims]:
    for i in (1, 2, 3):
        ctx.rank_is(i, 0)
    indices, size = ctx.shape(0), ctx.scalar(1)
    if size is not None and size < 0:
        ctx.fail(f"depth must not be negative, got {size}")
    if indices is None:
        return [None]
    place = shapes.normalize_axis(ctx.attr("axis"), len(indices) + 1)
    return [(*indices[:place], size, *indices[place:])]


define_op(
    "OneHot",
    inputs="indices: TI, depth: int32, on_value: T, off_value: T",
    outputs="output: T",
    attrs="axis: int = -1, T: type, TI: {uint8, int8, int32, int64} = int64",
    shape=_one_hot_shape,
    doc="on_value at each index along a new axis, off_value elsewhere.",
)
no_gradient("OneHot")


@export("one_hot")
def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: int | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return `on_value` (1) at each index along a new axis, `off_value` (0) elsewhere.

    An index outside of [0, depth) gives a row without an on value.

    >>> ps.Session().run(ps.one_hot([1, 0], 3))
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    given = [convert.to_tensor(v) for v in (on_value, off_value) if v is not None]
    kind = dtypes.as_dtype(dtype) if dtype is not None else None
    if kind is None:
        kind = given[0].dtype.base_dtype if given else dtypes.float32
    on, off = (
        convert.to_tensor(default if v is None else v, kind)
        for v, default in ((on_value, 1), (off_value, 0))
    )
    result: Tensor = raw.OneHot(
        convert.to_tensor(indices), depth, on, off, axis=-1 if axis is None else axis, name=name
    )
    return result


# ---- reversal


def _reversed_shape(ctx: ShapeContext) -> list[Dims]:
    dims, axes = ctx.shape(0), ctx.ints(1)
    if dims is not None and axes is not None:
        known = [shapes.normalize_axis(a, len(dims)) for a in axes if a is not None]
        if len(set(known)) != len(known):
            ctx.fail(f"an axis is named twice: {axes}")
    return [dims]


define_op(
    "ReverseV2",
    inputs="tensor: T, axis: Tidx",
    outputs="output: T",
    attrs="Tidx: index = int32, T: {plain, string}",
    shape=_reversed_shape,
    export="reverse reverse_v2 manip.reverse",
    doc="""`tensor` with the order along each of the axes reversed.

    >>> ps.Session().run(ps.reverse([1, 2, 3], [0]))
    array([3, 2, 1], dtype=int32)
    """,
)
define_op(
    "Reverse",
    inputs="tensor: T, dims: bool",
    outputs="output: T",
    attrs="T: {plain, string}",
    shape=lambda ctx: [ctx.shape(0)],
    doc="`tensor` reversed along the dimensions that are true in `dims` (older form).",
)


@gradient("ReverseV2")
def _reverse_v2_grad(op: Operation, dy: Tensor) -> Any:
    return raw.ReverseV2(dy, op.inputs[1]), None


@gradient("Reverse")
def _reverse_grad(op: Operation, dy: Tensor) -> Any:
    return raw.Reverse(dy, op.inputs[1]), None


define_op(
    "InvertPermutation",
    inputs="x: T",
    outputs="y: T",
    attrs="T: index = int32",
    shape=lambda ctx: [ctx.rank_is(0, 1)],
    export="invert_permutation math.invert_permutation",
    doc="""y with y[x[i]] = i.

    >>> ps.Session().run(ps.invert_permutation([2, 0, 1]))
    array([1, 2, 0], dtype=int32)
    """,
)
no_gradient("InvertPermutation")


# ---- masks


@export("boolean_mask")
def boolean_mask(
    tensor: Any, mask: Any, name: str | None = "boolean_mask", axis: int | None = None
) -> Tensor:
    """Return the slices of `tensor` where `mask` is true, one after the other.

    The mask covers the dimensions from `axis` (0) on; its rank must be known.

    >>> ps.Session().run(ps.boolean_mask([1, 2, 3], [True, False, True]))
    array([1, 3], dtype=int32)
    """
    x, chosen = convert.to_tensor(tensor), convert.to_tensor(mask, dtypes.bool)
    start = 0 if axis is None else int(axis)
    if not chosen._dims:
        raise ValueError("boolean_mask needs a mask of known rank, at least 1")
    rank = len(chosen._dims)
    if x._dims is not None:
        start = start + len(x._dims) if start < 0 else start
        shapes.merge(x._dims[start : start + rank], chosen._dims)
    shape = raw.Shape(x)
    flat = raw.ConcatV2([shape[:start], np.array([-1], np.int32), shape[start + rank :]], 0)
    where = raw.Squeeze(raw.Where(raw.Reshape(chosen, [-1])), squeeze_dims=[1])
    result: Tensor = raw.GatherV2(raw.Reshape(x, flat), where, start, name=name)
    return result


@export("sequence_mask")
def sequence_mask(
    lengths: Any, maxlen: Any = None, dtype: Any = dtypes.bool, name: str | None = None
) -> Tensor:
    """Return a mask whose last dimension is true in the first `lengths[...]` places.

    >>> ps.Session().run(ps.sequence_mask([1, 3], 3))
    array([[ True, False, False],
           [ True,  True,  True]])
    """
    counts = convert.to_tensor(lengths)
    if maxlen is None:
        flat = raw.Reshape(counts, [-1])
        least = np.zeros(1, dtype=counts.dtype.numpy_dtype)
        longest = raw.Max(raw.ConcatV2([least, flat], 0), [0])
    else:
        longest = convert.to_tensor(maxlen, counts.dtype.base_dtype)
    zero, one = (convert.to_tensor(n, counts.dtype.base_dtype) for n in (0, 1))
    places = raw.Range(zero, longest, one)
    mask: Tensor = raw.Less(places, raw.ExpandDims(counts, -1), name=name)
    kind = dtypes.as_dtype(dtype)
    result: Tensor = mask if kind is dtypes.bool else raw.Cast(mask, DstT=kind)
    return result
