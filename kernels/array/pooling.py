"""Pooling: the largest element or the mean of each window, and gradients of that.

Of several largest elements the first in the window counts, as on the CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    FLOATS,
    INDEX,
    REALS,
    SIGNED,
    host_shape,
    kernel,
    product,
    require,
    shape_text,
)
from penstock.kernels.array.window import Windows, either_layout, window_dims


def pool_windows(
    node: KernelNode, shape: tuple[int, ...], ksize: Any = None, strides: Any = None
) -> Windows:
    """Return the windows over an image, after checking that they can be pooled."""
    require(len(shape) == 4, f"the input must have 4 dimensions, got shape {shape_text(shape)}")
    windows = Windows(*window_dims(node, (shape[1], shape[2]), None, ksize, strides))
    for d in windows:
        require(
            d.before < d.window and d.after < d.window,
            f"padding of {d.before} and {d.after} must be smaller than the window, {d.window}",
        )
        require(
            d.input > 0 or d.output == 0,
            f"cannot pool an image without pixels, got shape {shape_text(shape)}",
        )
    return windows


def require_shape(x: Array, windows: Windows, like: Array, what: str) -> None:
    """Raise unless x has the shape of the output of pooling `like`."""
    expected = (like.shape[0], windows.height.output, windows.width.output, like.shape[3])
    require(
        x.shape == expected,
        f"{what} must have shape {shape_text(expected)}, got {shape_text(x.shape)}",
    )


def find_max(xp: Any, windows: Windows, x: Array) -> tuple[Array, Array]:
    """Return the largest element of each window, and which of its elements that is."""
    padded = windows.padded(xp, x, 0)
    shape = (x.shape[0], windows.height.output, windows.width.output, x.shape[3])
    lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    best = xp.full(shape, lowest, dtype=x.dtype)
    place = xp.full(shape, -1, dtype=np.int64)
    for k, (i, j) in enumerate(windows.elements()):
        seen = windows.part(padded, i, j)
        better = windows.inside(xp, i, j) & ((seen > best) | (place < 0) | (seen != seen))
        better = better & ~(best != best)
        best = xp.where(better, seen, best)
        place = xp.where(better, k, place)
    return best, place


def _max_pool(xp: Any, node: KernelNode, x: Array, *sizes: Any) -> Array:
    return find_max(xp, pool_windows(node, x.shape, *sizes), x)[0]


def _max_pool_grad(xp: Any, node: KernelNode, x: Array, y: Array, dy: Array, *sizes: Any) -> Array:
    windows = pool_windows(node, x.shape, *sizes)
    require_shape(y, windows, x, "orig_output")
    require_shape(dy, windows, x, "grad")
    place = find_max(xp, windows, x)[1]
    zero, columns = xp.zeros_like(dy), windows.width.window
    like = (x.shape[0], x.shape[3], dy.dtype)
    return windows.folded(xp, like, lambda i, j: xp.where(place == i * columns + j, dy, zero))


def _max_pool_grad_grad(
    xp: Any, node: KernelNode, x: Array, y: Array, g: Array, *sizes: Any
) -> Array:
    windows = pool_windows(node, x.shape, *sizes)
    require_shape(y, windows, x, "orig_output")
    require(
        g.shape == x.shape,
        f"grad must have shape {shape_text(x.shape)}, got {shape_text(g.shape)}",
    )
    place, padded = find_max(xp, windows, x)[1], windows.padded(xp, g, 0)
    out = xp.zeros(place.shape, dtype=g.dtype)
    for k, (i, j) in enumerate(windows.elements()):
        out = xp.where(place == k, windows.part(padded, i, j), out)
    return out


def _counts(xp: Any, windows: Windows, dtype: Any) -> Array:
    """Return how many elements of each window lie on the image."""
    heights = sum(windows.height.inside(i).astype(int) for i in range(windows.height.window))
    widths = sum(windows.width.inside(j).astype(int) for j in range(windows.width.window))
    counts = np.maximum(np.multiply.outer(heights, widths), 1)
    return xp.asarray(counts[None, :, :, None].astype(dtype))


def _avg_pool(xp: Any, node: KernelNode, x: Array) -> Array:
    windows = pool_windows(node, x.shape)
    padded = windows.padded(xp, x, 0)
    shape = (x.shape[0], windows.height.output, windows.width.output, x.shape[3])
    total = xp.zeros(shape, dtype=x.dtype)
    for i, j in windows.elements():
        total += windows.part(padded, i, j)
    return total / _counts(xp, windows, x.dtype)


def _avg_pool_grad(xp: Any, node: KernelNode, sizes: Any, dy: Array) -> Array:
    shape = host_shape(sizes, "orig_input_shape")
    windows = pool_windows(node, shape)
    expected = (shape[0], windows.height.output, windows.width.output, shape[3])
    require(
        dy.shape == expected,
        f"grad must have shape {shape_text(expected)}, got {shape_text(dy.shape)}",
    )
    share = dy / _counts(xp, windows, dy.dtype)
    return windows.folded(xp, (shape[0], shape[3], dy.dtype), lambda i, j: share)


_SIZES = ["ksize", "strides"]
_POOLED = FLOATS | SIGNED | {dtypes.uint8, dtypes.uint16}
for _suffix, _host in (("", []), ("V2", _SIZES)):
    kernel(f"MaxPool{_suffix}", host=_host, wide=True, T=_POOLED)(either_layout("i>i", _max_pool))
    kernel(f"MaxPoolGrad{_suffix}", host=_host, wide=True, T=REALS)(
        either_layout("iii>i", _max_pool_grad)
    )
    kernel(f"MaxPoolGradGrad{_suffix}", host=_host, wide=True, T=REALS)(
        either_layout("iii>i", _max_pool_grad_grad)
    )
kernel("AvgPool", wide=True, T=FLOATS)(either_layout("i>i", _avg_pool))
kernel("AvgPoolGrad", host=["orig_input_shape"], wide=True, T=FLOATS)(
    either_layout("si>i", _avg_pool_grad)
)


@kernel("MaxPoolWithArgmax", wide=True, T=REALS, Targmax=INDEX)
def _max_pool_with_argmax(xp: Any, node: KernelNode, x: Array) -> Any:
    windows = pool_windows(node, x.shape)
    best, place = find_max(xp, windows, x)
    h, w = windows
    batch, height, width, channels = x.shape
    row = xp.arange(h.output)[:, None, None] * h.stride - h.before + place // w.window
    column = xp.arange(w.output)[:, None] * w.stride - w.before + place % w.window
    at = (row * width + column) * channels + xp.arange(channels)
    if node.attrs.get("include_batch_in_index", False):
        at = at + xp.arange(batch)[:, None, None, None] * (height * width * channels)
    return best, at


@kernel("MaxPoolGradWithArgmax", wide=True, T=REALS, Targmax=INDEX)
def _max_pool_grad_with_argmax(
    xp: Any, node: KernelNode, x: Array, dy: Array, argmax: Array
) -> Array:
    windows = pool_windows(node, x.shape)
    require_shape(dy, windows, x, "grad")
    require_shape(argmax, windows, x, "argmax")
    at = argmax.astype(np.int64).reshape(x.shape[0], product(dy.shape[1:]))
    size = product(x.shape[1:])
    counts_batch = node.attrs.get("include_batch_in_index", False)
    limit = x.size if counts_batch else size
    bad = (at < 0) | (at >= limit)
    if bool(bad.any()):
        first = int(xp.argmax(bad))
        require(
            False,
            f"argmax {int(at.reshape(-1)[first])} at position {first} is outside the valid range "
            f"[0, {limit})",
        )
    if not counts_batch:
        at = at + xp.arange(x.shape[0])[:, None] * size
    out = xp.zeros(x.size, dtype=dy.dtype)
    xp.add.at(out, at.reshape(-1), dy.reshape(-1))
    return out.reshape(x.shape)
