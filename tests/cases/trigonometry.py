"""Rows of the functions of angles and of the hyperbolic functions."""

from __future__ import annotations

import numpy as np

from tests.cases import case, f32, uniform
from tests.cases.unary import function

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
    case("Sin", uniform(-1e6, 1e6, 1000), numpy=np.sin, grad=False, id="large"),
    case("Cos", uniform(-1e6, 1e6, 1000), numpy=np.cos, grad=False, id="large"),
    case("Tan", uniform(-1e3, 1e3, 1000), numpy=np.tan, grad=False, id="large"),
]
