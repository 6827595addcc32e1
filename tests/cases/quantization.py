"""Rows of numbers rounded as if they had been integers of a few bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import FLOATS, case, f32, fed

X = fed([[-1.7, -0.3, 0.0], [0.42, 1.1, 2.6]], "float32")
ZERO = fed(0.0, "float32")


def rounded(
    x: Any,
    low: Any,
    high: Any,
    num_bits: int = 8,
    signed_input: bool = True,
    narrow_range: bool = False,
    range_given: bool = False,
    round_mode: str = "HALF_TO_EVEN",
    axis: int = -1,
) -> Any:
    if x.size == 0:
        return x
    if axis >= 0:
        moved = np.moveaxis(x, axis, 0)
        args = (num_bits, signed_input, narrow_range, range_given, round_mode)
        lows, highs = (np.broadcast_to(v, moved.shape[:1]) for v in (low, high))
        parts = [rounded(s, a, b, *args) for s, a, b in zip(moved, lows, highs, strict=True)]
        return np.moveaxis(np.stack(parts), 0, axis)
    if not range_given:
        low, high = x.min(), x.max()
    last = 2 ** (num_bits - 1) - 1 if signed_input else 2**num_bits - 1
    first = (-last if narrow_range else -last - 1) if signed_input else 0
    steps = [n / float(v) for n, v in ((first, low), (last, high)) if n * v > 0]
    if not steps:
        return np.zeros_like(x)
    step = 1 / min(steps)
    if range_given:
        x = np.clip(x, min(first * step, 0), last * step)
    whole = np.floor(x / step + 0.5) if round_mode == "HALF_UP" else np.rint(x / step)
    return whole * step


CASES = [
    case(
        "QuantizeAndDequantizeV2",
        X,
        ZERO,
        ZERO,
        numpy=rounded,
        dtypes=FLOATS,
        grad=False,
        empty=[(f32(0, 2), ZERO, ZERO)],
    ),
    *[
        case(
            "QuantizeAndDequantizeV2",
            X,
            fed(low, "float32"),
            fed(high, "float32"),
            numpy=rounded,
            attrs=attrs,
            grad=False,
            id=" ".join(f"{k}={v}" for k, v in attrs.items()),
        )
        for low, high, attrs in (
            (0.0, 0.0, {"signed_input": False}),
            (0.0, 0.0, {"num_bits": 4, "narrow_range": True}),
            (0.0, 0.0, {"num_bits": 4, "round_mode": "HALF_UP"}),
            (-1.0, 1.5, {"num_bits": 3, "range_given": True}),
            (0.0, 0.0, {"num_bits": 5, "range_given": True}),
            ([0.0] * 3, [0.0] * 3, {"num_bits": 4, "axis": 1}),
            ([-1.0, 0.5], [1.0, 2.0], {"num_bits": 4, "axis": 0, "range_given": True}),
        )
    ],
    case(
        "QuantizeAndDequantizeV2",
        X,
        fed(-1.0, "float32"),
        fed(1.0, "float32"),
        attrs={"range_given": True},
        grad=False,
        refuses=[
            (f32(2), fed(2.0), fed(1.0)),
            (f32(2), fed([1.0, 2.0]), fed([1.0, 2.0])),
        ],
        id="refused",
    ),
]
