"""Sums the repeated rows of a sparse gradient, for rules that may see each row only once."""

from __future__ import annotations

from typing import Any

from penstock.graph.tensor import Tensor
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw


def sum_repeated(grad: IndexedSlices, var: Any) -> IndexedSlices:
    """Return an equal gradient of `var` in which every row occurs once.

    Each row number is sent to the position where it occurs first; values are summed there,
    and those positions are kept.
    """
    indices = raw.Cast(grad.indices, DstT="int32")
    count = raw.Size(indices)
    positions = raw.Range(0, count, 1)
    rows = raw.StridedSlice(_shape(var), [0], [1], [1], shrink_axis_mask=1)
    first_of_row = raw.TensorScatterMin(
        raw.Fill(raw.ExpandDims(rows, 0), count), raw.ExpandDims(indices, 1), positions
    )
    first = raw.GatherV2(first_of_row, indices, 0)
    sums = raw.UnsortedSegmentSum(grad.values, first, count)
    kept = raw.Squeeze(raw.Where(raw.Equal(first, positions)), squeeze_dims=[1])
    values = raw.GatherV2(sums, kept, 0)
    return IndexedSlices(values, raw.GatherV2(grad.indices, kept, 0), grad.dense_shape)


def _shape(var: Any) -> Tensor:
    result: Tensor = raw.VariableShape(var.handle)
    return result
