"""The error function, the logarithm of the gamma function, and its derivatives.

All are computed in double precision and rounded once: by series where those are short, elsewhere
by continued fractions and by Stirling's and Euler and Maclaurin's expansions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array
from penstock.kernels.array.table import FLOAT2, FLOATS, elementwise

# Bernoulli numbers B(2k), k = 1, 2, ...
_BERNOULLI = (
    *(1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6),
    *(-3617 / 510, 43867 / 798, -174611 / 330, 854513 / 138),
)
# log gamma(2 + z) = the sum of these times z^(k + 1)
_NEAR_2 = (
    4.22784335098467134e-01,
    3.22467033424113203e-01,
    -6.73523010531981020e-02,
    2.05808084277845464e-02,
    -7.38555102867398568e-03,
    2.89051033074152336e-03,
    -1.19275391170326102e-03,
    5.09669524743042450e-04,
    -2.23154758453579386e-04,
    9.94575127818085310e-05,
    -4.49262367381331420e-05,
    2.05072127756706911e-05,
    -9.43948827526839672e-06,
    4.37486678990748817e-06,
    -2.03921575380136619e-06,
    9.55141213040741935e-07,
    -4.49246919876456619e-07,
    2.12071848055546646e-07,
    -1.00432248239680991e-07,
    4.76981016936398040e-08,
    -2.27110946089431635e-08,
    1.08386592148969546e-08,
    -5.18347504197004664e-09,
    2.48367454380247848e-09,
    -1.19214014058609115e-09,
    5.73136724167886225e-10,
)
_SHIFT = 12  # arguments below are moved up by recurrence


def _erf_near(xp: Any, x: Array) -> Array:
    """Return erf by a series of positive terms: for |x| <= 2.5."""
    term, total = x, x
    for n in range(1, 60):
        term = term * (2 * x * x / (2 * n + 1))
        total = total + term
    return total * xp.exp(-x * x) * (2 / np.sqrt(np.pi))


def _erfc_far(xp: Any, x: Array) -> Array:
    """Return erfc by its continued fraction: for x >= 2.5."""
    fraction = x
    for n in range(60, 0, -1):
        fraction = x + (n / 2) / fraction
    return xp.exp(-x * x) / (fraction * np.sqrt(np.pi))


def _erfc_of_size(xp: Any, size: Array) -> Array:
    far = xp.minimum(xp.maximum(size, 2.5), 30.0)
    near = 1 - _erf_near(xp, xp.minimum(size, 1.0))
    return xp.where(size >= 2.5, _erfc_far(xp, far), xp.where(size <= 1, near, _middle(xp, size)))


def _middle(xp: Any, size: Array) -> Array:
    """Return erfc by Taylor's series around 1.75 of its logarithm's integral: for 1 to 2.5.

    The difference 1 - erf would lose digits here; a long continued fraction does not.
    """
    x = xp.minimum(xp.maximum(size, 1.0), 2.5)
    fraction = x
    for n in range(400, 0, -1):
        fraction = x + (n / 2) / fraction
    return xp.exp(-x * x) / (fraction * np.sqrt(np.pi))


def _erf(xp: Any, x: Array) -> Array:
    wide = x.astype(np.float64)
    size = xp.abs(wide)
    near = _erf_near(xp, xp.where(size <= 1, wide, 0))
    return xp.where(size <= 1, near, xp.sign(wide) * (1 - _erfc_of_size(xp, size)))


def erfc(xp: Any, x: Array) -> Array:
    """Return 1 - erf(x), in double precision."""
    wide = x.astype(np.float64)
    small = xp.abs(wide) <= 0.5
    tail = _erfc_of_size(xp, xp.abs(wide))
    near = 1 - _erf_near(xp, xp.where(small, wide, 0))
    return xp.where(small, near, xp.where(wide < 0, 2 - tail, tail))


def _stirling(xp: Any, x: Array) -> Array:
    total = (x - 0.5) * xp.log(x) - x + 0.5 * np.log(2 * np.pi)
    power = 1 / x
    for k, b in enumerate(_BERNOULLI[:8], 1):
        total = total + b / (2 * k * (2 * k - 1)) * power
        power = power / (x * x)
    return total


def _lgamma_positive(xp: Any, x: Array) -> Array:
    """Return log gamma for x > 0; below 10 moved to where the series around 2 holds."""
    below = x < 10
    start = xp.where(below, x, 2.0)
    steps = xp.maximum(xp.rint(start - 2), -2)
    z = start - 2 - steps
    series = xp.zeros_like(x)
    for coefficient in reversed(_NEAR_2):
        series = (series + coefficient) * z
    up, down = xp.ones_like(x), xp.ones_like(x)
    for k in range(8):
        up = up * xp.where(k < steps, z + 2 + k, 1.0)
    for k in range(2):
        down = down * xp.where(k < -steps, start + k, 1.0)
    near = series + xp.log(up) - xp.log(down)
    return xp.where(below, near, _stirling(xp, xp.where(below, 20.0, x)))


def lgamma(xp: Any, x: Array) -> Array:
    """Return log |gamma(x)|, in double precision."""
    wide = x.astype(np.float64)
    positive = wide > 0
    upper = _lgamma_positive(xp, xp.where(positive, wide, 1 - wide))
    part = wide - xp.floor(wide)
    reflected = xp.log(np.pi / xp.abs(xp.sin(np.pi * part))) - upper
    result = xp.where(positive, upper, reflected)
    pole = ~positive & (part == 0)
    return xp.where(pole | xp.isinf(wide), np.inf, result)


def _digamma_positive(xp: Any, x: Array) -> Array:
    below = x < _SHIFT
    z = xp.where(below, x, 1.0)
    total = xp.zeros_like(x)
    for k in range(_SHIFT):
        total = total - 1 / (z + k)
    return xp.where(below, total, 0) + _digamma_far(xp, xp.where(below, z + _SHIFT, x))


def _digamma_far(xp: Any, x: Array) -> Array:
    total = xp.log(x) - 0.5 / x
    power = 1 / (x * x)
    square = power
    for k, b in enumerate(_BERNOULLI[:9], 1):
        total = total - b / (2 * k) * power
        power = power * square
    return total


def digamma(xp: Any, x: Array) -> Array:
    """Return the derivative of log gamma, in double precision."""
    wide = x.astype(np.float64)
    positive = wide > 0
    upper = _digamma_positive(xp, xp.where(positive, wide, 1 - wide))
    part = wide - xp.floor(wide)
    result = xp.where(positive, upper, upper - np.pi / xp.tan(np.pi * part))
    return xp.where(~positive & (part == 0), np.nan, result)


def _zeta_positive(xp: Any, x: Array, q: Array) -> Array:
    """Return Hurwitz' zeta function by Euler and Maclaurin's formula, for x > 1 and q > 0."""
    total = xp.zeros_like(x + q)
    for k in range(_SHIFT):
        total = total + (q + k) ** -x
    end = q + _SHIFT
    power = end**-x
    total = total + end * power / (x - 1) + 0.5 * power
    factor, scale = x * power / end, 1.0
    for k, b in enumerate(_BERNOULLI, 1):
        scale *= (2 * k) * (2 * k - 1)
        total = total + b / scale * factor
        factor = factor * (x + 2 * k - 1) * (x + 2 * k) / (end * end)
    return total


def _zeta(xp: Any, x: Array, q: Array) -> Array:
    """Return Hurwitz' zeta function, in double precision.

    For q < 0 the negative terms are those of another zeta, without its tail, with the sign of
    (-1)^x; whole x only.
    """
    s, at = xp.broadcast_arrays(x.astype(np.float64), q.astype(np.float64))
    fine = (s > 1) & xp.isfinite(s) & xp.isfinite(at)
    power, place = xp.where(fine, s, 2.0), xp.where(fine, at, 1.0)
    positive = place > 0
    above = place - xp.floor(place)
    start = xp.where(positive, place, xp.where(above == 0, 0.5, above))
    total = _zeta_positive(xp, power, start)
    even = power == 2 * xp.floor(power / 2)
    lower = _zeta_positive(xp, power, 1 - xp.where(above == 0, 0.5, above))
    lower = lower - _zeta_positive(xp, power, xp.where(positive, 1.0, 1 - place))
    below = xp.where(even, total + lower, total - lower)
    below = xp.where(power == xp.floor(power), below, np.nan)
    below = xp.where(above == 0, xp.where(even, np.inf, np.nan), below)
    result = xp.where(positive, total, below)
    edge = xp.where(s == 1, np.inf, xp.where((s > 1) & (at > 0), _at_infinity(xp, s, at), np.nan))
    return xp.where(fine, result, xp.where(xp.isnan(s) | xp.isnan(at), np.nan, edge))


def _at_infinity(xp: Any, s: Array, q: Array) -> Array:
    return xp.where(xp.isinf(s), q**-s, 0.0)


def _polygamma(xp: Any, n: Array, x: Array) -> Array:
    order, at = xp.broadcast_arrays(n.astype(np.float64), x.astype(np.float64))
    whole = (order > 0) & (order == xp.floor(order))
    safe = xp.where(whole, order, 1.0)
    z = _zeta(xp, safe + 1, at)
    logarithm = _lgamma_positive(xp, safe + 1)
    product = xp.exp(logarithm) * z
    far = xp.sign(z) * xp.exp(logarithm + xp.log(xp.abs(z)))  # factors beyond double precision
    product = xp.where(safe > 170, far, product)
    odd = safe != 2 * xp.floor(safe / 2)
    higher = xp.where(whole, xp.where(odd, product, -product), np.nan)
    return xp.where(order == 0, digamma(xp, at), higher)


elementwise({"Zeta": _zeta, "Polygamma": _polygamma}, T=FLOAT2)
elementwise({"Erf": _erf, "Erfc": erfc, "Lgamma": lgamma, "Digamma": digamma}, T=FLOATS)
