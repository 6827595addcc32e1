"""Rows of the functions of one tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import (
    COMPLEX,
    FLOATS,
    NUMBERS,
    SIGNED,
    Case,
    Input,
    bools,
    case,
    distinct,
    f32,
    fed,
    positive,
    uniform,
)

ANALYTIC = (*FLOATS, *COMPLEX)
SPECIAL = fed([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-18, 1e18, -1e18], "float32")

erf = np.vectorize(math.erf, otypes=[float])
erfc = np.vectorize(math.erfc, otypes=[float])


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def sign(x: Any) -> Any:
    """Return the sign, which for a complex number is the number of length 1."""
    return x / np.abs(x) if x.dtype.kind == "c" else np.sign(x)


def function(op: str, numpy: Callable[..., Any], x: Input, **rest: Any) -> list[Case]:
    """Return the rows of a function: ordinary numbers, a scalar, infinities and NaN."""
    rest.setdefault("dtypes", ANALYTIC)
    return [
        case(op, x, numpy=numpy, empty=[(f32(0, 3),)], **rest),
        case(op, Input((), "float32", x.draw), numpy=numpy, id="scalar"),
        case(op, SPECIAL, numpy=numpy, dtypes=("float32", "float64"), grad=False, id="special"),
    ]


def gradient(op: str, numpy: Callable[..., Any]) -> Case:
    """Return the row of a gradient op, which takes the output and its gradient."""
    return case(
        op,
        positive(3, 4),
        f32(3, 4),
        numpy=numpy,
        dtypes=FLOATS,
        refuses=[(f32(2, 3), f32(3, 2))],
    )


CASES = [
    *function("Abs", np.abs, distinct(3, 4), dtypes=(*FLOATS, *SIGNED)),
    *function("Neg", np.negative, f32(3, 4), dtypes=(*FLOATS, *SIGNED, *COMPLEX)),
    *function("Sign", sign, distinct(3, 4), dtypes=(*FLOATS, *SIGNED, *COMPLEX)),
    *function("Square", np.square, f32(3, 4), dtypes=NUMBERS),
    *function("Sqrt", np.sqrt, positive(3, 4)),
    *function("Rsqrt", lambda x: 1 / np.sqrt(x), positive(3, 4)),
    *function("Reciprocal", lambda x: 1 / x, positive(3, 4)),
    *function("Inv", lambda x: 1 / x, positive(3, 4)),
    *function("Exp", np.exp, f32(3, 4)),
    *function("Expm1", np.expm1, f32(3, 4)),
    *function("Log", np.log, positive(3, 4)),
    *function("Log1p", np.log1p, positive(3, 4)),
    *function("Sigmoid", sigmoid, f32(3, 4)),
    *function("Tanh", np.tanh, f32(3, 4)),
    *function("Erf", erf, f32(3, 4), dtypes=FLOATS),
    *function("Erfc", erfc, f32(3, 4), dtypes=FLOATS),
    *function("Floor", np.floor, f32(3, 4), dtypes=FLOATS),
    *function("Ceil", np.ceil, f32(3, 4), dtypes=FLOATS),
    *function("Round", np.rint, f32(3, 4), dtypes=(*FLOATS, *SIGNED)),
    *function("Rint", np.rint, f32(3, 4), dtypes=FLOATS),
    case("Round", fed([0.5, 1.5, 2.5, -0.5], "float32"), numpy=np.rint, id="halves"),
    case("Exp", uniform(-100.0, 88.0, 1000), numpy=np.exp, tol=2.0, grad=False, id="wide"),
    case("Log", uniform(1e-45, 1e-38, 1000), numpy=np.log, grad=False, id="small"),
    case("Tanh", uniform(-12.0, 12.0, 1000), numpy=np.tanh, grad=False, id="wide"),
    case("Sigmoid", uniform(-100.0, 100.0, 1000), numpy=sigmoid, grad=False, id="wide"),
    case("Erfc", uniform(-4.0, 9.0, 1000), numpy=erfc, grad=False, id="wide"),
    case("IsFinite", SPECIAL, numpy=np.isfinite, dtypes=FLOATS, empty=[(f32(0),)]),
    case("IsNan", SPECIAL, numpy=np.isnan, dtypes=FLOATS, empty=[(f32(0),)]),
    case("IsInf", SPECIAL, numpy=np.isinf, dtypes=FLOATS, empty=[(f32(0),)]),
    case("LogicalNot", bools(2, 5), numpy=np.logical_not, empty=[(bools(0, 2),)]),
    gradient("TanhGrad", lambda y, dy: dy * (1 - y * y)),
    gradient("SigmoidGrad", lambda y, dy: dy * y * (1 - y)),
    gradient("SqrtGrad", lambda y, dy: dy * 0.5 / np.conj(y)),
    gradient("RsqrtGrad", lambda y, dy: -0.5 * dy * np.conj(y) ** 3),
    gradient("ReciprocalGrad", lambda y, dy: -dy * np.conj(y) ** 2),
    gradient("InvGrad", lambda y, dy: -dy * np.conj(y) ** 2),
]
