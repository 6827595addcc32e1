"""The distinct elements of a vector, in the order in which they occur first."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import REALS, kernel, require, shape_text, widened

_TYPES = REALS | {dtypes.bool}


def _unique(xp: Any, x: Array) -> tuple[Array, Array, Array]:
    require(x.ndim == 1, f"the input must be a vector, got shape {shape_text(x.shape)}")
    flags = x.dtype.kind == "b"
    keys = x.astype("uint8") if flags else widened(x)
    if x.shape[0] == 0:
        return x, xp.zeros(0, dtype="int64"), xp.zeros(0, dtype="int64")
    # A NaN differs from every other: none is merged with its neighbour.
    order = xp.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = xp.concatenate([xp.ones(1, dtype=bool), ordered[1:] != ordered[:-1]])
    group = xp.cumsum(starts) - 1  # of each place in the sorted order
    firsts = order[starts]  # a stable order has the first occurrence in front
    ranks = xp.empty_like(firsts)
    ranks[xp.argsort(firsts)] = xp.arange(firsts.shape[0])
    places = xp.empty_like(order)
    places[order] = ranks[group]
    return x[xp.sort(firsts)], places, xp.bincount(places)


@kernel("Unique", T=_TYPES)
def _unique_only(xp: Any, node: KernelNode, x: Array) -> Any:
    return _unique(xp, x)[:2]


@kernel("UniqueWithCounts", T=_TYPES)
def _unique_with_counts(xp: Any, node: KernelNode, x: Array) -> Any:
    return _unique(xp, x)
