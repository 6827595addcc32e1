"""Rows of the activation functions and of their gradient ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import FLOATS, REALS, Case, case, distinct, f32, fed, uniform
from tests.cases.unary import sigmoid

SLOPE = float(np.float32(0.2))
SCALE, SCALE_ALPHA = 1.0507009873554805, 1.7580993408473766


def activation(op: str, numpy: Callable[..., Any], dtypes: tuple[str, ...], **rest: Any) -> Case:
    """Return the row of a function; no argument is at the kink at 0."""
    return case(op, distinct(3, 6), numpy=numpy, dtypes=dtypes, empty=[(f32(0, 2),)], **rest)


def gradient(op: str, numpy: Callable[..., Any], dtypes: tuple[str, ...], **rest: Any) -> Case:
    """Return the row of a gradient op."""
    return case(
        op,
        f32(3, 6),
        distinct(3, 6),
        numpy=numpy,
        dtypes=dtypes,
        empty=[(f32(0, 2), f32(0, 2))],
        refuses=[(f32(2, 3), f32(3, 2))],
        **rest,
    )


def elu(x: Any) -> Any:
    """Return x above 0 and exp(x) - 1 below."""
    return np.where(x > 0, x, np.expm1(x))


CASES = [
    activation("Relu", lambda x: np.maximum(x, 0), REALS),
    activation("Relu6", lambda x: np.clip(x, 0, 6), REALS),
    activation("LeakyRelu", lambda x: np.where(x > 0, x, SLOPE * x), FLOATS),
    activation(
        "LeakyRelu",
        lambda x, alpha: np.where(x > 0, x, alpha * x),
        FLOATS,
        attrs={"alpha": 1.5},
        id="steep",
    ),
    activation("Elu", elu, FLOATS),
    activation("Selu", lambda x: np.where(x > 0, SCALE * x, SCALE_ALPHA * np.expm1(x)), FLOATS),
    activation("Softplus", lambda x: np.logaddexp(x, 0), FLOATS),
    activation("Softsign", lambda x: x / (1 + np.abs(x)), FLOATS),
    case("Relu6", uniform(-3.0, 9.0, 50), numpy=lambda x: np.clip(x, 0, 6), grad=False, id="wide"),
    case(
        "Softplus",
        fed([-1000.0, -100.0, -20.0, 20.0, 100.0, 1000.0, np.inf, -np.inf, np.nan], "float32"),
        numpy=lambda x: np.where(np.isinf(x), np.maximum(x, 0), np.logaddexp(x, 0)),
        dtypes=("float32", "float64"),
        grad=False,
        id="wide",
    ),
    case(
        "Relu",
        fed([np.nan, np.inf, -np.inf, -0.0], "float32"),
        numpy=lambda x: np.maximum(x, 0),
        dtypes=FLOATS,
        grad=False,
        id="special",
    ),
    gradient("ReluGrad", lambda g, x: g * (x > 0), REALS),
    gradient("Relu6Grad", lambda g, x: g * ((x > 0) & (x < 6)), REALS),
    *[
        case(
            op,
            fed([np.nan, np.inf, np.nan, -np.inf, 1.0, 2.0, 3.0], "float32"),
            fed([-1.0, 0.0, 1.0, np.nan, np.nan, 1.0, -np.inf], "float32"),
            numpy=lambda g, x: g * ((x > 0) & (x < 6)),
            dtypes=FLOATS,
            grad=False,
            id="special",
        )
        for op in ("ReluGrad", "Relu6Grad")
    ],
    gradient("LeakyReluGrad", lambda g, x: np.where(x > 0, g, SLOPE * g), FLOATS),
    gradient("EluGrad", lambda g, y: np.where(y < 0, (y + 1) * g, g), FLOATS),
    gradient("SeluGrad", lambda g, y: np.where(y < 0, y + SCALE_ALPHA, SCALE) * g, FLOATS),
    gradient("SoftplusGrad", lambda g, x: g * sigmoid(x), FLOATS),
    gradient("SoftsignGrad", lambda g, x: g / (1 + np.abs(x)) ** 2, FLOATS),
]
