"""Rows of division and remainder."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import (
    COMPLEX,
    FLOAT2,
    FLOATS,
    INTEGERS,
    SIGNED,
    UNSIGNED,
    Case,
    case,
    f32,
    fed,
    ints,
    positive,
)
from tests.cases.binary import broadcasting

BY_ZERO = [(fed([1, 2]), fed([0, 1])), (fed([1, 2]), fed(0))]
LEAST = fed([-(2**31)], "int32")


def truncated(x: Any, y: Any) -> Any:
    """Return x / y cut off towards 0."""
    return np.trunc(x / y)


def of_integers(op: str, numpy: Any, **rest: Any) -> list[Case]:
    """Return rows for every integer dtype and for what has no result."""
    return [
        case(op, ints(-50, 50, 30), ints(1, 7, 30), numpy=numpy, dtypes=INTEGERS, id="int", **rest),
        case(
            op,
            ints(-50, 50, 30),
            ints(-7, -1, 30),
            numpy=numpy,
            dtypes=SIGNED,
            not_for=(*UNSIGNED, *FLOATS, *COMPLEX),
            id="negative",
        ),
        case(op, ints(-9, 9, 5), ints(1, 3, 5), refuses=BY_ZERO, grad=False, id="by-zero"),
    ]


def index_only(rows: list[Case]) -> list[Case]:
    """Return the rows without the dtypes that the older remainders do not take."""
    kept = ("int32", "int64")
    return [Case(**{**vars(r), "dtypes": tuple(d for d in r.dtypes if d in kept)}) for r in rows]


CASES = [
    *broadcasting("RealDiv", np.divide, f32, positive, dtypes=(*FLOATS, *COMPLEX)),
    *broadcasting("Div", np.divide, f32, positive, dtypes=(*FLOATS, *COMPLEX)),
    *of_integers("Div", truncated, not_for=(*FLOATS, *COMPLEX)),
    *of_integers("TruncateDiv", truncated),
    *of_integers("FloorDiv", np.floor_divide),
    *of_integers("FloorMod", np.mod),
    *index_only(of_integers("TruncateMod", np.fmod)),
    *index_only(of_integers("Mod", np.fmod)),
    *broadcasting("TruncateDiv", truncated, f32, positive, dtypes=FLOATS),
    *broadcasting("FloorDiv", np.floor_divide, f32, positive, dtypes=FLOAT2),
    *broadcasting("FloorMod", np.mod, f32, positive, dtypes=FLOAT2),
    *broadcasting("TruncateMod", np.fmod, f32, positive, dtypes=FLOAT2),
    case("Mod", f32(3, 4), positive(4), numpy=np.fmod, id="float"),
    case(
        "FloorDiv",
        LEAST,
        fed([-2]),
        numpy=lambda x, y: x // y,
        grad=False,
        refuses=[(LEAST, fed([-1])), (LEAST, fed([[1], [-1]]))],
        id="least",
    ),
    case("FloorMod", LEAST, fed([-1]), numpy=lambda x, y: 0 * x, grad=False, id="least"),
    case(
        "RealDiv",
        fed([1.0, 0.0, -1.0], "float32"),
        fed(0.0, "float32"),
        numpy=np.divide,
        dtypes=FLOATS,
        grad=False,
        id="by-zero",
    ),
    *broadcasting("DivNoNan", np.divide, f32, positive, dtypes=(*FLOATS, *COMPLEX)),
    *broadcasting("Xdivy", np.divide, positive, positive, dtypes=(*FLOATS, *COMPLEX)),
    case(
        "DivNoNan",
        fed([1.0, 0.0, 3.0], "float32"),
        fed([0.0, 0.0, 2.0], "float32"),
        numpy=lambda x, y: np.array([0.0, 0.0, 1.5]),
        dtypes=FLOATS,
        grad=False,
        id="zeros",
    ),
    case(
        "Xdivy",
        fed([0.0, 1.0, 3.0], "float32"),
        fed([0.0, 0.0, 2.0], "float32"),
        numpy=lambda x, y: np.array([0.0, np.inf, 1.5]),
        dtypes=FLOATS,
        not_for=COMPLEX,
        grad=False,
        id="zeros",
    ),
]
