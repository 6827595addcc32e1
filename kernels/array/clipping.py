"""ClipByValue: every element brought between two bounds. NaN stays; the lower bound wins."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import NUMBERS, kernel, require, shape_text


def _clipped(xp: Any, x: Array, low: Array, high: Array) -> Array:
    below = xp.where(x > high, high, x)
    return xp.where(below < low, low, below)


@kernel("ClipByValue", wide=True, T=NUMBERS)
def _clip(xp: Any, node: KernelNode, x: Array, low: Array, high: Array) -> Array:
    require(
        all(bound.ndim == 0 or bound.shape == x.shape for bound in (low, high)),
        "clip_value_min and clip_value_max must be scalars or have the shape of t, which is "
        f"{shape_text(x.shape)}; got {shape_text(low.shape)} and {shape_text(high.shape)}",
    )
    if x.dtype.kind != "c":
        return _clipped(xp, x, low, high)
    imaginary = _clipped(xp, x.imag, low.imag, high.imag)
    return _clipped(xp, x.real, low.real, high.real) + 1j * imaginary
