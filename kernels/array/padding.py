"""Tensors repeated, and tensors with borders: constant ones and mirrors."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import NUMBERS, PLAIN, kernel, require, shape_text


@kernel("Tile", host=["multiples"], T=PLAIN)
def _tile(xp: Any, node: KernelNode, x: Array, multiples: Any) -> Array:
    require(
        multiples.shape == (x.ndim,),
        f"multiples must be a vector of length {x.ndim}, the rank of the input, got shape "
        f"{shape_text(multiples.shape)}",
    )
    times = [int(m) for m in multiples]
    for d, m in enumerate(times):
        require(m >= 0, f"multiples[{d}] is {m}, expected >= 0")
    return xp.tile(x, tuple(times)) if x.ndim else x


def _read_paddings(paddings: Any, rank: int) -> list[tuple[int, int]]:
    require(
        paddings.shape == (rank, 2),
        f"paddings must have shape [{rank}, 2] for an input of rank {rank}, got "
        f"{shape_text(paddings.shape)}",
    )
    found = [(int(before), int(after)) for before, after in paddings]
    for d, (before, after) in enumerate(found):
        require(
            0 <= before < 1 << 60 and 0 <= after < 1 << 60,
            f"paddings of dimension {d} are [{before}, {after}]: expected sizes >= 0 that fit in "
            "memory",
        )
    return found


def padded(xp: Any, x: Array, paddings: list[tuple[int, int]], value: Any) -> Array:
    """Return x with a border of `value`, a scalar array."""
    shape = tuple(b + n + a for n, (b, a) in zip(x.shape, paddings, strict=True))
    out = xp.broadcast_to(value, shape).copy()
    out[tuple(slice(b, b + n) for n, (b, _) in zip(x.shape, paddings, strict=True))] = x
    return out


@kernel("Pad", host=["paddings"], T=PLAIN)
def _pad(xp: Any, node: KernelNode, x: Array, paddings: Any) -> Array:
    return padded(xp, x, _read_paddings(paddings, x.ndim), xp.zeros((), dtype=x.dtype))


@kernel("PadV2", host=["paddings"], T=PLAIN)
def _pad_v2(xp: Any, node: KernelNode, x: Array, paddings: Any, value: Array) -> Array:
    require(
        value.ndim == 0, f"constant_values must be a scalar, got shape {shape_text(value.shape)}"
    )
    return padded(xp, x, _read_paddings(paddings, x.ndim), value)


def _mirror_tables(
    node: KernelNode, paddings: list[tuple[int, int]], small: tuple[int, ...]
) -> list[np.ndarray[Any, Any]]:
    """Return for each dimension the index of the small tensor that each of the large one shows."""
    edge = int(node.attrs["mode"] == b"SYMMETRIC")  # whether the border itself is repeated
    tables = []
    for d, (size, (before, after)) in enumerate(zip(small, paddings, strict=True)):
        most = size if edge else size - 1
        require(
            before <= most and after <= most,
            f"paddings of dimension {d} are [{before}, {after}], but mirroring a size of {size} "
            f"allows at most {most}",
        )
        at = np.arange(-before, size + after)
        at = np.where(at < 0, -at - edge, at)
        tables.append(np.where(at >= size, 2 * size - 2 + edge - at, at))
    return tables


@kernel("MirrorPad", host=["paddings"], T=PLAIN)
def _mirror_pad(xp: Any, node: KernelNode, x: Array, paddings: Any) -> Array:
    if x.ndim == 0:
        return x
    tables = _mirror_tables(node, _read_paddings(paddings, x.ndim), x.shape)
    for d, table in enumerate(tables):
        x = xp.take(x, xp.asarray(table), axis=d)
    return x


@kernel("MirrorPadGrad", host=["paddings"], wide=True, T=NUMBERS)
def _mirror_pad_grad(xp: Any, node: KernelNode, dy: Array, paddings: Any) -> Array:
    if dy.ndim == 0:
        return dy
    pads = _read_paddings(paddings, dy.ndim)
    for d, (before, after) in enumerate(pads):
        require(
            before + after <= dy.shape[d],
            f"paddings of dimension {d} are larger than the size {dy.shape[d]}",
        )
    small = tuple(n - b - a for n, (b, a) in zip(dy.shape, pads, strict=True))
    for d, table in enumerate(_mirror_tables(node, pads, small)):
        dy = _folded(xp, dy, d, table, small[d], pads[d])
    return dy


def _folded(xp: Any, dy: Array, axis: int, table: Any, size: int, pads: tuple[int, int]) -> Array:
    """Return the middle of one dimension, with what its mirror images got added in."""
    rows = xp.moveaxis(dy, axis, 0)
    before, after = pads
    out = rows[before : before + size].copy()
    for start, count in ((0, before), (before + size, after)):  # no index twice in either
        out[xp.asarray(table[start : start + count])] += rows[start : start + count]
    return xp.moveaxis(out, 0, axis)
