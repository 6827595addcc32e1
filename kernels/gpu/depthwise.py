"""Depthwise convolution and its gradients. See cuda/depthwise.cu."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import FLOATS, host_shape, require, shape_text
from penstock.kernels.gpu import sources
from penstock.kernels.gpu.conv import conv_window, input_shape, require_backprop
from penstock.kernels.gpu.table import kernel
from penstock.kernels.gpu.window import given_layout, nhwc


@kernel("DepthwiseConv2dNative", T=FLOATS)
def _depthwise(device: Any, node: KernelNode, x: Array, filters: Array) -> Array:
    xp, attrs = device.xp, node.attrs
    require(x.ndim == 4, f"the input must have 4 dimensions, got shape {shape_text(x.shape)}")
    x = nhwc(xp, x, attrs)
    w = conv_window(x.shape, filters.shape, attrs)
    y = device.empty(w.output(w.channels * filters.shape[3]), x.dtype)
    if y.size:
        given = (x, filters, y, filters.shape[3], *w)
        sources.launch("depthwise", "depthwise", attrs["T"], sources.over(y.size), given)
    return given_layout(xp, y, attrs)


@kernel("DepthwiseConv2dNativeBackpropInput", host=["input_sizes"], T=FLOATS)
def _input_grad(device: Any, node: KernelNode, sizes: Any, filters: Array, grad: Array) -> Array:
    xp, attrs = device.xp, node.attrs
    shape = input_shape(sizes, filters, grad, attrs)
    w = conv_window(shape, filters.shape, attrs)
    require(grad.ndim == 4, f"out_backprop must have 4 dimensions, got {shape_text(grad.shape)}")
    grad = nhwc(xp, grad, attrs)
    require_backprop(grad, w.output(w.channels * filters.shape[3]))
    dx = device.empty(shape, grad.dtype)
    if dx.size:
        given = (filters, grad, dx, filters.shape[3], *w)
        shape_of_launch = sources.over(dx.size)
        sources.launch("depthwise", "depthwise_input_grad", attrs["T"], shape_of_launch, given)
    return given_layout(xp, dx, attrs)


@kernel("DepthwiseConv2dNativeBackpropFilter", host=["filter_sizes"], T=FLOATS)
def _filter_grad(device: Any, node: KernelNode, x: Array, sizes: Any, grad: Array) -> Array:
    xp, attrs = device.xp, node.attrs
    require(x.ndim == 4, f"the input must have 4 dimensions, got shape {shape_text(x.shape)}")
    x, shape = nhwc(xp, x, attrs), host_shape(sizes, "filter_sizes")
    w = conv_window(x.shape, shape, attrs)
    require(grad.ndim == 4, f"out_backprop must have 4 dimensions, got {shape_text(grad.shape)}")
    grad = nhwc(xp, grad, attrs)
    require_backprop(grad, w.output(w.channels * shape[3]))
    df = device.empty(shape, x.dtype)
    if df.size:
        given = (x, grad, df, shape[3], *w)
        blocks = ((df.size,), (128,))
        sources.launch("depthwise", "depthwise_filter_grad", attrs["T"], blocks, given)
    return df
