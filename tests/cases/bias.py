"""Rows for biases."""

from tests.cases import COMPLEX, FLOATS, case, f32

NCHW = {"data_format": "NCHW"}
CASES = [
    case(
        op,
        f32(3, 4, 5),
        f32(5),
        numpy=lambda x, b: x + b,
        dtypes=(*FLOATS, "int32", "int64", "uint8", "int16", *COMPLEX),
        empty=[(f32(0, 5), f32(5)), (f32(3, 0), f32(0))],
        refuses=[(f32(3, 5), f32(4)), (f32(5), f32(5)), (f32(3, 5), f32(1, 5))],
        id=id,
    )
    for op, id in (("BiasAdd", "last"), ("BiasAddV1", ""))
]
CASES += [
    case(
        "BiasAdd",
        f32(2, 3, 4, 2),
        f32(3),
        numpy=lambda x, b: x + b[:, None, None],
        attrs=NCHW,
        dtypes=(*FLOATS, "int32"),
        id="first",
    ),
    case("BiasAdd", f32(700, 3), f32(3), numpy=lambda x, b: x + b, grad=False, id="tiled"),
    case(
        "BiasAddGrad",
        f32(3, 4, 5),
        numpy=lambda dy: dy.sum(tuple(range(dy.ndim - 1))),
        dtypes=(*FLOATS, "int32", "uint8", *COMPLEX),
        tol=4.0,
        empty=[(f32(0, 5),), (f32(3, 0),)],
        refuses=[(f32(3),)],
        id="last",
    ),
    case(
        "BiasAddGrad",
        f32(2, 3, 4, 2),
        numpy=lambda dy: dy.sum((0, 2, 3)),
        attrs=NCHW,
        tol=4.0,
        id="first",
    ),
]
