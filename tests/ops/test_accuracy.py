"""How far float32 functions are from the truth, in units in the last place, over all exponents."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps


def every_kind_of_float() -> Any:
    """Return numbers of all signs and exponents, drawn by their bits, and the special ones."""
    bits = np.random.default_rng(5).integers(0, 1 << 32, 200_000, dtype=np.uint64)
    drawn = bits.astype(np.uint32).view(np.float32)
    near = np.linspace(-20, 20, 100_000, dtype=np.float32)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 88.7, -103.9], np.float32)
    return np.concatenate([drawn, near, special])


def errors_in_ulps(actual: Any, exact: Any) -> Any:
    """Return the distance from float64 values in units of the float32 result's last place."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        finite = np.isfinite(rounded)
        unit = np.spacing(np.abs(rounded[finite])).astype(np.float64)
        distance = np.abs(actual[finite].astype(np.float64) - exact[finite]) / unit
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(rounded))
    infinite = np.isinf(rounded)
    np.testing.assert_array_equal(actual[infinite], rounded[infinite])
    return distance


def sigmoid(x: Any) -> Any:
    return np.where(x < 0, np.exp(x) / (1 + np.exp(x)), 1 / (1 + np.exp(-x)))


erf = np.vectorize(math.erf, otypes=[np.float64])
erfc = np.vectorize(math.erfc, otypes=[np.float64])

FUNCTIONS: list[tuple[str, Callable[..., Any], float]] = [
    ("Exp", np.exp, 1.0),
    ("Expm1", np.expm1, 1.5),
    ("Log", np.log, 1.0),
    ("Log1p", np.log1p, 1.5),
    ("Tanh", np.tanh, 1.5),
    ("Sigmoid", sigmoid, 2.0),
    ("Sinh", np.sinh, 0.6),
    ("Cosh", np.cosh, 0.6),
    ("Sin", np.sin, 1.0),
    ("Cos", np.cos, 1.0),
    ("Tan", np.tan, 1.5),
    ("Erf", erf, 0.6),
    ("Erfc", erfc, 0.6),
    ("Sqrt", np.sqrt, 0.51),
    ("Rsqrt", lambda x: 1 / np.sqrt(x), 1.6),
    ("Asin", np.arcsin, 1.5),
    ("Acos", np.arccos, 1.5),
    ("Atan", np.arctan, 1.5),
    ("Asinh", np.arcsinh, 1.6),
    ("Acosh", np.arccosh, 1.6),
    ("Atanh", np.arctanh, 1.6),
]


@pytest.mark.parametrize(("op", "exact", "bound"), FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_float32_function(op: str, exact: Callable[..., Any], bound: float) -> None:
    x = every_kind_of_float()
    actual = ps.Session().run(getattr(ps.raw_ops, op)(x))
    with np.errstate(all="ignore"):
        wanted = exact(x.astype(np.float64))
    assert errors_in_ulps(actual, wanted).max() <= bound


def test_float32_power() -> None:
    rng = np.random.default_rng(6)
    x = rng.uniform(-4, 4, 100_000).astype(np.float32)
    y = np.where(
        rng.random(100_000) < 0.5, rng.integers(-30, 30, 100_000), rng.normal(0, 9, 100_000)
    )
    y = y.astype(np.float32)
    with np.errstate(all="ignore"):
        wanted = np.power(x.astype(np.float64), y.astype(np.float64))
    assert errors_in_ulps(ps.Session().run(ps.pow(x, y)), wanted).max() <= 0.6
