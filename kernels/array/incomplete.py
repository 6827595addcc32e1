"""The incomplete gamma and beta functions, regularised: between 0 and 1.

The CPU's formulas (`kernels/cpu/incomplete.cc`) in double precision, rounded once. The elements of
an array go through series and continued fractions side by side, until all have converged. What
is outside of a formula's range is computed for 1 instead and thrown away. Arguments outside of
the domain give NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.gamma import digamma, erfc, lgamma
from penstock.kernels.array.table import (
    FLOAT2,
    FLOATS,
    elementwise,
    kernel,
    require,
    shape_text,
)

_TINY = 1e-300
_MOST_TERMS = 20000
_FIRST = (-1 / 3, 1 / 12, -2 / 135, 1 / 864, 1 / 2835, -139 / 777600, 1 / 25515)
_SECOND = (-1 / 540, -1 / 288, 1 / 378, -77 / 77760)


def _until_done(step: Callable[[int], Array]) -> None:
    """Call step(1), step(2), ... until it says of every element, now and then, that it is done."""
    for n in range(1, _MOST_TERMS):
        done = step(n)
        if n % 32 == 0 and bool(done.all()):
            return


def _log1p_rest(xp: Any, m: Array) -> Array:
    """Return m - log(1 + m), exact for small m too."""
    small = xp.abs(m) <= 0.4
    near = xp.where(small, m, 0.0)
    s = near / (2 + near)  # log(1 + m) = 2 atanh(s)
    total = xp.zeros_like(s)
    for k in range(29, 2, -2):
        total = total * (s * s) + 1.0 / k
    series = near * near / (2 + near) - 2 * s * s * s * total
    return xp.where(small, series, m - xp.log1p(m))


def _density(xp: Any, a: Array, x: Array) -> Array:
    """Return x^a e^-x / gamma(a + 1), without cancellation where a is large."""
    large = a >= 20
    order = xp.where(large, a, 20.0)
    square = order * order
    tail = (1 / 12 - (1 / 360 - 1 / (1260 * square)) / square) / order
    exponent = -order * _log1p_rest(xp, xp.where(large, (x - order) / order, 0.0)) - tail
    far = xp.exp(exponent) / xp.sqrt(2 * np.pi * order)
    low = xp.where(large, 1.0, a)
    near = xp.exp(low * xp.log(x) - x - lgamma(xp, low + 1))
    return xp.where(large, far, near)


def _series(xp: Any, a: Array, x: Array) -> Array:
    """Return the lower gamma function; right where x is not far above a."""
    term, total = xp.ones_like(x), xp.ones_like(x)

    def step(n: int) -> Array:
        nonlocal term, total
        term = term * (x / (a + n))
        total = total + term
        return term < 1e-17 * total

    _until_done(step)
    return _density(xp, a, x) * total


def _kept(xp: Any, x: Array) -> Array:
    return xp.where(xp.abs(x) < _TINY, _TINY, x)


def _fraction(xp: Any, a: Array, x: Array) -> Array:
    """Return the upper gamma function; right where x is above a + 1."""
    b = x + 1 - a
    c, d = xp.full_like(x, 1 / _TINY), 1 / b
    h = d

    def step(n: int) -> Array:
        nonlocal b, c, d, h
        numerator = -n * (n - a)
        b = b + 2
        d = 1 / _kept(xp, numerator * d + b)
        c = _kept(xp, b + numerator / c)
        h = h * d * c
        return xp.abs(d * c - 1) < 4e-16

    _until_done(step)
    return _density(xp, a, x) * a * h


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    total = x * 0.0
    for coefficient in reversed(coefficients):
        total = total * x + coefficient
    return total


def _temme(xp: Any, a: Array, x: Array, sign: float) -> Array:
    """Return the upper (1) or lower (-1) gamma function for large a and x near a."""
    rest = _log1p_rest(xp, (x - a) / a)
    eta = xp.copysign(xp.sqrt(2 * rest), x - a)
    correction = _polynomial(_FIRST, eta) + _polynomial(_SECOND, eta) / a
    normal = 0.5 * erfc(xp, sign * eta * xp.sqrt(a / 2))
    return normal + sign * xp.exp(-a * rest) / xp.sqrt(2 * np.pi * a) * correction


def _pair(xp: Any, x: Array, y: Array) -> tuple[Array, Array]:
    a, b = xp.broadcast_arrays(x.astype(np.float64), y.astype(np.float64))
    return a, b


def _inside(xp: Any, a: Array, x: Array, sign: float) -> Array:
    """Return a gamma function of finite arguments above 0."""
    near_mean = (a > 1e4) & (xp.abs(x - a) < 0.1 * a)
    above = (x > a + 1) & ~near_mean
    below = ~above & ~near_mean
    lower = _series(xp, xp.where(below, a, 1.0), xp.where(below, x, 1.0))
    upper = _fraction(xp, xp.where(above, a, 1.0), xp.where(above, x, 3.0))
    mean = _temme(xp, xp.where(near_mean, a, 1e5), xp.where(near_mean, x, 1e5), sign)
    result = xp.where(above, upper, 1 - lower) if sign > 0 else xp.where(above, 1 - upper, lower)
    return xp.where(near_mean, mean, result)


def _gamma(sign: float) -> Any:
    at_zero, at_infinity = (1.0, 0.0) if sign > 0 else (0.0, 1.0)

    def compute(xp: Any, orders: Array, places: Array) -> Array:
        a, x = _pair(xp, orders, places)
        fine = (a > 0) & (x > 0) & xp.isfinite(a) & xp.isfinite(x)
        result = _inside(xp, xp.where(fine, a, 1.0), xp.where(fine, x, 1.0), sign)
        legal = (x >= 0) & (a > 0)
        edge = xp.where(xp.isinf(x), at_infinity, at_zero)
        edge = xp.where(xp.isinf(a), xp.where(xp.isinf(x), np.nan, at_zero), edge)
        result = xp.where(fine, result, xp.where(legal, edge, np.nan))
        if sign > 0:
            return result
        return xp.where((x == 0) & (a >= 0), 0.0, result)

    return compute


def _slope(xp: Any, orders: Array, places: Array) -> Array:
    """Return the derivative of the lower gamma function by a, from that of its series' terms."""
    given, x = _pair(xp, orders, places)
    spread = 40 * xp.sqrt(xp.maximum(given, x)) + 200
    legal = (given > 0) & (x >= 0)
    fine = legal & (x > 0) & (given <= 1e6) & (xp.abs(x - given) <= spread)
    a, at = xp.where(fine, given, 1.0), xp.where(fine, x, 1.0)
    term = _density(xp, a, at)
    slope = xp.log(at) - digamma(xp, a + 1)
    total = term * slope

    def step(n: int) -> Array:
        nonlocal term, slope, total
        slope = slope - 1 / (a + n)
        term = term * (at / (a + n))
        total = total + term * slope
        return (a + n > at) & (term * xp.abs(slope) < 1e-18)

    _until_done(step)
    steep = legal & (given > 1e6) & (xp.abs(x - given) <= spread)  # all that is left of it there
    far = -_density(xp, xp.where(steep, given, 1e7), xp.where(steep, x, 1e7))
    return xp.where(fine, total, xp.where(steep, far, xp.where(legal, 0.0, np.nan)))


