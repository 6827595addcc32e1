"""Rows of transposition."""

from typing import Any

import numpy as np

from tests.cases import COMPLEX, FLOAT2, PLAIN, case, const, f32, of, strings


def moved(x: Any, perm: Any) -> Any:
    """Return NumPy's transposition."""
    return np.transpose(x, [int(p) for p in perm])


CASES = [
    case(
        "Transpose",
        f32(2, 3, 4),
        const([2, 0, 1]),
        numpy=moved,
        dtypes=PLAIN,
        empty=[(f32(0, 3), const([1, 0]))],
        refuses=[
            (f32(2, 3), const([0])),
            (f32(2, 3), const([0, 0])),
            (f32(2, 3), const([0, 2])),
            (f32(2, 3), const([[0, 1]])),
        ],
    ),
    case("Transpose", strings("a", "b"), const([0]), numpy=moved, grad=False, id="strings"),
    *[
        case("Transpose", f32(*s), const(p), numpy=moved, dtypes=FLOAT2, grad=False, id=name)
        for name, s, p in (
            ("matrix", (70, 45), [1, 0]),
            ("nchw", (2, 9, 7, 3), [0, 3, 1, 2]),
            ("kept-inner", (5, 6, 40), [1, 0, 2]),
            ("reversed", (3, 4, 5, 6), [3, 2, 1, 0]),
            ("view", (1, 5, 1), [2, 1, 0]),
            ("negative", (3, 4), [-1, 0]),
        )
    ],
    *[
        case(
            "ConjugateTranspose",
            of(dtype, 2, 3),
            const([1, 0]),
            numpy=lambda x, p: np.conj(moved(x, p)),
            not_for=("string",),
            id=dtype,
        )
        for dtype in (*COMPLEX, "float64")
    ],
]
