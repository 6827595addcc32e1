"""Convolutions as matrix products: patches of the image times the filter."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import FLOATS, host_shape, kernel, require, shape_text
from penstock.kernels.array.window import Windows, either_layout, window_dims


def conv_windows(
    node: KernelNode, input_shape: tuple[int, ...], filter_shape: tuple[int, ...]
) -> Windows:
    """Return the windows of a filter over an image, after checking that they fit together."""
    for what, shape in (("input", input_shape), ("filter", filter_shape)):
        require(
            len(shape) == 4, f"the {what} must have 4 dimensions, got shape {shape_text(shape)}"
        )
    require(
        input_shape[3] == filter_shape[2],
        f"the input {shape_text(input_shape)} has {input_shape[3]} channels, but the filter "
        f"{shape_text(filter_shape)} expects {filter_shape[2]}",
    )
    size, window = (input_shape[1], input_shape[2]), (filter_shape[0], filter_shape[1])
    return Windows(*window_dims(node, size, window))


def require_output(windows: Windows, batch: int, channels: int, dy: Array) -> None:
    """Raise unless `dy` has the shape of the convolution's output."""
    expected = (batch, windows.height.output, windows.width.output, channels)
    require(
        dy.shape == expected,
        f"out_backprop must have the output's shape {shape_text(expected)}, got "
        f"{shape_text(dy.shape)}",
    )


def _conv(xp: Any, node: KernelNode, x: Array, f: Array) -> Array:
    windows = conv_windows(node, x.shape, f.shape)
    patches = windows.patches(xp, x)
    rows, columns = patches.shape[:3], f.shape[0] * f.shape[1] * f.shape[2]
    product = xp.matmul(patches.reshape(-1, columns), f.reshape(columns, -1)) if x.size else None
    shape = (*rows, f.shape[3])
    return xp.zeros(shape, dtype=x.dtype) if product is None else product.reshape(shape)


def _image_shape(sizes: Any, f: Array, dy: Array) -> tuple[int, ...]:
    shape = host_shape(sizes, "input_sizes")
    if len(shape) == 4:
        return shape
    require(len(shape) == 2, f"input_sizes must have 4 elements or 2, got {len(shape)}")
    return (dy.shape[0], *shape, f.shape[2])


def _backprop_input(xp: Any, node: KernelNode, sizes: Any, f: Array, dy: Array) -> Array:
    require(f.ndim == 4, f"the filter must have 4 dimensions, got shape {shape_text(f.shape)}")
    shape = _image_shape(sizes, f, dy)
    windows = conv_windows(node, shape, f.shape)
    require_output(windows, shape[0], f.shape[3], dy)
    like = (shape[0], shape[3], dy.dtype)
    return windows.folded(xp, like, lambda i, j: xp.matmul(dy, f[i, j].T))


def _backprop_filter(xp: Any, node: KernelNode, x: Array, sizes: Any, dy: Array) -> Array:
    shape = host_shape(sizes, "filter_sizes")
    windows = conv_windows(node, x.shape, shape)
    require_output(windows, x.shape[0], shape[3], dy)
    if dy.size == 0 or x.size == 0:
        return xp.zeros(shape, dtype=dy.dtype)
    patches = windows.patches(xp, x).reshape(-1, shape[0] * shape[1] * shape[2])
    return xp.matmul(patches.T, dy.reshape(-1, shape[3])).reshape(shape)


_INT32 = FLOATS | {dtypes.int32}
kernel("Conv2D", wide=True, T=_INT32)(either_layout("i->i", _conv))
kernel("Conv2DBackpropInput", host=["input_sizes"], wide=True, T=_INT32)(
    either_layout("s-i>i", _backprop_input)
)
kernel("Conv2DBackpropFilter", host=["filter_sizes"], wide=True, T=FLOATS)(
    either_layout("i-i>-", _backprop_filter)
)
