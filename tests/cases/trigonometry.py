"""Rows of the functions of angles and of the hyperbolic functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import COMPLEX, Case, case, f32, uniform
from tests.cases.unary import function


def large(op: str, numpy: Callable[..., Any], most: float) -> Case:
    """Return the row of large angles, where complex results would overflow."""
    angles = uniform(-most, most, 1000)
    return case(op, angles, numpy=numpy, grad=False, not_for=COMPLEX, id="large")


CASES = [
    *function("Sin", np.sin, f32(3, 4)),
    *function("Cos", np.cos, f32(3, 4)),
    *function("Tan", np.tan, uniform(-1.2, 1.2, 3, 4)),
    *function("Sinh", np.sinh, f32(3, 4)),
    *function("Cosh", np.cosh, f32(3, 4)),
    *function("Asin", np.arcsin, uniform(-0.9, 0.9, 3, 4)),
    *function("Acos", np.arccos, uniform(-0.9, 0.9, 3, 4)),
    *function("Atan", np.arctan, f32(3, 4)),
    *function("Asinh", np.arcsinh, f32(3, 4)),
    *function("Acosh", np.arccosh, uniform(1.2, 3.0, 3, 4)),
    *function("Atanh", np.arctanh, uniform(-0.9, 0.9, 3, 4)),
    large("Sin", np.sin, 1e6),
    large("Cos", np.cos, 1e6),
    large("Tan", np.tan, 1e3),
]
