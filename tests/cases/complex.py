"""Rows of complex numbers."""

from __future__ import annotations

import numpy as np

import penstock as ps
from tests.cases import COMPLEX, FLOAT2, Case, case, f32, of


def part(op: str, numpy: object) -> list[Case]:
    """Return a row for each complex dtype."""
    assert callable(numpy)
    return [
        case(
            op,
            of(whole, 3, 4),
            numpy=numpy,
            attrs={"Tout": getattr(ps, piece)},
            empty=[(of(whole, 0, 2),)],
            grad=False,
            not_for=COMPLEX,
            id=whole,
        )
        for whole, piece in (("complex64", "float32"), ("complex128", "float64"))
    ]


CASES = [
    *part("Real", np.real),
    *part("Imag", np.imag),
    *part("ComplexAbs", np.abs),
    *part("Angle", np.angle),
    case("Conj", of("complex64", 5), numpy=np.conj, grad=False, dtypes=("complex64", "complex128")),
    case(
        "Complex",
        f32(2, 3),
        f32(3),
        numpy=lambda x, y: x + 1j * y,
        dtypes=("float32",),
        grad=False,
        not_for=FLOAT2,
    ),
    case(
        "Complex",
        of("float64", 2, 3),
        of("float64", 2, 1),
        numpy=lambda x, y: x + 1j * y,
        attrs={"Tout": ps.complex128},
        grad=False,
        refuses=[(of("float64", 2), of("float64", 3))],
        not_for=FLOAT2,
        id="double",
    ),
]
