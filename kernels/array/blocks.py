"""Blocks of space that move into the batch dimension or into the channels, and back."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.padding import padded
from penstock.kernels.array.table import (
    PLAIN,
    kernel,
    product,
    require,
    shape_text,
)

_LIMIT = 1 << 40


def _read(block: list[int], margins: Any, what: str) -> list[tuple[int, int]]:
    require(
        margins.shape == (len(block), 2),
        f"{what} must have shape [{len(block)}, 2], got {shape_text(margins.shape)}",
    )
    pairs = [(int(before), int(after)) for before, after in margins]
    for d, (size, (before, after)) in enumerate(zip(block, pairs, strict=True)):
        require(1 <= size < _LIMIT, f"the block size of dimension {d} is {size}, expected >= 1")
        require(
            0 <= before < _LIMIT and 0 <= after < _LIMIT,
            f"{what} of dimension {d} are [{before}, {after}], expected sizes >= 0",
        )
    return pairs


def _require_rank(x: Array, rank: int) -> None:
    require(
        x.ndim > rank,
        f"the input must have rank {rank + 1} at least (batch and spatial dimensions), got shape "
        f"{shape_text(x.shape)}",
    )


def _space_to_batch(xp: Any, x: Array, block: list[int], paddings: Any) -> Array:
    pairs, n = _read(block, paddings, "paddings"), len(block)
    _require_rank(x, n)
    around = [(0, 0), *pairs, *[(0, 0)] * (x.ndim - n - 1)]
    for d, (size, (before, after)) in enumerate(zip(block, pairs, strict=True)):
        whole = x.shape[d + 1] + before + after
        require(
            whole % size == 0,
            f"dimension {d + 1} has size {whole} with its paddings, which the block size {size} "
            "does not divide",
        )
    x = padded(xp, x, around, xp.zeros((), dtype=x.dtype))
    batch, space, tail = x.shape[0], x.shape[1 : n + 1], x.shape[n + 1 :]
    outer = [size // b for size, b in zip(space, block, strict=True)]
    split = [s for pair in zip(outer, block, strict=True) for s in pair]
    x = x.reshape(batch, *split, *tail)
    axes = [2 * d + 2 for d in range(n)] + [0] + [2 * d + 1 for d in range(n)]
    x = x.transpose(*axes, *range(2 * n + 1, x.ndim))
    return x.reshape(product(block) * batch, *outer, *tail)


def _batch_to_space(xp: Any, x: Array, block: list[int], crops: Any) -> Array:
    pairs, n = _read(block, crops, "crops"), len(block)
    _require_rank(x, n)
    positions = product(block)
    require(
        x.shape[0] % positions == 0,
        f"the batch size {x.shape[0]} is not a multiple of the block's {positions} elements",
    )
    batch, outer, tail = x.shape[0] // positions, x.shape[1 : n + 1], x.shape[n + 1 :]
    for d, (size, (before, after)) in enumerate(zip(block, pairs, strict=True)):
        whole = outer[d] * size
        require(
            before + after <= whole,
            f"crops of dimension {d + 1} are [{before}, {after}], more than the size {whole}",
        )
    x = x.reshape(*block, batch, *outer, *tail)
    axes = [n] + [axis for d in range(n) for axis in (n + 1 + d, d)]
    x = x.transpose(*axes, *range(2 * n + 1, x.ndim))
    whole_shape = [size * b for size, b in zip(outer, block, strict=True)]
    x = x.reshape(batch, *whole_shape, *tail)
    kept = zip(whole_shape, pairs, strict=True)
    return x[(slice(None), *[slice(before, size - after) for size, (before, after) in kept])]


def _block_list(block_shape: Any) -> list[int]:
    require(
        block_shape.ndim == 1,
        f"block_shape must be a vector, got shape {shape_text(block_shape.shape)}",
    )
    return [int(size) for size in block_shape]


def _block_size(node: KernelNode) -> int:
    size = int(node.attrs["block_size"])
    require(2 <= size < _LIMIT, f"block_size is {size}, expected >= 2")
    return size


def _require_image(x: Array) -> None:
    require(x.ndim == 4, f"the input must have rank 4, got shape {shape_text(x.shape)}")


@kernel("SpaceToBatchND", host=["block_shape", "paddings"], T=PLAIN)
def _space_to_batch_nd(xp: Any, node: KernelNode, x: Array, block: Any, paddings: Any) -> Array:
    return _space_to_batch(xp, x, _block_list(block), paddings)


@kernel("BatchToSpaceND", host=["block_shape", "crops"], T=PLAIN)
def _batch_to_space_nd(xp: Any, node: KernelNode, x: Array, block: Any, crops: Any) -> Array:
    return _batch_to_space(xp, x, _block_list(block), crops)


@kernel("SpaceToBatch", host=["paddings"], T=PLAIN)
def _space_to_batch_2d(xp: Any, node: KernelNode, x: Array, paddings: Any) -> Array:
    _require_image(x)
    return _space_to_batch(xp, x, [_block_size(node)] * 2, paddings)


@kernel("BatchToSpace", host=["crops"], T=PLAIN)
def _batch_to_space_2d(xp: Any, node: KernelNode, x: Array, crops: Any) -> Array:
    _require_image(x)
    return _batch_to_space(xp, x, [_block_size(node)] * 2, crops)


@kernel("SpaceToDepth", T=PLAIN)
def _space_to_depth(xp: Any, node: KernelNode, x: Array) -> Array:
    return _by_layout(node, x, _nhwc_space_to_depth)


@kernel("DepthToSpace", T=PLAIN)
def _depth_to_space(xp: Any, node: KernelNode, x: Array) -> Array:
    return _by_layout(node, x, _nhwc_depth_to_space)


def _nhwc_space_to_depth(x: Array, size: int) -> Array:
    batch, height, width, depth = x.shape
    for d in (1, 2):
        require(
            x.shape[d] % size == 0,
            f"dimension {d} has size {x.shape[d]}, which the block size {size} does not divide",
        )
    split = x.reshape(batch, height // size, size, width // size, size, depth)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(
        batch, height // size, width // size, size * size * depth
    )


def _nhwc_depth_to_space(x: Array, size: int) -> Array:
    batch, height, width, depth = x.shape
    require(
        depth % (size * size) == 0,
        f"the input has {depth} channels, not a multiple of the block's {size * size} elements",
    )
    split = x.reshape(batch, height, width, size, size, depth // (size * size))
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(
        batch, height * size, width * size, depth // (size * size)
    )


def _by_layout(node: KernelNode, x: Array, move: Any) -> Array:
    size, layout = _block_size(node), node.attrs.get("data_format", b"NHWC")
    if layout == b"NCHW_VECT_C":
        require(x.ndim == 5, f"the input must have rank 5, got shape {shape_text(x.shape)}")
        n, c, h, w, v = x.shape
        flat = x.transpose(0, 2, 3, 1, 4).reshape(n, h, w, c * v)
        y = move(flat, size)
        depth = y.shape[3] // v
        return y.reshape(*y.shape[:3], depth, v).transpose(0, 3, 1, 2, 4)
    _require_image(x)
    if layout == b"NCHW":
        return move(x.transpose(0, 2, 3, 1), size).transpose(0, 3, 1, 2)
    return move(x, size)
