"""Choosing between two tensors by a condition."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import PLAIN, broadcast_shape, kernel, require, shape_text


@kernel("SelectV2", T=PLAIN)
def _select_v2(xp: Any, node: KernelNode, condition: Array, t: Array, e: Array) -> Array:
    broadcast_shape(condition.shape, t.shape, e.shape)
    return xp.where(condition, t, e)


@kernel("Select", T=PLAIN)
def _select(xp: Any, node: KernelNode, condition: Array, t: Array, e: Array) -> Array:
    require(
        t.shape == e.shape,
        f"t and e must have the same shape, got {shape_text(t.shape)} and {shape_text(e.shape)}",
    )
    rows = condition.ndim == 1 and t.ndim > 1 and condition.shape[0] == t.shape[0]
    require(
        rows or condition.ndim == 0 or condition.shape == t.shape,
        "condition must be a scalar, a vector with an element for each row of t, or of t's "
        f"shape {shape_text(t.shape)}, got {shape_text(condition.shape)}",
    )
    if rows:
        condition = condition.reshape(condition.shape + (1,) * (t.ndim - 1))
    return xp.where(condition, t, e)
