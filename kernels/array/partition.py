"""Rows dealt out and put together again; the places of what is true."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.indices import scattered
from penstock.kernels.array.table import PLAIN, kernel, product, require, shape_text, widened


@kernel("Where", T=PLAIN)
def _where(xp: Any, node: KernelNode, x: Array) -> Array:
    if x.ndim == 0:
        return xp.zeros((int(bool(widened(x) != 0)), 0), dtype=np.int64)
    return xp.stack(xp.nonzero(widened(x) != 0), axis=1)


@kernel("DynamicPartition", T=PLAIN)
def _dynamic_partition(xp: Any, node: KernelNode, data: Array, partitions: Array) -> Any:
    lead, parts = partitions.ndim, len(node.output_dtypes)
    require(
        data.shape[:lead] == partitions.shape,
        f"the shape of partitions, {shape_text(partitions.shape)}, must be a prefix of that of "
        f"data, {shape_text(data.shape)}",
    )
    part = partitions.reshape(-1)
    bad = (part < 0) | (part >= parts)
    if bool(bad.any()):
        at = int(xp.argmax(bad))
        require(False, f"partitions[{at}] = {int(part[at])} is not in [0, {parts})")
    rows = data.reshape(part.size, *data.shape[lead:])
    return tuple([rows[part == k] for k in range(parts)])


def _slice_shape(k: int, indices: Array, data: Array) -> tuple[int, ...]:
    lead = indices.ndim
    require(
        data.shape[:lead] == indices.shape,
        f"data[{k}] has shape {shape_text(data.shape)}, which must start with that of "
        f"indices[{k}], {shape_text(indices.shape)}",
    )
    return tuple(data.shape[lead:])


@kernel("DynamicStitch", "ParallelDynamicStitch", T=PLAIN)
def _dynamic_stitch(xp: Any, node: KernelNode, *inputs: Array) -> Array:
    count = len(inputs) // 2
    indices, data = inputs[:count], inputs[count:]
    tail = _slice_shape(0, indices[0], data[0])
    for k in range(count):
        other = _slice_shape(k, indices[k], data[k])
        require(
            other == tail,
            f"the slices of data[{k}] have shape {shape_text(other)}, those of data[0] have "
            f"{shape_text(tail)}",
        )
        bad = indices[k].reshape(-1) < 0
        if bool(bad.any()):
            at = int(xp.argmax(bad))
            row = int(indices[k].reshape(-1)[at])
            require(False, f"indices[{k}][{at}] = {row} must not be negative")
    rows = xp.concatenate([i.reshape(-1) for i in indices]).astype(np.int64)
    size = int(rows.max()) + 1 if rows.size else 0
    values = xp.concatenate(
        [d.reshape(i.size, product(tail)) for i, d in zip(indices, data, strict=True)]
    )
    zeros = xp.zeros((size, product(tail)), dtype=values.dtype)
    return scattered(xp, "Update", zeros, rows, values).reshape(size, *tail)
