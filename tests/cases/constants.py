"""Rows of fills and ranges."""

import numpy as np

from tests.cases import FLOAT2, FLOATS, PLAIN, REALS, T, case, const, f32, fed, strings

CASES = [
    case("NoOp"),
    case("ZerosLike", f32(2, 3), numpy=np.zeros_like, dtypes=PLAIN, empty=[(f32(0, 3),)]),
    case(
        "ZerosLike", strings("a", "b"), numpy=lambda x: np.array([b"", b""], object), id="strings"
    ),
    case("OnesLike", f32(2, 3), numpy=np.ones_like, dtypes=PLAIN, empty=[(f32(0, 3),)]),
    case(
        "Fill",
        const([2, 3]),
        f32(),
        numpy=np.full,
        dtypes=PLAIN,
        empty=[(const([2, 0]), f32())],
        refuses=[(const([2, -3]), f32()), (const([2]), f32(1)), (const(2), f32())],
    ),
    case("Fill", const([2]), fed("a", "string"), numpy=np.full, grad=False, id="strings"),
    case(
        "Empty",
        const([2, 3]),
        attrs={"dtype": T},
        dtypes=FLOAT2,
        numpy=lambda s: np.zeros(s),
        varies=["dtype"],
    ),
    case(
        "Range",
        fed(1.0, "float32"),
        fed(7.0, "float32"),
        fed(2.0, "float32"),
        numpy=np.arange,
        dtypes=("float32", *[d for d in REALS if d not in ("float32", "uint8")]),
        empty=[(fed(3.0), fed(3.0), fed(1.0))],
        refuses=[
            (fed(0.0), fed(3.0), fed(0.0)),
            (fed(3.0), fed(0.0), fed(1.0)),
            (fed([0.0]), fed(3.0), fed([1.0, 2.0])),
        ],
    ),
    case("Range", fed(5), fed(-2), fed(-3), numpy=np.arange, id="down"),
    case("Range", fed(0.0), fed(1.0), fed(0.1), numpy=lambda *a: np.arange(10) / 10, id="rounding"),
    case(
        "LinSpace",
        fed(-1.0, "float32"),
        fed(2.0, "float32"),
        const(7),
        numpy=np.linspace,
        dtypes=FLOATS,
        grad=False,
        refuses=[(fed(0.0), fed(1.0), const(0))],
    ),
    case(
        "LinSpace",
        fed(3.0),
        fed(9.0),
        const(1),
        numpy=lambda a, b, n: a[None],
        grad=False,
        varies=["T"],
        id="one",
    ),
]
