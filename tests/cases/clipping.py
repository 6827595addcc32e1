"""Rows of ClipByValue."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import COMPLEX, REALS, UNSIGNED, case, distinct, f32, fed, uniform


def clipped(x: Any, low: Any, high: Any) -> Any:
    """Return x between the bounds, of complex numbers part by part."""
    if x.dtype.kind != "c":
        return np.clip(x, low, high)
    real = np.clip(x.real, low.real, high.real)
    return real + 1j * np.clip(x.imag, low.imag, high.imag)


CASES = [
    case(
        "ClipByValue",
        distinct(3, 4),
        fed(-1, "float32"),
        fed(2, "float32"),
        numpy=clipped,
        dtypes=[d for d in REALS if not d.startswith("u")],
        empty=[(f32(0), f32(), f32())],
        refuses=[(f32(2, 3), f32(3), f32()), (f32(2), f32(), f32(3))],
    ),
    case(
        "ClipByValue",
        distinct(9, dtype="uint8"),
        fed(1, "uint8"),
        fed(5, "uint8"),
        numpy=np.clip,
        dtypes=UNSIGNED,
        not_for=COMPLEX,
        id="unsigned",
    ),
    case(
        "ClipByValue",
        distinct(3, 5),
        uniform(-2.0, -0.5, 3, 5),
        uniform(0.5, 2.0, 3, 5),
        numpy=clipped,
        not_for=UNSIGNED,
        id="elementwise",
    ),
    case(
        "ClipByValue",
        fed([np.nan, np.inf, -np.inf], "float32"),
        fed(0.0, "float32"),
        fed(1.0, "float32"),
        numpy=np.clip,
        grad=False,
        id="special",
    ),
]
