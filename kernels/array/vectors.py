"""The product of vectors in space."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import REALS, kernel, require, shape_text


@kernel("Cross", wide=True, T=REALS)
def _cross(xp: Any, node: KernelNode, a: Array, b: Array) -> Array:
    require(
        a.shape == b.shape,
        f"both operands must have one shape, got {shape_text(a.shape)} and {shape_text(b.shape)}",
    )
    require(
        a.ndim >= 1 and a.shape[-1] == 3,
        f"the innermost dimension must have size 3, got shape {shape_text(a.shape)}",
    )
    turned = ((1, 2), (2, 0), (0, 1))
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in turned]
    return xp.stack(parts, axis=-1)
