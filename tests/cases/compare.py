"""Rows of the comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import (
    FLOATS,
    NUMBERS,
    PLAIN,
    REALS,
    Case,
    case,
    f32,
    fed,
    ints,
    strings,
)
from tests.cases.binary import SPECIAL


def comparison(op: str, numpy: Any, dtypes: tuple[str, ...]) -> list[Case]:
    """Return rows for one shape, broadcasting, and NaN; few distinct values, so that some agree."""
    whole = ints(0, 2, 4, 6, dtype="float32")
    return [
        case(
            op,
            whole,
            ints(0, 2, 6, dtype="float32"),
            numpy=numpy,
            dtypes=dtypes,
            empty=[(f32(0, 3), f32(3))],
            refuses=[(f32(2, 3), f32(2))],
        ),
        case(op, ints(0, 2, 4, 1), ints(0, 2, 1, 5), numpy=numpy, id="outer"),
        case(op, fed(1, "int32"), ints(0, 2, 9), numpy=numpy, id="scalar"),
        case(op, *SPECIAL, numpy=numpy, dtypes=FLOATS, id="special"),
    ]


CASES = [
    *comparison("Equal", np.equal, PLAIN),
    *comparison("NotEqual", np.not_equal, PLAIN),
    *comparison("Less", np.less, REALS),
    *comparison("LessEqual", np.less_equal, REALS),
    *comparison("Greater", np.greater, REALS),
    *comparison("GreaterEqual", np.greater_equal, REALS),
    case("Equal", strings("a", "b"), strings("b"), numpy=np.equal, id="string"),
    case("NotEqual", strings("a", "b"), strings("b"), numpy=np.not_equal, id="string"),
    case(
        "Equal",
        f32(2),
        f32(3),
        numpy=lambda x, y: np.array(False),
        attrs={"incompatible_shape_error": False},
        id="lenient",
    ),
    case(
        "NotEqual",
        f32(2),
        f32(3),
        numpy=lambda x, y: np.array(True),
        attrs={"incompatible_shape_error": False},
        id="lenient",
    ),
    case(
        "ApproximateEqual",
        ints(0, 3, 40, dtype="float32"),
        ints(0, 3, 40, dtype="float32"),
        numpy=lambda x, y: np.abs(x - 1.0 * y) < 1.5,
        attrs={"tolerance": 1.5},
        dtypes=NUMBERS,
        empty=[(f32(0), f32(0))],
        refuses=[(f32(2), f32(3))],
    ),
]
