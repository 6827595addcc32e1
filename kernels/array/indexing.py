"""Elements picked by number, and placed by number: gathers, one-hot rows, reversal."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.indices import checked_indices, flat_rows
from penstock.kernels.array.table import (
    INDEX,
    PLAIN,
    checked_axis,
    host_scalar,
    kernel,
    product,
    require,
    shape_text,
)


def gather(xp: Any, params: Array, indices: Array, axis: int, batch_dims: int) -> Array:
    """Return slices of `params` along `axis`, by indices that share the first dimensions."""
    p, n = params.shape, indices.shape
    require(
        p[:batch_dims] == n[:batch_dims],
        f"params and indices must agree in the {batch_dims} batch dimensions: shapes "
        f"{shape_text(p)} and {shape_text(n)}",
    )
    wide = checked_indices(xp, indices, p[axis])
    batch, outer = product(p[:batch_dims]), product(p[batch_dims:axis])
    inner, count = product(p[axis + 1 :]), product(n[batch_dims:])
    shape = p[:axis] + n[batch_dims:] + p[axis + 1 :]
    if product(shape) == 0:
        return xp.zeros(shape, dtype=params.dtype)
    blocks = params.reshape(batch, outer, p[axis], inner)
    rows = wide.reshape(batch, 1, count)
    return blocks[xp.arange(batch)[:, None, None], xp.arange(outer)[:, None], rows].reshape(shape)


@kernel("Gather", Tparams=PLAIN)
def _gather(xp: Any, node: KernelNode, params: Array, indices: Array) -> Array:
    require(params.ndim > 0, "params is a scalar: there is nothing to gather from")
    return gather(xp, params, indices, 0, 0)


def checked_batch(given: int, indices: Array, axis: int) -> int:
    """Return the number of batch dimensions, counted from the front."""
    batch = given + indices.ndim if given < 0 else given
    require(
        0 <= batch <= min(indices.ndim, axis),
        f"batch_dims {given} must be in [0, {indices.ndim}], the rank of indices, and at most "
        f"axis = {axis}",
    )
    return batch


@kernel("GatherV2", host=["axis"], Tparams=PLAIN)
def _gather_v2(xp: Any, node: KernelNode, params: Array, indices: Array, axis: Any) -> Array:
    along = checked_axis(host_scalar(axis, "axis"), params.ndim)
    batch = checked_batch(int(node.attrs.get("batch_dims", 0)), indices, along)
    return gather(xp, params, indices, along, batch)


def gather_nd(xp: Any, params: Array, indices: Array) -> Array:
    """Return the slices of `params` that the last dimension of `indices` names."""
    rows = flat_rows(xp, indices, params.shape)
    depth = indices.shape[-1]
    tail = params.shape[depth:]
    shape = indices.shape[:-1] + tail
    if product(shape) == 0:
        return xp.zeros(shape, dtype=params.dtype)
    return params.reshape(product(params.shape[:depth]), product(tail))[rows].reshape(shape)


@kernel("GatherNd", Tparams=PLAIN)
def _gather_nd(xp: Any, node: KernelNode, params: Array, indices: Array) -> Array:
    return gather_nd(xp, params, indices)


@kernel("ResourceGather", dtype=PLAIN)
def _resource_gather(xp: Any, node: KernelNode, variable: Any, indices: Array) -> Array:
    params = variable.read()
    batch = int(node.attrs.get("batch_dims", 0))
    require(params.ndim > batch, f"the variable has shape {shape_text(params.shape)}: too few axes")
    return gather(xp, params, indices, batch, batch)


@kernel("ResourceGatherNd", dtype=PLAIN)
def _resource_gather_nd(xp: Any, node: KernelNode, variable: Any, indices: Array) -> Array:
    return gather_nd(xp, variable.read(), indices)


@kernel("OneHot", host=["depth"], T=PLAIN)
def _one_hot(xp: Any, node: KernelNode, indices: Array, depth: Any, on: Array, off: Array) -> Array:
    size = host_scalar(depth, "depth")
    require(size >= 0, f"depth must not be negative, got {size}")
    require(
        on.ndim == 0 and off.ndim == 0,
        f"on_value and off_value must be scalars, got shapes {shape_text(on.shape)} and "
        f"{shape_text(off.shape)}",
    )
    axis = checked_axis(int(node.attrs.get("axis", -1)), indices.ndim + 1)
    classes = xp.arange(size).reshape((size,) + (1,) * (indices.ndim - axis))
    return xp.where(xp.expand_dims(indices.astype(np.int64), axis) == classes, on, off)


def _reversed(xp: Any, x: Array, axes: set[int]) -> Array:
    return x[tuple(slice(None, None, -1 if d in axes else 1) for d in range(x.ndim))]


@kernel("ReverseV2", host=["axis"], T=PLAIN)
def _reverse_v2(xp: Any, node: KernelNode, x: Array, axis: Any) -> Array:
    require(axis.ndim <= 1, f"axis must be a vector, got shape {shape_text(axis.shape)}")
    axes: set[int] = set()
    for given in axis.reshape(-1):
        one = checked_axis(int(given), x.ndim)
        require(one not in axes, f"axis {one} is named twice")
        axes.add(one)
    return _reversed(xp, x, axes)


@kernel("Reverse", host=["dims"], T=PLAIN)
def _reverse(xp: Any, node: KernelNode, x: Array, dims: Any) -> Array:
    require(
        dims.shape == (x.ndim,),
        "dims must be a vector with one bool for each dimension, got shape "
        f"{shape_text(dims.shape)}",
    )
    return _reversed(xp, x, {d for d in range(x.ndim) if dims[d]})


@kernel("InvertPermutation", T=INDEX)
def _invert_permutation(xp: Any, node: KernelNode, x: Array) -> Array:
    require(x.ndim == 1, f"a permutation must be a vector, got shape {shape_text(x.shape)}")
    count = x.shape[0]
    wide = checked_indices(xp, x, count)
    result = xp.full(count, -1, dtype=x.dtype)
    result[wide] = xp.arange(count, dtype=x.dtype)
    require(not bool((result < 0).any()), "a number occurs twice: this is no permutation")
    return result
