"""A window that slides over an image: what convolutions, pooling and their gradients share.

Images are NHWC here; `either_layout` wraps kernels for channels-first images. Work goes window
element by window element: each is a strided part of the padded image, as large as the output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import Kernel, require, shape_text


class WindowDim(NamedTuple):
    """One spatial dimension. Output o covers inputs o * stride - before + i * dilation."""

    input: int
    window: int
    stride: int
    dilation: int
    output: int
    before: int
    after: int

    @property
    def padded(self) -> int:
        """The size of the padded input, as far as windows reach."""
        reach = (self.output - 1) * self.stride + (self.window - 1) * self.dilation + 1
        return max(self.before + self.input + self.after, reach)

    def part(self, i: int) -> slice:
        """Return the places of the padded input that window element i falls on."""
        start = i * self.dilation
        return slice(start, start + max(0, (self.output - 1) * self.stride + 1), self.stride)

    def inside(self, i: int) -> np.ndarray[Any, Any]:
        """Return for each output whether window element i falls on the input itself."""
        at = np.arange(self.output) * self.stride - self.before + i * self.dilation
        return (at >= 0) & (at < self.input)


def _spatial(node: KernelNode, name: str, given: Any = None) -> tuple[int, int]:
    sizes = [int(n) for n in (node.attrs[name] if given is None else given)]
    require(len(sizes) == 4, f"{name} must have 4 elements, got {len(sizes)}")
    if is_channels_first(node):
        sizes = [sizes[0], sizes[2], sizes[3], sizes[1]]
    require(
        sizes[0] == 1 and sizes[3] == 1,
        f"{name} must be 1 for batch and channels, got {shape_text(sizes)}",
    )
    for size in sizes[1:3]:
        require(0 < size < 1 << 31, f"{name} must be positive, got {size}")
    return sizes[1], sizes[2]


def is_channels_first(node: KernelNode) -> bool:
    """Return True for images with channels in front of space."""
    return bool(node.attrs.get("data_format", b"NHWC") == b"NCHW")


def _explicit(node: KernelNode) -> list[tuple[int, int]]:
    sizes = [int(n) for n in node.attrs.get("explicit_paddings", ())]
    require(len(sizes) == 8, f"explicit_paddings must have 8 elements, got {len(sizes)}")
    for size in sizes:
        require(0 <= size < 1 << 31, f"explicit_paddings must not be negative, got {size}")
    pairs = list(zip(sizes[::2], sizes[1::2], strict=True))
    if is_channels_first(node):
        pairs = [pairs[0], pairs[2], pairs[3], pairs[1]]
    require(pairs[0] == pairs[3] == (0, 0), "explicit_paddings must be 0 for batch and channels")
    return pairs[1:3]


def _along(
    name: str, size: int, window: int, stride: int, dilation: int, padding: Any
) -> WindowDim:
    require(0 < window < 1 << 31, f"the window's {name} must be positive, got {window}")
    extent = (window - 1) * dilation + 1
    if padding == b"SAME":
        output = -(-size // stride)
        total = max(0, (output - 1) * stride + extent - size)
        return WindowDim(size, window, stride, dilation, output, total // 2, total - total // 2)
    before, after = (0, 0) if padding == b"VALID" else padding
    padded = size + before + after
    require(
        padded >= extent,
        f"the window's {name} of {extent} is larger than the padded input's, {padded}",
    )
    output = (padded - extent) // stride + 1
    return WindowDim(size, window, stride, dilation, output, before, after)


def window_dims(
    node: KernelNode,
    sizes: tuple[int, int],
    window: tuple[int, int] | None = None,
    ksize: Any = None,
    strides: Any = None,
) -> tuple[WindowDim, WindowDim]:
    """Return height and width of an image under the node's window (its `ksize`, if not given)."""
    stride = _spatial(node, "strides", strides)
    dilation = _spatial(node, "dilations") if "dilations" in node.attrs else (1, 1)
    extents = window or _spatial(node, "ksize", ksize)
    padding: Any = node.attrs["padding"]
    each = _explicit(node) if padding == b"EXPLICIT" else [padding, padding]
    return (
        _along("height", sizes[0], extents[0], stride[0], dilation[0], each[0]),
        _along("width", sizes[1], extents[1], stride[1], dilation[1], each[1]),
    )