elementwise({"Igamma": _gamma(-1.0), "Igammac": _gamma(1.0)}, T=FLOATS)
elementwise({"IgammaGradA": _slope}, T=FLOAT2)


def _beta_fraction(xp: Any, a: Array, b: Array, x: Array) -> Array:
    c, d = xp.ones_like(x), 1 / _kept(xp, 1 - (a + b) * x / (a + 1))
    h = d

    def step(m: int) -> Array:
        nonlocal c, d, h
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _kept(xp, 1 + even * d)
        c = _kept(xp, 1 + even / c)
        h = h * d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / _kept(xp, 1 + odd * d)
        c = _kept(xp, 1 + odd / c)
        h = h * d * c
        return xp.abs(d * c - 1) < 4e-16

    _until_done(step)
    return h


@kernel("Betainc", T=FLOAT2)
def _betainc(xp: Any, node: KernelNode, *operands: Array) -> Array:
    shapes = {operand.shape for operand in operands if operand.ndim}
    require(
        len(shapes) < 2,
        "a, b and x must be scalars or of one shape, got "
        + ", ".join(shape_text(operand.shape) for operand in operands),
    )
    given = [operand.astype(np.float64) for operand in operands]
    a, b, x = xp.broadcast_arrays(*given)
    legal = (a > 0) & (b > 0) & (x >= 0) & (x <= 1)
    fine = legal & (x > 0) & (x < 1)
    p, q, at = (xp.where(fine, v, 0.5) for v in (a, b, x))
    logs = lgamma(xp, p + q) - lgamma(xp, p) - lgamma(xp, q)
    front = xp.exp(logs + p * xp.log(at) + q * xp.log1p(-at))
    left = at < (p + 1) / (p + q + 2)
    fraction = _beta_fraction(
        xp, xp.where(left, p, q), xp.where(left, q, p), xp.where(left, at, 1 - at)
    )
    result = xp.where(left, front * fraction / p, 1 - front * fraction / q)
    return xp.where(fine, result, xp.where(legal, x, np.nan))
