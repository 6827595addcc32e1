"""Scatters into tensors and variables, and sums of segments. See cuda/scatter.cu.

Sums of 32 and 64 bits are added atomically unless `deterministic` is on; everything else goes
through sorted indices, in the order in which updates were given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes, options
from penstock.dtypes import DType
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.indices import require_updates
from penstock.kernels.array.table import (
    FLOATS,
    REALS,
    host_scalar,
    host_shape,
    product,
    require,
    shape_text,
)
from penstock.kernels.gpu import faults, sources
from penstock.kernels.gpu.indexing import flat_positions
from penstock.kernels.gpu.table import kernel
from penstock.kernels.gpu.variables import common_shape, own_value

_HOW = {"Update": 0, "Add": 1, "Sub": 2, "Mul": 3, "Div": 4, "Min": 5, "Max": 6}


def _combine(
    device: Any,
    node: KernelNode,
    how: str,
    out: Array,
    rows: Array,
    updates: Array,
    limit: int,
    shape: tuple[int, ...],
    drop_negative: bool = False,
) -> None:
    """Combine updates, one or a row for each of `rows`, into the rows of `out`, in place.

    `shape` is that of the indices as the user gave them, for the text about a bad one.
    """
    count = int(rows.size)
    if count == 0 or out.size == 0:
        return
    dtype, inner = dtypes.as_dtype(out.dtype), out.size // limit
    rows = rows.astype(np.int64, copy=False).reshape(-1)
    site = device.faults.expect(node.name, node.op, faults.index_text(shape))
    end = (limit, int(drop_negative), device.faults.record, site)
    launch = sources.over(count * inner)
    if how == "Add" and updates.ndim and _atomic(dtype):
        start = (out, updates, rows, count, inner)
        sources.launch("scatter", "scatter_add_atomic", dtype, launch, (*start, *end))
        return
    order = device.stable_order(rows)
    update_inner = inner if updates.ndim else 0
    given = (out, updates, rows[order], order, _HOW[how], count, inner, update_inner, *end)
    sources.launch("scatter", "scatter_sorted", dtype, launch, given)


def _atomic(dtype: DType) -> bool:
    return dtype in sources.ATOMIC and not options.current.deterministic


def _resource_scatter(how: str) -> Any:
    def compute(
        device: Any, node: KernelNode, variable: Any, indices: Array, updates: Array
    ) -> Any:
        shape = common_shape([variable], updates.dtype)
        require(len(shape) > 0, f'variable "{variable.name}" is a scalar: it has no slices')
        require_updates(indices.shape, shape[1:], updates, scalar=True)
        value = own_value(device, variable)
        _combine(device, node, how, value, indices, updates, shape[0], indices.shape)
        variable.assign(value)
        return ()

    return compute


def _slices(device: Any, node: KernelNode, indices: Array, shape: Any) -> tuple[Array, int]:
    """Return the slice numbers that rows of indices name, and how many slices there are."""
    flat = flat_positions(device, node, indices, shape)
    return flat, product(shape[: indices.shape[-1]])


def _resource_scatter_nd(how: str) -> Any:
    def compute(
        device: Any, node: KernelNode, variable: Any, indices: Array, updates: Array
    ) -> Any:
        shape = common_shape([variable], updates.dtype)
        rows, limit = _slices(device, node, indices, shape)
        require_updates(indices.shape[:-1], shape[indices.shape[-1] :], updates)
        value = own_value(device, variable)
        _combine(device, node, how, value, rows, updates, limit, indices.shape, True)
        variable.assign(value)
        return ()

    return compute


def _tensor_scatter(how: str) -> Any:
    def compute(
        device: Any, node: KernelNode, tensor: Array, indices: Array, updates: Array
    ) -> Any:
        rows, limit = _slices(device, node, indices, tensor.shape)
        require_updates(indices.shape[:-1], tensor.shape[indices.shape[-1] :], updates)
        out = tensor.copy()
        _combine(device, node, how, out, rows, updates, limit, indices.shape, True)
        return out

    return compute


@kernel("ScatterNd", host=["shape"], T=REALS)
def _scatter_nd(device: Any, node: KernelNode, indices: Array, updates: Array, shape: Any) -> Array:
    sizes = host_shape(shape)
    rows, limit = _slices(device, node, indices, sizes)
    require_updates(indices.shape[:-1], sizes[indices.shape[-1] :], updates)
    out = device.xp.zeros(sizes, updates.dtype)
    _combine(device, node, "Add", out, rows, updates, limit, indices.shape, True)
    return out


@kernel("UnsortedSegmentSum", host=["num_segments"], T=REALS)
def _segment_sum(device: Any, node: KernelNode, data: Array, ids: Array, number: Any) -> Array:
    segments = host_scalar(number, "num_segments")
    require(segments >= 0, f"num_segments must not be negative, got {segments}")
    require(
        data.shape[: ids.ndim] == ids.shape,
        f"data of shape {shape_text(data.shape)} must begin with the dimensions of segment_ids, "
        f"{shape_text(ids.shape)}",
    )
    out = device.xp.zeros((segments, *data.shape[ids.ndim :]), data.dtype)
    if segments == 0:
        require(ids.size == 0, "there are no segments, but there are segment_ids")
        return out
    _combine(device, node, "Add", out, ids, data, segments, ids.shape, True)
    return out


for _name in ("Update", "Add", "Sub", "Mul", "Min", "Max"):
    kernel(f"ResourceScatter{_name}", dtype=REALS)(_resource_scatter(_name))
kernel("ResourceScatterDiv", dtype=FLOATS)(_resource_scatter("Div"))
for _name in ("Update", "Add", "Sub"):
    kernel(f"ResourceScatterNd{_name}", T=REALS)(_resource_scatter_nd(_name))
for _name in ("Update", "Add", "Sub", "Min", "Max"):
    kernel(f"TensorScatter{_name}", T=REALS)(_tensor_scatter(_name))
