"""Maximum and mean over windows, and their gradients. See cuda/pooling.cu."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import FLOATS, host_shape, require, shape_text
from penstock.kernels.gpu import sources
from penstock.kernels.gpu.table import kernel
from penstock.kernels.gpu.window import Window, given_layout, nhwc, nhwc_sizes, window_over


def _attrs(node: KernelNode, sizes: tuple[Any, ...]) -> Mapping[str, Any]:
    """Return the attributes, with `ksize` and `strides` from inputs where the op has them there."""
    if not sizes:
        return node.attrs
    return {**node.attrs, "ksize": sizes[0].tolist(), "strides": sizes[1].tolist()}


def _launch(name: str, node: KernelNode, items: int, arrays: tuple[Array, ...], w: Window) -> None:
    if items:
        shape = sources.over(items)
        sources.launch("pooling", name, node.attrs["T"], shape, (*arrays, *w))


def _pool(name: str) -> Any:
    def compute(device: Any, node: KernelNode, x: Array, *sizes: Any) -> Array:
        attrs = _attrs(node, sizes)
        require(x.ndim == 4, f"the input must have 4 dimensions, got shape {shape_text(x.shape)}")
        x = nhwc(device.xp, x, attrs)
        w = window_over(x.shape, attrs, pooling=True)
        y = device.empty(w.output(w.channels), x.dtype)
        _launch(name, node, y.size, (x, y), w)
        return given_layout(device.xp, y, attrs)

    return compute


def _require_shape(x: Array, expected: tuple[int, ...], what: str) -> None:
    require(
        x.shape == expected,
        f"{what} must have shape {shape_text(expected)}, got {shape_text(x.shape)}",
    )


def _max_pool_grad(second: bool) -> Any:
    def compute(
        device: Any, node: KernelNode, x: Array, y: Array, grad: Array, *sizes: Any
    ) -> Array:
        attrs, xp = _attrs(node, sizes), device.xp
        require(x.ndim == 4, f"the input must have 4 dimensions, got shape {shape_text(x.shape)}")
        x = nhwc(xp, x, attrs)
        w = window_over(x.shape, attrs, pooling=True)
        y, grad = nhwc(xp, y, attrs), nhwc(xp, grad, attrs)
        _require_shape(y, w.output(w.channels), "orig_output")
        _require_shape(grad, x.shape if second else y.shape, "grad")
        out = device.empty(y.shape if second else x.shape, x.dtype)
        name = "max_pool_pick" if second else "max_pool_grad"
        _launch(name, node, out.size, (x, grad, out), w)
        return given_layout(xp, out, attrs)

    return compute


@kernel("AvgPoolGrad", host=["orig_input_shape"], T=FLOATS)
def _avg_pool_grad(device: Any, node: KernelNode, sizes: Any, grad: Array) -> Array:
    attrs, xp = node.attrs, device.xp
    given = host_shape(sizes, "orig_input_shape")
    require(len(given) == 4, f"the input must have 4 dimensions, got shape {shape_text(given)}")
    shape = nhwc_sizes(given, attrs)
    w = window_over(shape, attrs, pooling=True)
    grad = nhwc(xp, grad, attrs)
    _require_shape(grad, w.output(w.channels), "grad")
    dx = device.empty(shape, grad.dtype)
    _launch("avg_pool_grad", node, dx.size, (grad, dx), w)
    return given_layout(xp, dx, attrs)


kernel("MaxPool", T=FLOATS)(_pool("max_pool"))
kernel("MaxPoolV2", host=["ksize", "strides"], T=FLOATS)(_pool("max_pool"))
kernel("AvgPool", T=FLOATS)(_pool("avg_pool"))
kernel("MaxPoolGrad", T=FLOATS)(_max_pool_grad(False))
kernel("MaxPoolGradV2", host=["ksize", "strides"], T=FLOATS)(_max_pool_grad(False))
kernel("MaxPoolGradGrad", T=FLOATS)(_max_pool_grad(True))
kernel("MaxPoolGradGradV2", host=["ksize", "strides"], T=FLOATS)(_max_pool_grad(True))
