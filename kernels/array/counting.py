"""Numbers counted, and found in sorted rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    FLOAT2,
    INDEX,
    REALS,
    host_scalar,
    host_shape,
    kernel,
    product,
    require,
    shape_text,
    widened,
)


@kernel("Bincount", host=["size"], T=FLOAT2 | INDEX)
def _bincount(xp: Any, node: KernelNode, values: Array, size: Any, weights: Array) -> Array:
    count = host_scalar(size, "size")
    require(count >= 0, f"size must not be negative, got {count}")
    require(
        weights.size == 0 or weights.shape == values.shape,
        f"weights must be empty or have shape {shape_text(values.shape)}, that of the values, got "
        f"{shape_text(weights.shape)}",
    )
    flat = values.reshape(-1)
    bad = flat < 0
    if bool(bad.any()):
        at = int(xp.argmax(bad))
        require(False, f"element {at} is {int(flat[at])}: only numbers >= 0 are counted")
    kept = flat < count
    added = weights.reshape(-1)[kept] if weights.size else weights.dtype.type(1)
    bins = xp.zeros(count, dtype=weights.dtype)
    xp.add.at(bins, flat[kept], added)
    return bins


def _bound(side: str) -> Any:
    def compute(xp: Any, node: KernelNode, rows: Array, values: Array) -> Array:
        require(
            rows.ndim == 2 and values.ndim == 2 and rows.shape[0] == values.shape[0],
            "sorted_inputs and values must be matrices of as many rows, got shapes "
            f"{shape_text(rows.shape)} and {shape_text(values.shape)}",
        )
        if values.size == 0:
            return xp.zeros(values.shape, dtype=np.int64)
        a, b = widened(rows), widened(values)
        found = [xp.searchsorted(a[r], b[r], side=side) for r in range(rows.shape[0])]
        return xp.stack(found)

    return compute


kernel("LowerBound", T=REALS)(_bound("left"))
kernel("UpperBound", T=REALS)(_bound("right"))


@kernel("UnravelIndex", host=["dims"], Tidx=INDEX)
def _unravel_index(xp: Any, node: KernelNode, indices: Array, dims: Any) -> Array:
    require(
        indices.ndim <= 1,
        f"indices must be a scalar or a vector, got shape {shape_text(indices.shape)}",
    )
    shape = host_shape(dims, "dims")
    limit = product(shape)
    bad = (indices < 0) | (indices >= limit)
    if bool(bad.any()):
        at = int(xp.argmax(bad))
        require(
            False,
            f"indices[{at}] = {int(indices.reshape(-1)[at])} is not in [0, {limit}), the number "
            f"of elements of shape {shape_text(shape)}",
        )
    left, found = indices, []
    for size in reversed(shape):
        found.append(left % max(size, 1))
        left = left // max(size, 1)
    return xp.stack(found[::-1]) if found else xp.zeros((0, *indices.shape), dtype=indices.dtype)
