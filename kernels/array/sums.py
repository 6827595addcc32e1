"""Sums of many tensors of one shape."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import NUMBERS, kernel, require, shape_text


@kernel("AddN", "AccumulateNV2", wide=True, T=NUMBERS)
def _add_n(xp: Any, node: KernelNode, first: Array, *others: Array) -> Array:
    total = first
    for k, term in enumerate(others, 1):
        require(
            term.shape == first.shape,
            "all inputs must have the same shape: input 0 has "
            f"{shape_text(first.shape)}, input {k} has {shape_text(term.shape)}",
        )
        total = total + term
    return total
