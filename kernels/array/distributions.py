"""From random words to numbers, with the CPU's rules (`kernels/cpu/distributions.h`).

Group g of elements comes from counter value g of the stream: four elements, or two of 64 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from penstock.kernel_api import Array
from penstock.kernels.array.philox import Stream

Fill: TypeAlias = Callable[[Any, Stream, int, "np.dtype[Any]"], Array]
"""`fill(xp, stream, count, dtype)`: that many numbers."""


def _groups(xp: Any, stream: Stream, count: int, each: int) -> Array:
    return stream.words(xp, xp.arange(-(-count // each)).astype(np.uint64))


def _unit_float(words: Array) -> Array:
    bits = (words & np.uint64(0x7FFFFF)) | np.uint64(0x3F800000)
    return bits.astype(np.uint32).view(np.float32) - np.float32(1)


def _unit_double(first: Array, second: Array) -> Array:
    high = (first & np.uint64(0xFFFFF)) << np.uint64(32)
    bits = np.uint64(1023 << 52) | high | second
    return bits.view(np.float64) - 1.0


def _unit_half(words: Array, dtype: np.dtype[Any]) -> Array:
    if dtype == np.float16:
        bits = (words & np.uint64(0x3FF)) | np.uint64(0x3C00)
        wide = bits.astype(np.uint16).view(np.float16).astype(np.float32)
    else:  # bfloat16: the upper half of a float32
        bits = ((words & np.uint64(0x7F)) | np.uint64(0x3F80)) << np.uint64(16)
        wide = bits.astype(np.uint32).view(np.float32)
    return (wide - np.float32(1)).astype(dtype)


def uniform(xp: Any, stream: Stream, count: int, dtype: np.dtype[Any]) -> Array:
    """Return numbers in [0, 1)."""
    if dtype == np.float64:
        words = _groups(xp, stream, count, 2)
        return unit_doubles(xp, words).reshape(-1)[:count]
    words = _groups(xp, stream, count, 4).reshape(-1)[:count]
    return _unit_float(words) if dtype == np.float32 else _unit_half(words, dtype)


def unit_doubles(xp: Any, words: Array) -> Array:
    """Return two numbers in [0, 1) for each four words."""
    return xp.stack(
        [_unit_double(words[..., 0], words[..., 1]), _unit_double(words[..., 2], words[..., 3])],
        axis=-1,
    )


def _normals(xp: Any, words: Array, dtype: np.dtype[Any]) -> Array:
    """Return [..., 4] normals (2 of 64 bits) from [..., 4] words."""
    if dtype == np.float64:
        u = unit_doubles(xp, words)
        radius = xp.sqrt(-2.0 * xp.log(xp.maximum(u[..., 0], 1.0e-7)))
        angle = 2 * np.pi * u[..., 1]
        return xp.stack([xp.sin(angle) * radius, xp.cos(angle) * radius], axis=-1)
    u = _unit_float(words)
    floor = np.float32(1.0e-7)
    radius = xp.sqrt(np.float32(-2) * xp.log(xp.maximum(u[..., 0::2], floor)))
    angle = np.float32(2 * np.pi) * u[..., 1::2]
    pairs = xp.stack([xp.sin(angle) * radius, xp.cos(angle) * radius], axis=-1)
    return pairs.reshape(words.shape)


def normal(xp: Any, stream: Stream, count: int, dtype: np.dtype[Any]) -> Array:
    """Return normal numbers of mean 0 and deviation 1."""
    words = _groups(xp, stream, count, 2 if dtype == np.float64 else 4)
    return _normals(xp, words, dtype).reshape(-1)[:count].astype(dtype, copy=False)


def truncated_normal(xp: Any, stream: Stream, count: int, dtype: np.dtype[Any]) -> Array:
    """Return normal numbers between -2 and 2: of each group's stretch the first that are."""
    each = 2 if dtype == np.float64 else 4
    if count == 0:
        return xp.zeros(0, dtype=dtype)
    groups = -(-count // each)
    starts = xp.arange(groups).astype(np.uint64) * np.uint64(64 * each)
    draws = 4
    while True:
        ahead = starts[:, None] + xp.arange(draws).astype(np.uint64)
        drawn = _normals(xp, stream.words(xp, ahead), dtype).reshape(groups, -1)
        kept = xp.abs(drawn) < 2
        order = xp.cumsum(kept, axis=1)
        if int(order[:, -1].min()) >= each:
            break
        draws *= 2
    found = [xp.argmax(kept & (order == k + 1), axis=1) for k in range(each)]
    chosen = xp.take_along_axis(drawn, xp.stack(found, axis=1), axis=1)
    return chosen.reshape(-1)[:count].astype(dtype, copy=False)


def uniform_int(
    xp: Any, stream: Stream, count: int, dtype: np.dtype[Any], low: int, high: int
) -> Array:
    """Return whole numbers in [low, high)."""
    span = np.uint64((high - low) & (1 << 64) - 1)
    first = np.uint64(low & (1 << 64) - 1)
    if dtype.itemsize == 4:
        words = _groups(xp, stream, count, 4).reshape(-1)[:count]
        return ((first + words % span) & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32)
    words = _groups(xp, stream, count, 2)
    bits = xp.stack(
        [
            words[..., 0] | words[..., 1] << np.uint64(32),
            words[..., 2] | words[..., 3] << np.uint64(32),
        ],
        axis=-1,
    ).reshape(-1)[:count]
    return (first + bits % span).view(np.int64)
