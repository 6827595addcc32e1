"""Sums the repeated rows of a sparse gradient, for rules that may see each row only once.

What leaves has the rows in the order in which they occur first.
"""

from __future__ import annotations

from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw


def sum_repeated(grad: IndexedSlices) -> IndexedSlices:
    """Return an equal gradient in which every row occurs once."""
    rows, places = raw.Unique(grad.indices)
    return IndexedSlices(
        raw.UnsortedSegmentSum(grad.values, places, raw.Size(rows)), rows, grad.dense_shape
    )
