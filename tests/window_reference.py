"""Sliding windows in NumPy, slow and obvious: what convolution and pooling are compared with.

Images are NHWC; `first` and `last` exchange the layouts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def pads(
    sizes: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    padding: Any,
) -> list[tuple[int, int]]:
    """Return how much is padded before and after height and width."""
    if padding == "VALID":
        return [(0, 0), (0, 0)]
    if padding != "SAME":
        return list(padding)
    result = []
    for size, k, s, d in zip(sizes, window, strides, dilations, strict=True):
        total = max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
        result.append((total // 2, total - total // 2))
    return result


def windows(
    x: Array,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: Any,
    dilations: tuple[int, ...] = (1, 1),
    fill: float = 0.0,
) -> Array:
    """Return [batch, rows, columns, window height, window width, channels]."""
    (top, bottom), (left, right) = pads(x.shape[1:3], window, strides, dilations, padding)
    edges = ((0, 0), (top, bottom), (left, right), (0, 0))
    padded = np.pad(x, edges, constant_values=x.dtype.type(fill))
    extent = [(k - 1) * d + 1 for k, d in zip(window, dilations, strict=True)]
    rows = (padded.shape[1] - extent[0]) // strides[0] + 1
    columns = (padded.shape[2] - extent[1]) // strides[1] + 1
    out = np.zeros((x.shape[0], rows, columns, *window, x.shape[3]), x.dtype)
    for i in range(window[0]):
        for j in range(window[1]):
            y, z = i * dilations[0], j * dilations[1]
            out[:, :, :, i, j] = padded[
                :,
                y : y + (rows - 1) * strides[0] + 1 : strides[0],
                z : z + (columns - 1) * strides[1] + 1 : strides[1],
            ]
    return out


def spread(
    parts: Array,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    padding: Any,
    dilations: tuple[int, ...] = (1, 1),
) -> Array:
    """Add what is shaped like `windows` back to an image: the transpose of `windows`."""
    window = parts.shape[3:5]
    (top, bottom), (left, right) = pads(shape[1:3], window, strides, dilations, padding)
    _, height, width, _ = shape
    out = np.zeros((shape[0], height + top + bottom, width + left + right, shape[3]), parts.dtype)
    rows, columns = parts.shape[1:3]
    for i in range(window[0]):
        for j in range(window[1]):
            y, z = i * dilations[0], j * dilations[1]
            out[
                :,
                y : y + (rows - 1) * strides[0] + 1 : strides[0],
                z : z + (columns - 1) * strides[1] + 1 : strides[1],
            ] += parts[:, :, :, i, j]
    return out[:, top : top + height, left : left + width]


def first(x: Array) -> Array:
    """Return an NHWC image as NCHW."""
    return x.transpose(0, 3, 1, 2)


def last(x: Array) -> Array:
    """Return an NCHW image as NHWC."""
    return x.transpose(0, 2, 3, 1)
