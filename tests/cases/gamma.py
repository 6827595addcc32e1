"""Rows of the gamma function's logarithm and derivatives, and of Hurwitz' zeta function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.cases import FLOATS, case, f32, fed, positive, uniform

INF, NAN = float("inf"), float("nan")


def lgamma_of(x: float) -> float:
    """Return log |gamma(x)|, infinite at its poles."""
    if math.isinf(x) or (x <= 0 and x == math.floor(x)):
        return INF
    return math.lgamma(x)


def zeta_of(s: float, q: float) -> float:
    """Return many terms of the series, and the integral of the rest."""
    many = 20000
    if not s > 1 or (q <= 0 and q == math.floor(q)):
        return NAN if s != 1 else INF
    terms = [
        math.copysign(abs(q + k) ** -s, 1 if q + k > 0 else (-1) ** int(s)) for k in range(many)
    ]
    end = q + many
    return math.fsum(terms) + end ** (1 - s) / (s - 1) + 0.5 * end**-s + s / 12 * end ** (-s - 1)


def digamma_of(x: float) -> float:
    """Return the series from far out, moved back step by step."""
    if math.isnan(x) or x == -INF or (x <= 0 and x == math.floor(x)):
        return NAN
    if math.isinf(x):
        return x
    terms = []
    while x < 1000:
        terms.append(-1 / x)
        x += 1
    return math.fsum([*terms, math.log(x), -0.5 / x, -1 / (12 * x * x), 1 / (120 * x**4)])


def polygamma_of(n: float, x: float) -> float:
    """Return the n-th derivative of digamma."""
    if n == 0:
        return digamma_of(x)
    return (-1.0) ** (n + 1) * math.factorial(int(n)) * zeta_of(n + 1, x)


def igamma_of(a: float, x: float) -> float:
    """Return the series of the lower function, all of whose terms are positive."""
    if x == 0 and a >= 0:
        return 0.0
    if not (a > 0 and x >= 0):
        return NAN
    terms = [math.exp((a + n) * math.log(x) - x - math.lgamma(a + n + 1)) for n in range(400)]
    return math.fsum(terms)


def betainc_of(a: float, b: float, x: float) -> float:
    """Return the sum that the function is for whole a and b."""
    n = round(a + b) - 1
    return math.fsum(math.comb(n, j) * x**j * (1 - x) ** (n - j) for j in range(round(a), n + 1))


igamma, betainc = (np.vectorize(f, otypes=[float]) for f in (igamma_of, betainc_of))
lgamma, digamma = (np.vectorize(f, otypes=[float]) for f in (lgamma_of, digamma_of))
zeta, polygamma = (np.vectorize(f, otypes=[float]) for f in (zeta_of, polygamma_of))
SPECIAL = fed([INF, -INF, NAN, 0.0, -1.0, -2.0, 1.0, 2.0, 1e-5, 1e6, 1e20])
SPREAD = fed(np.concatenate([np.linspace(0.05, 12.0, 60), np.linspace(-4.9, -0.1, 25)]), "float64")


def near(reference: Any, ulps: float) -> Any:
    """Return a check that float64 results are exact to a few units in the last place."""

    def check(values: Any) -> None:
        wanted = reference(SPREAD.values)
        spacing = np.spacing(np.maximum(np.abs(wanted), 1.0))
        assert np.max(np.abs(values[0] - wanted) / spacing) <= ulps

    return check


CASES = [
    *[
        row
        for op, reference in (("Lgamma", lgamma), ("Digamma", digamma))
        for row in (
            case(op, positive(3, 4), numpy=reference, dtypes=FLOATS, empty=[(f32(0, 3),)]),
            case(op, uniform(-0.9, -0.1, 6), numpy=reference, tol=10, id="negative"),
            case(op, uniform(3.0, 30.0, 6), numpy=reference, id="large"),
            case(op, SPECIAL, numpy=reference, dtypes=("float32",), grad=False, id="special"),
            case(op, SPREAD, check=near(reference, 16), grad=False, id="precision"),
        )
    ],
    case(
        "Digamma",
        fed([1.4616321449683622, 1.4616, 1.47], "float64"),
        numpy=lambda x: (
            (x - 1.4616321449683623413) * 0.967672245447621204
            - 0.442763168983592081 * (x - 1.4616321449683623413) ** 2
            + 0.258499760955651026 * (x - 1.4616321449683623413) ** 3
            - 0.163942705442406522 * (x - 1.4616321449683623413) ** 4
        ),
        grad=False,
        id="root",
    ),
    case(
        "Zeta",
        fed([[1.5], [2.0], [6.0]], "float32"),
        positive(4),
        numpy=zeta,
        grad=(1,),
        empty=[(f32(0, 1), f32(2))],
        refuses=[(f32(2), f32(3))],
        dtypes=("float32", "float64"),
    ),
    case(
        "Zeta",
        fed([2.0, 3.0, 2.0, 3.0, 1.0, 0.5, 2.0, NAN, 2.5, 2.0], "float32"),
        fed([-1.5, -2.5, 0.0, -1.0, 2.0, 2.0, INF, 1.0, -0.5, -1e6 - 0.5], "float32"),
        numpy=lambda s, q: np.array(
            [zeta_of(2, -1.5), zeta_of(3, -2.5), INF, NAN, INF, NAN, 0.0, NAN, NAN, 9.8696034]
        ),
        dtypes=("float32", "float64"),
        tol=1000,
        grad=False,
        id="special",
    ),
    case(
        "Polygamma",
        fed([[0.0], [1.0], [2.0], [5.0]], "float32"),
        positive(3),
        numpy=polygamma,
        grad=(1,),
        tol=10,
        empty=[(f32(0), f32(1))],
        refuses=[(f32(2), f32(3))],
        dtypes=("float32", "float64"),
    ),
    case(
        "Polygamma",
        fed([-1.0, 1.5, 1.0, 171.0, 171.0, NAN], "float32"),
        fed([1.0, 1.0, -1.0, 1.0, 1e3, 1.0], "float32"),
        # The last but one is gamma(171) / 1000^171 and a little more.
        numpy=lambda n, x: np.array([NAN, NAN, INF, INF, 0.0, NAN]),
        dtypes=("float64",),
        grad=False,
        id="special",
    ),
    *[
        row
        for op, reference in (("Igamma", igamma), ("Igammac", lambda a, x: 1 - igamma(a, x)))
        for row in (
            case(
                op,
                positive(3, 1),
                positive(4),
                numpy=reference,
                dtypes=FLOATS,
                grad2=False,
                empty=[(f32(0, 1), f32(2))],
                refuses=[(f32(2), f32(3))],
            ),
            case(op, uniform(1, 40, 9), uniform(1, 40, 9), numpy=reference, grad2=False, id="wide"),
            case(op, positive(3), positive(3), numpy=reference, grad=(1,), id="by x"),
        )
    ],
    case(
        "Igamma",
        fed([1e5, 1e6, 1e10, 1e12], "float32"),
        fed([1e5, 1e6, 1e10, 1e12], "float32"),
        numpy=lambda a, x: 0.5 + 1 / (3 * np.sqrt(2 * np.pi * a)),
        dtypes=("float32", "float64"),
        grad=False,
        not_for=("float16",),
        id="large",
    ),
    case(
        "Igamma",
        fed([1.0, 2.0, 0.0, 0.0, -1.0, 1.0, 1.0, INF, 2.0], "float32"),
        fed([1.0, 0.0, 0.0, 1.0, 1.0, -1.0, INF, 2.0, NAN], "float32"),
        numpy=lambda a, x: np.array([1 - math.exp(-1), 0, 0, NAN, NAN, NAN, 1, 0, NAN]),
        dtypes=("float32", "float64"),
        grad=False,
        id="special",
    ),
    case(
        "Igammac",
        fed([1.0, 2.0, 0.0, 1.0, INF, 1.0, 5.0], "float32"),
        fed([INF, 0.0, 1.0, -1.0, 2.0, 700.0, 1e6], "float32"),
        numpy=lambda a, x: np.array([0, 1, NAN, NAN, 1, math.exp(-700), 0]),
        dtypes=("float64",),
        grad=False,
        id="special",
    ),
    case(
        "IgammaGradA",
        positive(3, 1),
        uniform(0.5, 12.0, 4),
        numpy=lambda a, x: (igamma(a + 1e-5, x) - igamma(a - 1e-5, x)) / 2e-5,
        tol=10,
        grad=False,
        empty=[(f32(0, 1), f32(2))],
        refuses=[(f32(2), f32(3))],
    ),
    case(
        "Betainc",
        fed([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 3.0], "float32"),
        fed([1.0, 1.0, 5.0, 2.0, 4.0, 6.0, 6.0, 3.0], "float32"),
        uniform(0.05, 0.95, 8),
        numpy=betainc,
        dtypes=("float32", "float64"),
        grad=(2,),
        empty=[(f32(0), f32(), f32(0))],
        refuses=[(f32(2), f32(3), f32()), (f32(1, 2), f32(2), f32())],
    ),
    case(
        "Betainc",
        fed(2.0, "float32"),
        fed(3.0, "float32"),
        uniform(0.05, 0.95, 2, 3),
        numpy=betainc,
        grad=(2,),
        id="scalars",
    ),
    case(
        "Betainc",
        fed([0.0, 2.0, -1.0, 1.0, 1.0, 1.0, 2.0, NAN], "float32"),
        fed([1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 3.0, 1.0], "float32"),
        fed([0.5, 0.5, 0.5, -0.1, 1.5, 1.0, 0.0, 0.5], "float32"),
        numpy=lambda a, b, x: np.array([NAN, NAN, NAN, NAN, NAN, 1, 0, NAN]),
        dtypes=("float32", "float64"),
        grad=False,
        id="special",
    ),
]
