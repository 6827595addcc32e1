"""Numbers rounded to as many steps as a few bits can tell apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import FLOATS, kernel, require, shape_text


def _steps(xp: Any, node: KernelNode, low: Array, high: Array) -> tuple[Array, ...]:
    """Return the range, as far as steps reach, the steps in 1, and the length of one."""
    bits, signed = int(node.attrs.get("num_bits", 8)), node.attrs.get("signed_input", True)
    most = 61 if signed else 62
    require(1 <= bits <= most, f"num_bits is {bits}, expected 1 to {most}")
    kind = low.dtype.type
    half = 1 << (bits - 1 if signed else bits)
    last = kind(half - 1)
    least = 1 - half if node.attrs.get("narrow_range", False) else -half
    first = kind(least if signed else 0)
    unbounded = np.finfo(low.dtype).max
    from_low = xp.where(first * low > 0, first / xp.where(low == 0, 1, low), unbounded)
    from_high = xp.where(last * high > 0, last / xp.where(high == 0, 1, high), unbounded)
    by_low = from_low < from_high
    step = xp.where(by_low, low / (first or kind(1)), high / (last or kind(1)))
    step = xp.where(~by_low & (last <= 0), xp.zeros_like(step), step)
    return (
        xp.where(by_low, low, first * step),
        xp.where(by_low, last * step, high),
        xp.where(by_low, from_low, from_high),
        step,
    )


@kernel("QuantizeAndDequantizeV2", wide=True, T=FLOATS)
def _quantize(xp: Any, node: KernelNode, x: Array, low: Array, high: Array) -> Array:
    axis = int(node.attrs.get("axis", -1))
    require(axis >= -1, f"axis is {axis}, expected -1 (none) or a dimension")
    require(axis < x.ndim, f"axis {axis} is out of range for shape {shape_text(x.shape)}")
    given = node.attrs.get("range_given", False)
    slices = 1 if axis < 0 else x.shape[axis]
    over = tuple(-1 if d == axis else 1 for d in range(x.ndim))
    others = tuple(d for d in range(x.ndim) if d != axis)
    if given:
        for bound in (low, high):
            require(
                bound.size == slices,
                f"the range must have {slices} elements, one for each slice, got shape "
                f"{shape_text(bound.shape)}",
            )
        require(not bool((low > high).any()), "input_min is larger than input_max")
        low, high = low.reshape(over), high.reshape(over)
    if x.size == 0:
        return x
    if not given:
        low, high = xp.min(x, axis=others, keepdims=True), xp.max(x, axis=others, keepdims=True)
    least, most, scale, step = _steps(xp, node, low, high)
    number = (xp.minimum(xp.maximum(x, least), most) if given else x) * scale
    half_up = node.attrs.get("round_mode", b"HALF_TO_EVEN") == b"HALF_UP"
    return (xp.floor(number + x.dtype.type(0.5)) if half_up else xp.rint(number)) * step
