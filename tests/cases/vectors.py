"""Rows of products of vectors."""

import numpy as np

from tests.cases import REALS, case, f32

CASES = [
    case(
        "Cross",
        f32(2, 3),
        f32(2, 3),
        numpy=lambda a, b: np.cross(a, b).astype(a.dtype),
        dtypes=REALS,
        empty=[(f32(0, 3), f32(0, 3))],
        refuses=[(f32(2), f32(2)), (f32(3), f32(2, 3)), (f32(), f32()), (f32(0), f32(0))],
    ),
]
