"""Activation functions of neural networks and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    FLOATS,
    REALS,
    elementwise,
    kernel,
    pairwise,
    require_same_shape,
)

_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.7580993408473768599402175208123  # scale times alpha


def _elu(xp: Any, x: Array) -> Array:
    return xp.where(x < 0, xp.expm1(xp.where(x < 0, x, 0)), x)


def _selu(xp: Any, x: Array) -> Array:
    return xp.where(x < 0, _SELU_ALPHA * xp.expm1(xp.where(x < 0, x, 0)), _SELU_SCALE * x)


def _softplus(xp: Any, x: Array) -> Array:
    return xp.where(x < 0, 0, x) + xp.log1p(xp.exp(-xp.abs(x)))


elementwise(
    {
        "Relu": lambda xp, x: xp.maximum(x, 0),
        "Relu6": lambda xp, x: xp.minimum(xp.maximum(x, 0), 6),
    },
    T=REALS,
)
pairwise(
    {
        "ReluGrad": lambda xp, g, x: g * (x > 0).astype(g.dtype),
        "Relu6Grad": lambda xp, g, x: g * ((x > 0) & (x < 6)).astype(g.dtype),
    },
    T=REALS,
)
elementwise(
    {
        "Elu": _elu,
        "Selu": _selu,
        "Softplus": _softplus,
        "Softsign": lambda xp, x: x / (1 + xp.abs(x)),
    },
    T=FLOATS,
)
pairwise(
    {
        "EluGrad": lambda xp, g, y: xp.where(y < 0, g * (y + 1), g),
        "SeluGrad": lambda xp, g, y: g * xp.where(y < 0, y + _SELU_ALPHA, _SELU_SCALE),
        "SoftplusGrad": lambda xp, g, x: g / (1 + xp.exp(-x)),
        "SoftsignGrad": lambda xp, g, x: g / xp.square(1 + xp.abs(x)),
    },
    T=FLOATS,
)


@kernel("LeakyRelu", wide=True, T=FLOATS)
def _leaky_relu(xp: Any, node: KernelNode, x: Array) -> Array:
    return xp.where(x > 0, x, _alpha(node) * x)


@kernel("LeakyReluGrad", wide=True, T=FLOATS)
def _leaky_relu_grad(xp: Any, node: KernelNode, g: Array, x: Array) -> Array:
    require_same_shape(g, x)
    return xp.where(x > 0, g, _alpha(node) * g)


def _alpha(node: KernelNode) -> float:
    """Return the slope: attributes of kind float are float32 where graphs travel."""
    return float(np.float32(node.attrs.get("alpha", 0.2)))
