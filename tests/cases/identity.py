"""Rows of identities, checks and casts of bits."""

import numpy as np

from tests.cases import EVERY, FLOATS, PLAIN, bools, case, f32, fed, i32, strings

CASES = [
    *[
        case(op, f32(2, 3), numpy=lambda x: x, dtypes=PLAIN, empty=[(f32(0, 3),)])
        for op in ("Identity", "Snapshot", "GuaranteeConst", "StopGradient")
    ],
    case("Identity", strings("a", "bc"), numpy=lambda x: x, id="strings"),
    case("IdentityN", [f32(2, 3), i32(2), bools(1)], numpy=lambda xs: xs),
    case("PreventGradient", f32(2), numpy=lambda x: x, attrs={"message": "no"}, grad=False),
    case("PlaceholderWithDefault", f32(2, 3), numpy=lambda x: x, attrs={"shape": [2, None]}),
    case(
        "EnsureShape",
        f32(2, 3),
        numpy=lambda x: x,
        attrs={"shape": [None, 3]},
        refuses=[(f32(3, 2),), (f32(3),)],
    ),
    case(
        "CheckNumerics",
        f32(2, 3),
        numpy=lambda x: x,
        attrs={"message": "here"},
        dtypes=FLOATS,
        refuses=[(fed([1.0, np.nan]),), (fed([np.inf]),)],
    ),
    case(
        "Bitcast",
        f32(2),
        numpy=lambda x: x.astype("f4").view("i4"),
        attrs={"type": "int32"},
        dtypes=["float32"],
        not_for=EVERY,
    ),
    case(
        "Bitcast",
        fed([[1, 2], [3, 4]], "int32"),
        numpy=lambda x: x.view("i8").reshape(2),
        attrs={"type": "int64"},
        refuses=[(fed([1, 2, 3], "int32"),)],
        not_for=EVERY,
        id="wider",
    ),
    case(
        "Bitcast",
        fed([1, 2], "int64"),
        numpy=lambda x: x.view("i4").reshape(2, 2),
        attrs={"type": "int32"},
        not_for=EVERY,
        id="narrower",
    ),
]
