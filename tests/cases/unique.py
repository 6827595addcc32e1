"""Rows of distinct elements and of differences of vectors."""

from typing import Any

import numpy as np

from tests.cases import REALS, case, f32, fed, strings

NAN = float("nan")


def distinct_of(x: Any) -> tuple[Any, Any, Any]:
    """Return the distinct elements, the number of each element, the counts."""
    seen: dict[Any, int] = {}
    numbers = np.array([seen.setdefault(v, len(seen)) for v in x.tolist()], np.int32)
    kept = np.array(list(seen), dtype=x.dtype)
    return kept, numbers, np.bincount(numbers, minlength=len(seen)).astype(np.int32)


def without(x: Any, y: Any) -> tuple[Any, Any]:
    """Return the elements of x that y lacks, and where they are."""
    places = np.array([i for i, v in enumerate(x.tolist()) if v not in y.tolist()], np.int32)
    return x[places], places


REFUSES = [(f32(2, 2),), (f32(),)]
VALUES = fed([3, 1, 3, 0, 1, 5, 7, 3], "float32")

CASES = [
    *[
        row
        for op, count in (("Unique", 2), ("UniqueWithCounts", 3))
        for row in (
            case(
                op,
                VALUES,
                numpy=lambda x, n=count: distinct_of(x)[:n],
                dtypes=REALS,
                empty=[(f32(0),)],
                refuses=REFUSES,
            ),
            case(op, fed([True, False, True]), numpy=lambda x, n=count: distinct_of(x)[:n], id="b"),
            case(
                op,
                strings("b", "a", "b", ""),
                numpy=lambda x, n=count: distinct_of(x)[:n],
                id="strings",
            ),
        )
    ],
    case(
        "Unique",
        fed([NAN, 0.0, -0.0, NAN, np.inf, np.inf]),
        numpy=lambda x: (np.array([NAN, 0.0, NAN, np.inf]), np.array([0, 1, 1, 2, 3, 3])),
        id="special",
    ),
    case(
        "ListDiff",
        VALUES,
        fed([1, 7, 2], "float32"),
        numpy=without,
        dtypes=REALS,
        empty=[(f32(0), f32(2)), (f32(3), f32(0))],
        refuses=[(f32(2, 2), f32(2)), (f32(2), f32(2, 2)), (f32(2), f32())],
    ),
    case("ListDiff", strings("b", "a", "c"), strings("a"), numpy=without, id="strings"),
    case(
        "ListDiff",
        fed([NAN, 1.0]),
        fed([NAN, 1.0]),
        numpy=lambda x, y: (np.array([NAN]), np.array([0])),
        id="special",
    ),
]
