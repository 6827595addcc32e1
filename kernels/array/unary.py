"""Functions of one operand, and the gradients that are written in terms of the output."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array
from penstock.kernels.array.table import (
    ANALYTIC,
    FLOATS,
    NUMBERS,
    SIGNED,
    Elementwise,
    elementwise,
    pairwise,
)


def _sign(xp: Any, x: Array) -> Array:
    if x.dtype.kind != "c":
        return xp.sign(x)
    size = xp.abs(x)
    return xp.where(size == 0, xp.zeros_like(x), x / xp.where(size == 0, 1, size))


def _round(xp: Any, x: Array) -> Array:
    return x if x.dtype.kind == "i" else xp.rint(x)


def _sigmoid(xp: Any, x: Array) -> Array:
    if x.dtype.kind != "c":
        return 1 / (1 + xp.exp(-x))
    right = x.real > 0  # only exponentials that do not overflow
    grown = xp.exp(xp.where(right, -x, x))
    return xp.where(right, 1, grown) / (1 + grown)


def _expm1(xp: Any, x: Array) -> Array:
    return xp.exp(x) - 1 if x.dtype.kind == "c" else xp.expm1(x)


def _log1p(xp: Any, x: Array) -> Array:
    return xp.log(1 + x) if x.dtype.kind == "c" else xp.log1p(x)


def _where_moved(xp: Any, g: Array, result: Array) -> Array:
    """Return `result`, and 0 where no gradient comes in whatever the derivative is."""
    return xp.where(g == 0, xp.zeros_like(result), result)


def _sqrt_grad(xp: Any, y: Array, g: Array) -> Array:
    return _where_moved(xp, g, g * 0.5 / xp.conj(y))


def _rsqrt_grad(xp: Any, y: Array, g: Array) -> Array:
    c = xp.conj(y)
    return _where_moved(xp, g, -0.5 * g * c * (c * c))


def _reciprocal_grad(xp: Any, y: Array, g: Array) -> Array:
    c = xp.conj(y)
    return _where_moved(xp, g, -g * c * c)


elementwise(
    {
        "Exp": lambda xp, x: xp.exp(x),
        "Expm1": _expm1,
        "Log": lambda xp, x: xp.log(x),
        "Log1p": _log1p,
        "Sqrt": lambda xp, x: xp.sqrt(x),
        "Rsqrt": lambda xp, x: 1 / xp.sqrt(x),
        "Reciprocal": lambda xp, x: 1 / x,
        "Inv": lambda xp, x: 1 / x,
        "Sigmoid": _sigmoid,
        "Tanh": lambda xp, x: xp.tanh(x),
        "Sin": lambda xp, x: xp.sin(x),
        "Cos": lambda xp, x: xp.cos(x),
        "Tan": lambda xp, x: xp.tan(x),
        "Sinh": lambda xp, x: xp.sinh(x),
        "Cosh": lambda xp, x: xp.cosh(x),
        "Asin": lambda xp, x: xp.arcsin(x),
        "Acos": lambda xp, x: xp.arccos(x),
        "Atan": lambda xp, x: xp.arctan(x),
        "Asinh": lambda xp, x: xp.arcsinh(x),
        "Acosh": lambda xp, x: xp.arccosh(x),
        "Atanh": lambda xp, x: xp.arctanh(x),
    },
    T=ANALYTIC,
)
pairwise(
    {
        "TanhGrad": lambda xp, y, g: g * (1 - y * y),
        "SigmoidGrad": lambda xp, y, g: g * y * (1 - y),
        "SqrtGrad": _sqrt_grad,
        "RsqrtGrad": _rsqrt_grad,
        "ReciprocalGrad": _reciprocal_grad,
        "InvGrad": _reciprocal_grad,
    },
    T=ANALYTIC,
)
_REAL: dict[str, Elementwise] = {
    "Abs": lambda xp, x: xp.abs(x),
    "Round": _round,
}
elementwise(_REAL, T=FLOATS | SIGNED)
elementwise({"Neg": lambda xp, x: -x, "Sign": _sign}, T=ANALYTIC | SIGNED)
elementwise({"Square": lambda xp, x: x * x}, T=NUMBERS)
elementwise(
    {
        "Rint": lambda xp, x: xp.rint(x),
        "Floor": lambda xp, x: xp.floor(x),
        "Ceil": lambda xp, x: xp.ceil(x),
        "IsFinite": lambda xp, x: xp.isfinite(x),
        "IsInf": lambda xp, x: xp.isinf(x),
        "IsNan": lambda xp, x: xp.isnan(x),
    },
    T=FLOATS,
)
elementwise({"LogicalNot": lambda xp, x: ~x})
