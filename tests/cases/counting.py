"""Rows of counts, and of flat positions taken apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import case, const, f32, fed, ints


def counts(values: Any, size: Any, weights: Any) -> Any:
    """Return the sums of weights by value."""
    out = np.zeros(int(size), weights.dtype)
    inside = values < size
    given = weights if weights.size else np.ones(values.shape, weights.dtype)
    np.add.at(out, values[inside], given[inside])
    return out


VALUES = fed([[1, 5, 1], [0, 2, 9]], "int32")
CASES = [
    case(
        "Bincount",
        VALUES,
        const(6),
        ints(0, 9, 2, 3, dtype="float32"),
        numpy=counts,
        dtypes=("int32",),
        grad=False,
        refuses=[
            (fed([-1]), const(3), f32(1)),
            (fed([1]), const(-3), f32(1)),
            (fed([1]), const(3), f32(2)),
            (fed([1]), const([3, 3]), f32(1)),
        ],
        empty=[(fed(np.zeros([0], np.int32)), const(3), f32(0)), (fed([1]), const(0), f32(1))],
    ),
    *[
        case(
            "Bincount",
            VALUES,
            const(6),
            const(np.zeros([0], dtype)),
            numpy=counts,
            dtypes=(None,),
            grad=False,
            id=f"no weights {dtype}",
        )
        for dtype in ("int32", "int64", "float32", "float64")
    ],
    case(
        "UnravelIndex",
        fed([0, 5, 23]),
        const([2, 3, 4]),
        numpy=lambda i, dims: np.stack(np.unravel_index(i, tuple(dims))),
        refuses=[
            (fed([24]), const([2, 3, 4])),
            (fed([-1]), const([2, 3, 4])),
            (fed([0]), const([2, -3])),
            (fed([0]), const([0, 3])),
            (fed([[0]]), const([2, 3])),
        ],
        empty=[(fed(np.zeros([0], np.int32)), const([2, 3]))],
    ),
    case(
        "UnravelIndex",
        fed(7),
        const([3, 4]),
        numpy=lambda i, dims: np.array([i // 4, i % 4]),
        id="scalar",
    ),
]
