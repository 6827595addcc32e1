"""Functions of angles, hyperbolic functions, and their inverses: rows as in `unary.py`."""

from __future__ import annotations

from penstock.ops.unary import ANALYTIC, Row, conj, define_unary, one_minus_square, one_plus
from penstock.ops.wrappers import raw

ROWS = [
    Row(
        "Sin",
        "sin math.sin",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, conj(raw.Cos(x))),
        "The sine of an angle in radians.",
        "ps.sin([0., 1.]).round(4)",
        "array([0.    , 0.8415], dtype=float32)",
    ),
    Row(
        "Cos",
        "cos math.cos",
        ANALYTIC,
        lambda x, y, dy: raw.Neg(raw.Mul(dy, conj(raw.Sin(x)))),
        "The cosine of an angle in radians.",
        "ps.cos([0., 1.]).round(4)",
        "array([1.    , 0.5403], dtype=float32)",
    ),
    Row(
        "Tan",
        "tan math.tan",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, conj(raw.Square(raw.Reciprocal(raw.Cos(x))))),
        "The tangent of an angle in radians.",
        "ps.tan([0., 1.]).round(4)",
        "array([0.    , 1.5574], dtype=float32)",
    ),
    Row(
        "Sinh",
        "sinh math.sinh",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, conj(raw.Cosh(x))),
        "The hyperbolic sine.",
        "ps.sinh([0., 1.]).round(4)",
        "array([0.    , 1.1752], dtype=float32)",
    ),
    Row(
        "Cosh",
        "cosh math.cosh",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, conj(raw.Sinh(x))),
        "The hyperbolic cosine.",
        "ps.cosh([0., 1.]).round(4)",
        "array([1.    , 1.5431], dtype=float32)",
    ),
    Row(
        "Asin",
        "asin math.asin",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, raw.Rsqrt(one_minus_square(conj(x)))),
        "The angle whose sine is x, between -pi/2 and pi/2.",
        "ps.asin([0., 1.]).round(4)",
        "array([0.    , 1.5708], dtype=float32)",
    ),
    Row(
        "Acos",
        "acos math.acos",
        ANALYTIC,
        lambda x, y, dy: raw.Neg(raw.Mul(dy, raw.Rsqrt(one_minus_square(conj(x))))),
        "The angle whose cosine is x, between 0 and pi.",
        "ps.acos([1., 0.]).round(4)",
        "array([0.    , 1.5708], dtype=float32)",
    ),
    Row(
        "Atan",
        "atan math.atan",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, raw.Reciprocal(one_plus(raw.Square(conj(x))))),
        "The angle whose tangent is x, between -pi/2 and pi/2.",
        "ps.atan([0., 1.]).round(4)",
        "array([0.    , 0.7854], dtype=float32)",
    ),
    Row(
        "Asinh",
        "asinh math.asinh",
        ANALYTIC,
        lambda x, y, dy: raw.RealDiv(dy, raw.Cosh(conj(y))),
        "The inverse of `sinh`.",
        "ps.asinh([0., 1.]).round(4)",
        "array([0.    , 0.8814], dtype=float32)",
    ),
    Row(
        "Acosh",
        "acosh math.acosh",
        ANALYTIC,
        lambda x, y, dy: raw.RealDiv(dy, raw.Sinh(conj(y))),
        "The inverse of `cosh`; NaN below 1.",
        "ps.acosh([1., 2.]).round(4)",
        "array([0.   , 1.317], dtype=float32)",
    ),
    Row(
        "Atanh",
        "atanh math.atanh",
        ANALYTIC,
        lambda x, y, dy: raw.RealDiv(dy, one_minus_square(conj(x))),
        "The inverse of `tanh`; NaN beyond -1 and 1.",
        "ps.atanh([0., 0.5]).round(4)",
        "array([0.    , 0.5493], dtype=float32)",
    ),
]

for _row in ROWS:
    define_unary(_row)
