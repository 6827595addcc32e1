"""How often numbers, classes and intervals occur; flat positions as one index a dimension."""

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


def _bins_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(1, 0)
    size = ctx.ints(1)
    if size is not None and size[0] is not None and size[0] < 0:
        ctx.fail(f"size must not be negative, got {size[0]}")
    weights = ctx.shape(2)
    if weights is not None and shapes.num_elements(weights):
        shapes.merge(ctx.shape(0), weights)
    return [(size[0] if size else None,)]


define_op(
    "Bincount",
    inputs="arr: int32, size: int32, weights: T",
    outputs="bins: T",
    attrs="T: {int32, int64, float32, float64}",
    shape=_bins_shape,
    doc="The sum of the weights (1 each where there are none) of the elements equal to 0, 1, ...",
)
no_gradient("Bincount")


def _unravelled_shape(ctx: ShapeContext) -> list[Dims]:
    indices, dims = ctx.shape(0), ctx.rank_is(1, 1)
    assert dims is not None
    if indices is not None and len(indices) > 1:
        ctx.fail(f"indices must be a scalar or a vector, not of rank {len(indices)}")
    return [None if indices is None else (dims[0], *indices)]


define_op(
    "UnravelIndex",
    inputs="indices: Tidx, dims: Tidx",
    outputs="output: Tidx",
    attrs="Tidx: index = int32",
    shape=_unravelled_shape,
    export="unravel_index",
    doc="""Flat positions in a tensor of shape `dims` as indices: a row for each dimension.

    >>> ps.Session().run(ps.unravel_index([2, 5], [2, 3]))
    array([[0, 1],
           [2, 2]], dtype=int32)
    """,
)
no_gradient("UnravelIndex")


@export("math.bincount bincount")
def bincount(
    arr: Any,
    weights: Any = None,
    minlength: Any = None,
    maxlength: Any = None,
    dtype: Any = dtypes.int32,
) -> Tensor:
    """Return how often 0, 1, ... occur in `arr`, or the sums of their weights.

    The result is as long as the largest element wants, but not shorter than `minlength` and
    not longer than `maxlength`. Negative elements raise `InvalidArgumentError` in the run.

    >>> ps.Session().run(ps.math.bincount([1, 3, 1]))
    array([0, 2, 0, 1], dtype=int32)
    """
    values = raw.Cast(convert.to_tensor(arr), DstT="int32")
    least = np.array([-1], np.int32)
    size = raw.AddV2(raw.Max(raw.ConcatV2([least, raw.Reshape(values, [-1])], 0), [0]), 1)
    if minlength is not None:
        size = raw.Maximum(size, convert.to_tensor(minlength, dtypes.int32))
    if maxlength is not None:
        size = raw.Minimum(size, convert.to_tensor(maxlength, dtypes.int32))
    if weights is None:
        weights = convert.to_tensor(np.zeros([0], dtypes.as_dtype(dtype).numpy_dtype))
    result: Tensor = raw.Bincount(values, size, weights)
    return result


def _squeezed(labels: Tensor, predictions: Tensor) -> tuple[Tensor, Tensor]:
    """Return both without a last dimension of size 1 that only one of them has."""
    a, b = labels._dims, predictions._dims
    if a is not None and b is not None:
        if len(a) == len(b) + 1 and a[-1] == 1:
            return raw.Squeeze(labels, squeeze_dims=[-1]), predictions
        if len(b) == len(a) + 1 and b[-1] == 1:
            return labels, raw.Squeeze(predictions, squeeze_dims=[-1])
    return labels, predictions


@export("confusion_matrix math.confusion_matrix")
def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: Any = None,
    dtype: Any = dtypes.int32,
    name: str | None = None,
    weights: Any = None,
) -> Tensor:
    """Return how often each label (row) was predicted as each class (column).

    Without `num_classes` there are as many as the largest number wants. A class out of range
    raises `InvalidArgumentError` in the run.

    >>> ps.Session().run(ps.confusion_matrix([0, 1, 1], [0, 1, 0]))
    array([[1, 0],
           [1, 1]], dtype=int32)
    """
    rows, columns = _squeezed(*(convert.to_tensor(v) for v in (labels, predictions)))
    rows, columns = (raw.Cast(v, DstT="int64") for v in (rows, columns))
    if num_classes is None:
        none = np.array([-1], np.int64)
        both = [none, raw.Reshape(rows, [-1]), raw.Reshape(columns, [-1])]
        count = raw.AddV2(raw.Max(raw.ConcatV2(both, 0), [0]), convert.to_tensor(1, dtypes.int64))
    else:
        count = raw.Cast(convert.to_tensor(num_classes), DstT="int64")
    kind = dtypes.as_dtype(dtype)
    if weights is None:
        values = raw.Fill(raw.Shape(rows), convert.to_tensor(1, kind))
    else:
        values = raw.Cast(convert.to_tensor(weights), DstT=kind)
    places = raw.Pack([rows, columns], axis=-1)
    result: Tensor = raw.ScatterNd(places, values, raw.Pack([count, count]), name=name)
    return result


@export("histogram_fixed_width")
def histogram_fixed_width(
    values: Any,
    value_range: Any,
    nbins: Any = 100,
    dtype: Any = dtypes.int32,
    name: str | None = None,
) -> Tensor:
    """Return how many values fall into each of `nbins` equal parts of a range [low, high].

    What lies outside counts for the first or the last part.

    >>> ps.Session().run(ps.histogram_fixed_width([0., 1., 2., 9.], [0., 4.], nbins=4))
    array([1, 1, 1, 1], dtype=int32)
    """
    x = raw.Reshape(convert.to_tensor(values), [-1])
    low, high = raw.Unpack(convert.to_tensor(value_range, x.dtype.base_dtype), num=2)
    count = convert.to_tensor(nbins, dtypes.int32)
    part = raw.RealDiv(raw.Sub(x, low), raw.Sub(high, low))
    part = raw.Mul(raw.Cast(count, DstT=part.dtype), part)
    last = raw.Sub(count, 1)
    bounded = raw.ClipByValue(
        raw.Floor(part), convert.to_tensor(0, part.dtype), raw.Cast(last, DstT=part.dtype)
    )
    ones = raw.Fill(raw.Shape(x), convert.to_tensor(1, dtypes.as_dtype(dtype)))
    result: Tensor = raw.UnsortedSegmentSum(ones, raw.Cast(bounded, DstT="int32"), count, name=name)
    return result
