"""Arithmetic of two operands with broadcasting, and logic. Division is a file of its own."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array
from penstock.kernels.array.table import (
    ANALYTIC,
    FLOATS,
    INDEX,
    NUMBERS,
    REALS,
    SIGNED,
    elementwise,
    require,
)


def _squared_difference(xp: Any, x: Array, y: Array) -> Array:
    difference = x - y
    return xp.conj(difference) * difference


def _mul_no_nan(xp: Any, x: Array, y: Array) -> Array:
    product = x * y
    return xp.where(y == 0, xp.zeros_like(product), product)


def _xlogy(xp: Any, x: Array, y: Array) -> Array:
    product = x * xp.log(y)
    return xp.where(x == 0, xp.zeros_like(product), product)


def _pow(xp: Any, x: Array, y: Array) -> Array:
    if y.dtype.kind == "i" and y.size:
        least = int(y.min())
        require(
            least >= 0,
            f"integers to negative integer powers are not allowed: exponent {least}; "
            "cast to float first",
        )
    return xp.power(x, y)


elementwise(
    {
        "AddV2": lambda xp, x, y: x + y,
        "Add": lambda xp, x, y: x + y,
        "Sub": lambda xp, x, y: x - y,
        "Mul": lambda xp, x, y: x * y,
    },
    T=NUMBERS,
)
elementwise(
    {
        "Maximum": lambda xp, x, y: xp.maximum(x, y),
        "Minimum": lambda xp, x, y: xp.minimum(x, y),
    },
    T=REALS,
)
elementwise({"SquaredDifference": _squared_difference}, T=ANALYTIC | INDEX)
elementwise({"MulNoNan": _mul_no_nan, "Xlogy": _xlogy}, T=ANALYTIC)
elementwise({"Pow": _pow}, T=ANALYTIC | SIGNED)
elementwise({"Atan2": lambda xp, y, x: xp.arctan2(y, x)}, T=FLOATS)
elementwise(
    {
        "LogicalAnd": lambda xp, x, y: x & y,
        "LogicalOr": lambda xp, x, y: x | y,
    }
)
