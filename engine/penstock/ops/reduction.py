"""Reductions over axes: sums, means, products, extremes, truth of all or any."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.shape import like, one_of, shape_of
from penstock.ops.static_values import partial_ints
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _reduced_shape(ctx: ShapeContext) -> list[Dims]:
    dims, axes, keep = ctx.shape(0), ctx.ints(1), ctx.attr("keep_dims")
    if dims is None:
        return [None]
    if axes is None:
        return [(None,) * len(dims) if keep else None]
    if any(a is None for a in axes):
        rest = len(dims) - len(axes)
        if rest < 0:
            ctx.fail(f"cannot reduce {len(axes)} different axes of rank {len(dims)}")
        return [(None,) * (len(dims) if keep else rest)]
    drop = [shapes.normalize_axis(a, len(dims)) for a in axes if a is not None]
    if len(set(drop)) != len(drop):
        ctx.fail(f"an axis is named twice: {axes}")
    if keep:
        return [tuple([1 if i in drop else d for i, d in enumerate(dims)])]
    return [tuple([d for i, d in enumerate(dims) if i not in drop])]


def _define(name: str, types: str, doc: str) -> None:
    element = "T" if types else "bool"
    define_op(
        name,
        inputs=f"input: {element}, reduction_indices: Tidx",
        outputs=f"output: {element}",
        attrs="keep_dims: bool = False, "
        + (f"T: {types}, " if types else "")
        + "Tidx: index = int32",
        shape=_reduced_shape,
        doc=doc,
    )


_define("Sum", "number", "The sum over axes; 0 of no elements.")
_define("Mean", "number", "The mean over axes; NaN of no elements. Integers are rounded towards 0.")
_define("Prod", "number", "The product over axes; 1 of no elements.")
_define(
    "Max", "real", "The largest element over axes; a NaN wins. The lowest value of no elements."
)
_define("Min", "real", "The smallest element over axes; a NaN wins.")
_define("EuclideanNorm", "number", "The square root of the sum of squares over axes.")
_define("All", "", "Whether all elements over axes are true; true of no elements.")
_define("Any", "", "Whether any element over axes is true; false of no elements.")
no_gradient("All", "Any")


# ---- gradients


def _static_axes(op: Operation) -> list[int] | None:
    """Return the reduced axes, counted from the front, when they and the rank are known."""
    dims, axes = op.inputs[0]._dims, partial_ints(op.inputs[1])
    if dims is None or axes is None or any(a is None for a in axes):
        return None
    return [shapes.normalize_axis(a, len(dims)) for a in axes if a is not None]


def _kept_shape(op: Operation) -> Any:
    """Return the shape of the result as it is with keep_dims."""
    x, axes = op.inputs[0], _static_axes(op)
    if axes is not None and x._dims is not None:
        kept = [1 if i in axes else d for i, d in enumerate(x._dims)]
        if sum(d is None for d in kept) <= 1:
            return np.array([-1 if d is None else d for d in kept], dtype=np.int32)
    index = op.inputs[1]
    shape = raw.Shape(x, out_type=index.dtype)
    rank = raw.Cast(raw.Rank(x), DstT=index.dtype)
    positions = raw.FloorMod(raw.Reshape(index, [-1]), rank)
    places = [raw.Range(0, raw.Rank(x), 1), raw.Cast(positions, DstT="int32")]
    return raw.DynamicStitch(places, [shape, raw.OnesLike(positions)])


def _spread(op: Operation, value: Tensor) -> Tensor:
    """Return `value`, of the shape of the result, repeated to the shape of the input."""
    x = op.inputs[0]
    kept = value if op.get_attr("keep_dims") else raw.Reshape(value, _kept_shape(op))
    if kept._dims == x._dims and shapes.is_fully_defined(x._dims):
        return kept
    result: Tensor = raw.BroadcastTo(kept, shape_of(x))
    return result


@gradient("Sum")
def _sum_grad(op: Operation, dy: Tensor) -> Any:
    return _spread(op, dy), None


def _count(op: Operation) -> Any:
    """Return how many elements make one of the result, in the result's dtype."""
    x, y = op.inputs[0], op.outputs[0]
    of_x, of_y = shapes.num_elements(x._dims), shapes.num_elements(y._dims)
    if of_x is not None and of_y is not None:
        return np.array(max(1, of_x // max(1, of_y)), dtype=y.dtype.numpy_dtype)
    axes = _static_axes(op)
    if axes is not None and x._dims is not None:
        sizes = tuple([x._dims[a] for a in axes])
        if None not in sizes:
            return np.array(max(1, shapes.num_elements(sizes) or 0), dtype=y.dtype.numpy_dtype)
    size_x, size_y = raw.Size(x, out_type="int64"), raw.Size(y, out_type="int64")
    one = np.array(1, dtype=np.int64)
    return raw.Cast(raw.FloorDiv(size_x, raw.Maximum(size_y, one)), DstT=y.dtype)


@gradient("Mean")
def _mean_grad(op: Operation, dy: Tensor) -> Any:
    return _spread(op, raw.RealDiv(dy, _count(op))), None


@gradient("EuclideanNorm")
def _euclidean_norm_grad(op: Operation, dy: Tensor) -> Any:
    return raw.Mul(op.inputs[0], _spread(op, raw.DivNoNan(dy, op.outputs[0]))), None


@gradient("Max")
def _extreme_grad(op: Operation, dy: Tensor) -> Any:
    """Share the gradient equally among the elements that are the extreme."""
    x = op.inputs[0]
    hits = raw.Cast(raw.Equal(x, _spread(op, op.outputs[0])), DstT=x.dtype)
    count = raw.Sum(hits, op.inputs[1], keep_dims=op.get_attr("keep_dims"))
    return raw.Mul(hits, _spread(op, raw.RealDiv(dy, count))), None


gradient("Min")(_extreme_grad)


@gradient("Prod")
def _prod_grad(op: Operation, dy: Tensor) -> Any:
    """Multiply the elements before and after each one, so that zeros do no harm."""
    x = op.inputs[0]
    kept, reduced = _split_axes(op)
    order = raw.ConcatV2([reduced, kept], 0)
    moved = raw.Transpose(x, order)
    rows = raw.Prod(raw.GatherV2(raw.Shape(x), reduced, 0), [0])
    columns = raw.Prod(raw.GatherV2(raw.Shape(x), kept, 0), [0])
    matrix = raw.Reshape(moved, raw.Pack([rows, columns]))
    before = raw.Cumprod(matrix, 0, exclusive=True)
    after = raw.Cumprod(matrix, 0, exclusive=True, reverse=True)
    others = raw.Reshape(raw.Mul(before, after), raw.Shape(moved))
    slope = raw.Transpose(others, raw.InvertPermutation(order))
    return like(raw.Mul(_spread(op, dy), slope), x), None


def _split_axes(op: Operation) -> tuple[Any, Any]:
    """Return the axes that stay and those that are reduced, as int32 vectors."""
    x, axes = op.inputs[0], _static_axes(op)
    if axes is not None and x._dims is not None:
        stay = [i for i in range(len(x._dims)) if i not in axes]
        return np.array(stay, dtype=np.int32), np.array(axes, dtype=np.int32)
    rank = raw.Rank(x)
    index = raw.Cast(raw.Reshape(op.inputs[1], [-1]), DstT="int32")
    places = raw.FloorMod(index, rank)
    flags = raw.UnsortedSegmentSum(raw.OnesLike(places), places, rank)
    stay, gone = raw.DynamicPartition(raw.Range(0, rank, 1), flags, num_partitions=2)
    return stay, gone


# ---- public functions


def all_axes(x: Tensor) -> Any:
    """Return all axes of `x` as a vector."""
    if x._dims is not None:
        return np.arange(len(x._dims), dtype=np.int32)
    return raw.Range(0, raw.Rank(x), 1)


def _reduce(
    op: str, x: Any, axis: Any, keepdims: Any, name: Any, old_axis: Any, old_keep: Any
) -> Tensor:
    x = convert.to_tensor(x, dtypes.bool if op in ("All", "Any") else None)
    axis = one_of("axis", axis, "reduction_indices", old_axis)
    keep = one_of("keepdims", keepdims, "keep_dims", old_keep)
    axes = all_axes(x) if axis is None else axis
    if isinstance(axes, (list, tuple)) and not axes:
        axes = np.array([], dtype=np.int32)
    result: Tensor = getattr(raw, op)(x, axes, keep_dims=bool(keep), name=name)
    return result


@export("reduce_sum math.reduce_sum")
def reduce_sum(
    input_tensor: Any,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return the sum over `axis` (an int, a list, or None for all).

    With `keepdims` the reduced dimensions stay, with size 1. `reduction_indices` and
    `keep_dims` are older names of the arguments.

    >>> ps.Session().run(ps.reduce_sum([[1, 2], [3, 4]], axis=0))
    array([4, 6], dtype=int32)
    """
    return _reduce("Sum", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


@export("reduce_mean math.reduce_mean")
def reduce_mean(
    input_tensor: Any,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return the mean over `axis`; see `reduce_sum` for the arguments.

    >>> float(ps.Session().run(ps.reduce_mean([1., 2., 6.])))
    3.0
    """
    return _reduce("Mean", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


@export("reduce_prod math.reduce_prod")
def reduce_prod(
    input_tensor: Any,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return the product over `axis`; see `reduce_sum` for the arguments.

    >>> int(ps.Session().run(ps.reduce_prod([2, 3, 4])))
    24
    """
    return _reduce("Prod", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


@export("reduce_max math.reduce_max")
def reduce_max(
    input_tensor: Any,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return the largest element over `axis`; see `reduce_sum` for the arguments.

    >>> ps.Session().run(ps.reduce_max([[1, 5], [3, 4]], axis=1))
    array([5, 4], dtype=int32)
    """
    return _reduce("Max", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


@export("reduce_min math.reduce_min")
def reduce_min(
    input_tensor: Any,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return the smallest element over `axis`; see `reduce_sum` for the arguments.

    >>> int(ps.Session().run(ps.reduce_min([3, 1, 2])))
    1
    """
    return _reduce("Min", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


@export("reduce_all math.reduce_all")
def reduce_all(
    input_tensor: Any,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return whether all elements over `axis` are true; see `reduce_sum` for the arguments.

    >>> bool(ps.Session().run(ps.reduce_all([True, False])))
    False
    """
    return _reduce("All", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


@export("reduce_any math.reduce_any")
def reduce_any(
    input_tensor: Any,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return whether any element over `axis` is true; see `reduce_sum` for the arguments.

    >>> bool(ps.Session().run(ps.reduce_any([True, False])))
    True
    """
    return _reduce("Any", input_tensor, axis, keepdims, name, reduction_indices, keep_dims)


@export("reduce_logsumexp math.reduce_logsumexp")
def reduce_logsumexp(
    input_tensor: Any,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return log(sum(exp(x))) over `axis` without overflow; arguments as of `reduce_sum`.

    >>> print(f"{ps.Session().run(ps.reduce_logsumexp([1000., 1000.])):.3f}")
    1000.693
    """
    keep = bool(one_of("keepdims", keepdims, "keep_dims", keep_dims))
    axis = one_of("axis", axis, "reduction_indices", reduction_indices)
    x = convert.to_tensor(input_tensor)
    top = reduce_max(x, axis, True)
    finite = raw.StopGradient(raw.SelectV2(raw.IsFinite(top), top, raw.ZerosLike(top)))
    total = raw.Log(reduce_sum(raw.Exp(raw.Sub(x, finite)), axis, keep))
    offset = finite if keep else raw.Reshape(finite, raw.Shape(total))
    result: Tensor = raw.AddV2(total, offset, name=name)
    return result


@export("count_nonzero math.count_nonzero")
def count_nonzero(
    input_tensor: Any = None,
    axis: Any = None,
    keepdims: bool | None = None,
    dtype: Any = dtypes.int64,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
    input: Any = None,
) -> Tensor:
    """Return how many elements over `axis` are not zero.

    >>> int(ps.Session().run(ps.count_nonzero([0, 3, 0, -1])))
    2
    """
    x = convert.to_tensor(one_of("input", input, "input_tensor", input_tensor))
    hits = raw.Cast(raw.NotEqual(x, raw.ZerosLike(x)), DstT="int64")
    total = reduce_sum(hits, axis, keepdims, name, reduction_indices, keep_dims)
    wanted = dtypes.as_dtype(dtype)
    result: Tensor = total if wanted is dtypes.int64 else raw.Cast(total, DstT=wanted)
    return result
