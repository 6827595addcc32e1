"""Local response normalisation: each channel divided by a power of its neighbours' squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import HALVES, kernel, require, shape_text

_TYPES = HALVES | {dtypes.float32}


def _window_sum(xp: Any, node: KernelNode, x: Array) -> Array:
    """Return for each channel the sum of those not further away than the radius."""
    radius = int(node.attrs.get("depth_radius", 5))
    require(radius >= 0, f"depth_radius must not be negative, got {radius}")
    depth = x.shape[3]
    reach = min(radius, depth)
    shape = (*x.shape[:3], depth + 2 * reach)
    around = xp.zeros(shape, dtype=x.dtype)
    around[..., reach : reach + depth] = x
    total = xp.zeros_like(x)
    for k in range(2 * reach + 1):
        total += around[..., k : k + depth]
    return total


def _attr(node: KernelNode, name: str, default: float) -> Any:
    return np.float32(node.attrs.get(name, default))


def _norm(xp: Any, node: KernelNode, x: Array) -> Array:
    require(x.ndim == 4, f"the input must have 4 dimensions, got shape {shape_text(x.shape)}")
    return _attr(node, "bias", 1.0) + _attr(node, "alpha", 1.0) * _window_sum(xp, node, x * x)


@kernel("LRN", wide=True, T=_TYPES)
def _lrn(xp: Any, node: KernelNode, x: Array) -> Array:
    return x * _norm(xp, node, x) ** -_attr(node, "beta", 0.5)


@kernel("LRNGrad", wide=True, T=_TYPES)
def _lrn_grad(xp: Any, node: KernelNode, g: Array, x: Array, y: Array) -> Array:
    norm = _norm(xp, node, x)
    require(
        g.shape == x.shape == y.shape,
        f"gradient, input and output must have one shape, got {shape_text(g.shape)}, "
        f"{shape_text(x.shape)} and {shape_text(y.shape)}",
    )
    beta = _attr(node, "beta", 0.5)
    shared = _window_sum(xp, node, g * y / norm)
    return g * norm**-beta - 2 * _attr(node, "alpha", 1.0) * beta * x * shared
