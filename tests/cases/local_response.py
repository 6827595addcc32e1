"""Rows of local response normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import case, f32

ATTRS = {"depth_radius": 1, "bias": 1.5, "alpha": 0.5, "beta": 0.75}


def windows(x: Any, radius: int) -> Any:
    """Return the sum of each channel with its neighbours."""
    padded = np.pad(x, [(0, 0)] * 3 + [(radius, radius)])
    return sum(padded[..., i : i + x.shape[-1]] for i in range(2 * radius + 1))


def lrn(x: Any, depth_radius: int, bias: float, alpha: float, beta: float, **_: Any) -> Any:
    """Return x / (bias + alpha * windows of squares) ** beta."""
    return x / (bias + alpha * windows(x * x, depth_radius)) ** beta


def lrn_grad(
    g: Any, x: Any, y: Any, depth_radius: int, bias: float, alpha: float, beta: float, **_: Any
) -> Any:
    """Return the gradient of `lrn` (`y` is used as given)."""
    n = bias + alpha * windows(x * x, depth_radius)
    return g * n**-beta - 2 * alpha * beta * x * windows(g * y / n, depth_radius)


CASES = [
    case(
        "LRN",
        f32(2, 2, 1, 5),
        attrs=ATTRS,
        numpy=lrn,
        dtypes=("float32", "float16", "bfloat16"),
        empty=[(f32(0, 2, 1, 5),)],
        grad_dtype="float32",
    ),
    case(
        "LRN",
        f32(1, 1, 2, 3),
        attrs={**ATTRS, "depth_radius": 5},
        numpy=lrn,
        dtypes=("float32",),
        grad_dtype="float32",
        id="wide",
    ),
    case(
        "LRNGrad",
        f32(1, 2, 1, 4),
        f32(1, 2, 1, 4),
        f32(1, 2, 1, 4),
        attrs=ATTRS,
        numpy=lrn_grad,
        dtypes=("float32",),
        grad=False,
        id="given output",
    ),
]
