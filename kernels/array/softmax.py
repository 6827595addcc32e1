"""Softmax and its logarithm over the last dimension."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import FLOATS, kernel, require


def log_softmax(xp: Any, x: Array) -> Array:
    """Return the logarithms of the softmax over the last dimension, which is not empty."""
    shifted = x - xp.max(x, axis=-1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


def softmax(xp: Any, x: Array) -> Array:
    """Return the softmax over the last dimension, which is not empty."""
    grown = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    return grown / xp.sum(grown, axis=-1, keepdims=True)


@kernel("Softmax", wide=True, T=FLOATS)
def _softmax(xp: Any, node: KernelNode, x: Array) -> Array:
    require(x.ndim >= 1, "the logits must have at least 1 dimension, got a scalar")
    return softmax(xp, x) if x.size else x


@kernel("LogSoftmax", wide=True, T=FLOATS)
def _log_softmax(xp: Any, node: KernelNode, x: Array) -> Array:
    require(x.ndim >= 1, "the logits must have at least 1 dimension, got a scalar")
    return log_softmax(xp, x) if x.size else x
