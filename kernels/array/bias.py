"""A bias for each channel, and its gradient."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import NUMBERS, kernel, require, shape_text


def _channel_axis(node: KernelNode, x: Array) -> int:
    require(
        x.ndim >= 2, f"the input must have at least 2 dimensions, got shape {shape_text(x.shape)}"
    )
    return 1 if node.attrs.get("data_format", b"NHWC") == b"NCHW" else x.ndim - 1


@kernel("BiasAdd", "BiasAddV1", wide=True, T=NUMBERS)
def _bias_add(xp: Any, node: KernelNode, x: Array, bias: Array) -> Array:
    axis = _channel_axis(node, x)
    require(
        bias.shape == (x.shape[axis],),
        f"the bias must be a vector of length {x.shape[axis]}, the input's channels, got shape "
        f"{shape_text(bias.shape)}",
    )
    return x + bias.reshape((-1,) + (1,) * (x.ndim - 1 - axis)) if x.size else x


@kernel("BiasAddGrad", wide=True, T=NUMBERS)
def _bias_add_grad(xp: Any, node: KernelNode, dy: Array) -> Array:
    axis = _channel_axis(node, dy)
    others = tuple(d for d in range(dy.ndim) if d != axis)
    return xp.sum(dy, axis=others, dtype=dy.dtype)
