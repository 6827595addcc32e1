"""Rows of searches in sorted rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import REALS, case, f32, fed


def search(side: Any) -> Any:
    """Return the reference of a search."""
    return lambda rows, values: np.array(
        [np.searchsorted(r, v, side) for r, v in zip(rows, values, strict=True)], np.int32
    ).reshape(values.shape)


CASES = [
    case(
        op,
        fed([[1, 3, 3, 5], [0, 0, 2, 7]], "float32"),
        fed([[0, 3, 4], [0, 9, 2]], "float32"),
        numpy=search(side),
        dtypes=REALS,
        empty=[(f32(2, 0), f32(2, 3)), (f32(0, 2), f32(0, 2)), (f32(1, 2), f32(1, 0))],
        refuses=[(f32(2), f32(2)), (f32(2, 2), f32(3, 2)), (f32(2, 2), f32(2))],
    )
    for op, side in (("LowerBound", "left"), ("UpperBound", "right"))
]
