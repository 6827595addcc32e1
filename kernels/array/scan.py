"""Running sums and products, and the places of extremes."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    COMPLEX,
    INDEX,
    NUMBERS,
    PLAIN,
    checked_axis,
    host_scalar,
    kernel,
    require,
    shape_text,
    widened,
)


def _scan(function: str, neutral: int) -> Any:
    def compute(xp: Any, node: KernelNode, x: Array, axis: Any) -> Array:
        along = checked_axis(host_scalar(axis, "axis"), x.ndim)
        reverse = node.attrs.get("reverse", False)
        rows = xp.moveaxis(x, along, 0)
        rows = rows[::-1] if reverse else rows
        result = getattr(xp, function)(rows, axis=0, dtype=x.dtype)
        if node.attrs.get("exclusive", False) and rows.shape[0]:
            first = xp.full_like(result[:1], neutral)
            result = xp.concatenate([first, result[:-1]], axis=0)
        return xp.moveaxis(result[::-1] if reverse else result, 0, along)

    return compute


kernel("Cumsum", host=["axis"], wide=True, T=NUMBERS)(_scan("cumsum", 0))
kernel("Cumprod", host=["axis"], wide=True, T=NUMBERS)(_scan("cumprod", 1))


def _place(function: str, last: float) -> Any:
    """A NaN is never larger or smaller than anything."""

    def compute(xp: Any, node: KernelNode, x: Array, axis: Any) -> Array:
        along = checked_axis(host_scalar(axis, "dimension"), x.ndim)
        require(
            x.shape[along] > 0,
            f"axis {along} of shape {shape_text(x.shape)} has size 0: there is no element to find",
        )
        keys = widened(x)
        if keys.dtype.kind == "f":
            keys = xp.where(xp.isnan(keys), xp.asarray(last, dtype=keys.dtype), keys)
        return getattr(xp, function)(keys, axis=along)

    return compute


_KINDS = PLAIN - COMPLEX
kernel("ArgMax", host=["dimension"], T=_KINDS)(_place("argmax", -np.inf))
kernel("ArgMin", host=["dimension"], T=_KINDS, output_type=INDEX)(_place("argmin", np.inf))