class Windows(NamedTuple):
    """Both dimensions of a window over an image."""

    height: WindowDim
    width: WindowDim

    def elements(self) -> Iterator[tuple[int, int]]:
        """Yield the elements of the window, row by row."""
        for i in range(self.height.window):
            for j in range(self.width.window):
                yield i, j

    def padded(self, xp: Any, x: Array, value: Any) -> Array:
        """Return x with a border of `value`, as far as windows reach."""
        h, w = self
        if (h.padded, w.padded) == x.shape[1:3]:
            return x
        out = xp.full((x.shape[0], h.padded, w.padded, x.shape[3]), value, dtype=x.dtype)
        out[:, h.before : h.before + h.input, w.before : w.before + w.input] = x
        return out

    def part(self, padded: Array, i: int, j: int) -> Array:
        """Return what window element (i, j) sees of a padded image: a view."""
        return padded[:, self.height.part(i), self.width.part(j)]

    def inside(self, xp: Any, i: int, j: int) -> Array:
        """Return where window element (i, j) falls on the image, to broadcast over outputs."""
        inside = self.height.inside(i)[:, None] & self.width.inside(j)
        return xp.asarray(inside[None, :, :, None])

    def folded(
        self, xp: Any, like: tuple[int, int, Any], part: Callable[[int, int], Array]
    ) -> Array:
        """Return the image into which each window element's `part(i, j)` is added.

        `like` is batch, channels and dtype of the image.
        """
        h, w = self
        batch, channels, dtype = like
        out = xp.zeros((batch, h.padded, w.padded, channels), dtype=dtype)
        for i, j in self.elements():
            out[:, h.part(i), w.part(j)] += part(i, j)
        return out[:, h.before : h.before + h.input, w.before : w.before + w.input]

    def patches(self, xp: Any, x: Array) -> Array:
        """Return [batch, height, width, window height, window width, channels] of x."""
        padded = self.padded(xp, x, 0)
        h, w = self
        s = padded.strides
        return xp.lib.stride_tricks.as_strided(
            padded,
            (x.shape[0], h.output, w.output, h.window, w.window, x.shape[3]),
            (
                s[0],
                s[1] * h.stride,
                s[2] * w.stride,
                s[1] * h.dilation,
                s[2] * w.dilation,
                s[3],
            ),
        )


def either_layout(images: str, kernel: Kernel) -> Kernel:
    """Return a kernel of NHWC images for both layouts.

    `images` has a letter for each input: `i` an image, `s` a host vector of an image's sizes, `-`
    anything else; then, after `>`, one for each output.
    """
    inputs, _, outputs = images.partition(">")

    def compute(xp: Any, node: KernelNode, *given: Any) -> Any:
        for x, role in zip(given, inputs, strict=False):
            shape = getattr(x, "shape", ())
            text = f"the input must have 4 dimensions, got shape {shape_text(shape)}"
            require(role != "i" or len(shape) == 4, text)
        if not is_channels_first(node):
            return kernel(xp, node, *given)
        roles = inputs.ljust(len(given), "-")
        result = kernel(xp, node, *[_last(x, r) for x, r in zip(given, roles, strict=True)])
        if not isinstance(result, tuple):
            return result.transpose(0, 3, 1, 2) if outputs == "i" else result
        pairs = zip(result, outputs.ljust(len(result), "-"), strict=True)
        return tuple([x.transpose(0, 3, 1, 2) if role == "i" else x for x, role in pairs])

    return compute


def _last(x: Any, role: str) -> Any:
    if role == "i":
        return x.transpose(0, 2, 3, 1)
    return x[[0, 2, 3, 1]] if role == "s" and x.size == 4 else x
