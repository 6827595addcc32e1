"""Depthwise convolutions: each channel of the image with filters of its own."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.conv import conv_windows, require_output
from penstock.kernels.array.table import FLOATS, host_shape, kernel, require, shape_text
from penstock.kernels.array.window import either_layout


def _depthwise(xp: Any, node: KernelNode, x: Array, f: Array) -> Array:
    windows = conv_windows(node, x.shape, f.shape)
    padded = windows.padded(xp, x, 0)
    shape = (x.shape[0], windows.height.output, windows.width.output, x.shape[3], f.shape[3])
    out = xp.zeros(shape, dtype=x.dtype)
    for i, j in windows.elements():
        out += windows.part(padded, i, j)[..., None] * f[i, j]
    return out.reshape(*shape[:3], -1) if out.size else out.reshape(*shape[:3], shape[3] * shape[4])


def _backprop_input(xp: Any, node: KernelNode, sizes: Any, f: Array, dy: Array) -> Array:
    shape = host_shape(sizes, "input_sizes")
    windows = conv_windows(node, shape, f.shape)
    require_output(windows, shape[0], f.shape[2] * f.shape[3], dy)
    split = dy.reshape(*dy.shape[:3], f.shape[2], f.shape[3])
    like = (shape[0], shape[3], dy.dtype)
    return windows.folded(xp, like, lambda i, j: xp.sum(split * f[i, j], axis=-1))


def _backprop_filter(xp: Any, node: KernelNode, x: Array, sizes: Any, dy: Array) -> Array:
    shape = host_shape(sizes, "filter_sizes")
    require(len(shape) == 4, f"the filter must have 4 dimensions, got shape {shape_text(shape)}")
    windows = conv_windows(node, x.shape, shape)
    require_output(windows, x.shape[0], shape[2] * shape[3], dy)
    split = dy.reshape(*dy.shape[:3], shape[2], shape[3])
    padded = windows.padded(xp, x, 0)
    out = xp.zeros(shape, dtype=dy.dtype)
    for i, j in windows.elements():
        out[i, j] = xp.sum(windows.part(padded, i, j)[..., None] * split, axis=(0, 1, 2))
    return out


kernel("DepthwiseConv2dNative", wide=True, T=FLOATS)(either_layout("i->i", _depthwise))
kernel("DepthwiseConv2dNativeBackpropInput", host=["input_sizes"], wide=True, T=FLOATS)(
    either_layout("s-i>i", _backprop_input)
)
kernel("DepthwiseConv2dNativeBackpropFilter", host=["filter_sizes"], wide=True, T=FLOATS)(
    either_layout("i-i>-", _backprop_filter)
)
