"""Tensors joined along an axis, and cut along one. The pieces are views."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    INDEX,
    PLAIN,
    checked_axis,
    host_scalar,
    kernel,
    require,
    shape_text,
)


def _concatenated(xp: Any, values: tuple[Array, ...], axis: int) -> Array:
    first = values[0]
    require(first.ndim > 0, "scalars cannot be concatenated: use stack")
    axis = checked_axis(axis, first.ndim)
    for k, x in enumerate(values):
        require(
            x.ndim == first.ndim,
            f"inputs must have the same rank: input {k} has shape {shape_text(x.shape)}, input 0 "
            f"has shape {shape_text(first.shape)}",
        )
        require(
            x.shape[:axis] == first.shape[:axis] and x.shape[axis + 1 :] == first.shape[axis + 1 :],
            f"inputs must agree in every dimension but {axis}: input {k} has shape "
            f"{shape_text(x.shape)}, input 0 has shape {shape_text(first.shape)}",
        )
    return xp.concatenate(values, axis=axis)


@kernel("ConcatV2", host=["axis"], T=PLAIN, Tidx=INDEX)
def _concat_v2(xp: Any, node: KernelNode, *inputs: Any) -> Array:
    return _concatenated(xp, inputs[:-1], host_scalar(inputs[-1], "axis"))


@kernel("Concat", host=["concat_dim"], T=PLAIN)
def _concat(xp: Any, node: KernelNode, axis: Any, *values: Array) -> Array:
    return _concatenated(xp, values, host_scalar(axis, "axis"))


@kernel("Pack", T=PLAIN)
def _pack(xp: Any, node: KernelNode, *values: Array) -> Array:
    first = values[0]
    axis = checked_axis(int(node.attrs.get("axis", 0)), first.ndim + 1)
    for k, x in enumerate(values):
        require(
            x.shape == first.shape,
            f"inputs must have the same shape: input {k} has {shape_text(x.shape)}, input 0 has "
            f"{shape_text(first.shape)}",
        )
    return xp.stack(values, axis=axis)


@kernel("Unpack", T=PLAIN)
def _unpack(xp: Any, node: KernelNode, x: Array) -> Any:
    require(x.ndim > 0, "a scalar cannot be unstacked")
    axis = checked_axis(int(node.attrs.get("axis", 0)), x.ndim)
    count = len(node.output_dtypes)
    require(
        x.shape[axis] == count,
        f"dimension {axis} of shape {shape_text(x.shape)} must equal num = {count}",
    )
    moved = xp.moveaxis(x, axis, 0)
    return tuple([moved[k : k + 1].reshape(moved.shape[1:]) for k in range(count)])


def _cut(x: Array, axis: int, sizes: list[int]) -> tuple[Array, ...]:
    pieces, start = [], 0
    for size in sizes:
        pieces.append(x[(slice(None),) * axis + (slice(start, start + size),)])
        start += size
    return tuple(pieces)


@kernel("Split", host=["split_dim"], T=PLAIN)
def _split(xp: Any, node: KernelNode, split_dim: Any, x: Array) -> Any:
    axis = checked_axis(host_scalar(split_dim, "axis"), x.ndim)
    parts = len(node.output_dtypes)
    require(
        x.shape[axis] % parts == 0,
        f"cannot split dimension {axis} of shape {shape_text(x.shape)} into {parts} equal parts",
    )
    return _cut(x, axis, [x.shape[axis] // parts] * parts)


@kernel("SplitV", host=["size_splits", "split_dim"], T=PLAIN)
def _split_v(xp: Any, node: KernelNode, x: Array, size_splits: Any, split_dim: Any) -> Any:
    axis = checked_axis(host_scalar(split_dim, "axis"), x.ndim)
    parts, total = len(node.output_dtypes), x.shape[axis]
    require(
        size_splits.shape == (parts,),
        f"size_splits must be a vector of length {parts} (num_split), got shape "
        f"{shape_text(size_splits.shape)}",
    )
    sizes = [int(size) for size in size_splits]
    require(sizes.count(-1) < 2, "size_splits may hold only one -1")
    given = sum(size for size in sizes if size != -1)
    for k, size in enumerate(sizes):
        require(
            size == -1 or 0 <= size <= total,
            f"size_splits[{k}] is {size}, which is not in [0, {total}]",
        )
    require(
        given <= total if -1 in sizes else given == total,
        f"the sizes in size_splits sum to {given}, the dimension to split has size {total}",
    )
    return _cut(x, axis, [total - given if size == -1 else size for size in sizes])
