"""Gathers, of tensors and of variables. See cuda/gather.cu."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    INDEX,
    PLAIN,
    checked_axis,
    host_scalar,
    product,
    require,
    shape_text,
)
from penstock.kernels.gpu import faults, sources
from penstock.kernels.gpu.table import kernel
from penstock.kernels.gpu.variables import common_shape

_WORDS = {8: dtypes.uint64, 4: dtypes.uint32, 2: dtypes.uint16, 1: dtypes.uint8}
_ANY_INDEX = INDEX | {dtypes.int16}
_WIDE = np.dtype(np.int64)


def _gathered(
    device: Any, node: KernelNode, params: Array, indices: Array, axis: int, batch: int
) -> Array:
    for d in range(batch):
        require(
            params.shape[d] == indices.shape[d],
            f"params and indices must agree in the {batch} batch dimensions: shapes "
            f"{shape_text(params.shape)} and {shape_text(indices.shape)}",
        )
    if indices.dtype.itemsize < 4:
        indices = indices.astype(np.int32)
    shape = params.shape
    out = device.empty((*shape[:axis], *indices.shape[batch:], *shape[axis + 1 :]), params.dtype)
    count = product(indices.shape[batch:])
    sizes = (product(shape[:batch]), product(shape[batch:axis]), shape[axis])
    site = _site(device, node, indices.shape)
    _launch(device, site, params, indices, out, sizes, product(shape[axis + 1 :]), count)
    return out


def _site(device: Any, node: KernelNode, shape: tuple[int, ...]) -> int:
    site: int = device.faults.expect(node.name, node.op, faults.index_text(shape))
    return site


def _launch(
    device: Any,
    site: int,
    params: Array,
    indices: Array,
    out: Array,
    sizes: tuple[int, int, int],
    inner: int,
    count: int,
) -> None:
    """Gather in words as wide as rows allow: fewer threads, each with more to carry."""
    if indices.size == 0 or out.size == 0:
        return
    width = inner * params.dtype.itemsize
    address = _address(params)
    word = next(size for size in _WORDS if width % size == 0 and address % size == 0)
    name = "gather_int64" if indices.dtype == _WIDE else "gather_int32"
    given = (params, indices, out, *sizes, width // word, count, device.faults.record, site)
    items = out.size * out.dtype.itemsize // word
    sources.launch("gather", name, _WORDS[word], sources.over(items), given)


def _address(array: Array) -> int:
    """Return where an array begins; views may begin anywhere."""
    return int(array.ctypes.data if isinstance(array, np.ndarray) else array.data.ptr)


@kernel("Gather", Tparams=PLAIN, Tindices=INDEX)
def _gather(device: Any, node: KernelNode, params: Array, indices: Array) -> Array:
    require(params.ndim > 0, "params is a scalar: there is nothing to gather from")
    return _gathered(device, node, params, indices, 0, 0)


@kernel("GatherV2", host=["axis"], Tparams=PLAIN, Tindices=_ANY_INDEX)
def _gather_v2(device: Any, node: KernelNode, params: Array, indices: Array, axis: Any) -> Array:
    at = checked_axis(host_scalar(axis, "axis"), params.ndim)
    given = int(node.attrs.get("batch_dims", 0))
    batch = given + indices.ndim if given < 0 else given
    require(
        0 <= batch <= indices.ndim and batch <= at,
        f"batch_dims {given} must be in [0, {indices.ndim}], the rank of indices, and at most "
        f"axis = {at}",
    )
    return _gathered(device, node, params, indices, at, batch)


@kernel("ResourceGather", dtype=PLAIN, Tindices=INDEX)
def _resource_gather(device: Any, node: KernelNode, variable: Any, indices: Array) -> Array:
    params = _value(device, node, variable)
    batch = int(node.attrs.get("batch_dims", 0))
    require(params.ndim > batch, "the variable has too few dimensions to gather from")
    require(0 <= batch <= indices.ndim, f"batch_dims {batch} must be in [0, {indices.ndim}]")
    return _gathered(device, node, params, indices, batch, batch)


def flat_positions(device: Any, node: KernelNode, indices: Array, shape: tuple[int, ...]) -> Array:
    """Return the slice number of each row of `indices` in a tensor of `shape`, -1 for bad ones."""
    require(indices.ndim >= 1, "indices must have at least one dimension")
    depth = indices.shape[-1]
    require(
        depth <= len(shape),
        f"the last dimension of indices is {depth}, more than the rank of shape "
        f"{shape_text(shape)}",
    )
    count = product(indices.shape[:-1])
    flat = device.empty((count,), _WIDE)
    if count:
        dims = (*shape, *[1] * (8 - len(shape)))
        site = _site(device, node, indices.shape)
        given = (indices.astype(_WIDE, copy=False), flat, count, depth, *dims)
        given = (*given, device.faults.record, site)
        sources.launch("gather", "flat_positions", dtypes.uint32, sources.over(count), given)
    return flat


def _gather_slices(device: Any, node: KernelNode, params: Array, indices: Array) -> Array:
    flat = flat_positions(device, node, indices, params.shape)
    depth = indices.shape[-1]
    lead, tail = params.shape[:depth], params.shape[depth:]
    out = device.empty((*indices.shape[:-1], *tail), params.dtype)
    sizes = (1, 1, product(lead))
    site = _site(device, node, indices.shape)
    _launch(device, site, params, flat, out, sizes, product(tail), int(flat.size))
    return out


@kernel("GatherNd", Tparams=PLAIN, Tindices=_ANY_INDEX)
def _gather_nd(device: Any, node: KernelNode, params: Array, indices: Array) -> Array:
    return _gather_slices(device, node, params, indices)


@kernel("ResourceGatherNd", dtype=PLAIN, Tindices=INDEX)
def _resource_gather_nd(device: Any, node: KernelNode, variable: Any, indices: Array) -> Array:
    return _gather_slices(device, node, _value(device, node, variable), indices)


def _value(device: Any, node: KernelNode, variable: Any) -> Array:
    common_shape([variable], node.output_dtypes[0].numpy_dtype)
    value = variable.read()
    return value if value.flags.c_contiguous else device.xp.ascontiguousarray(value)
