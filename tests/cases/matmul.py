"""Rows for matrix products."""

import numpy as np

from tests.cases import COMPLEX, FLOATS, case, f32, i32


def product(a, b, transpose_a=False, transpose_b=False):
    return (a.T if transpose_a else a) @ (b.T if transpose_b else b)


def batch_product(x, y, adj_x=False, adj_y=False):
    def adjoint(m):
        return np.conj(np.swapaxes(m, -1, -2))

    return (adjoint(x) if adj_x else x) @ (adjoint(y) if adj_y else y)


CASES = [
    case(
        "MatMul",
        f32(5, 7),
        f32(7, 3),
        numpy=product,
        dtypes=(*FLOATS, "int32", "int64", "uint8", *COMPLEX),
        tol=4.0,
        empty=[(f32(0, 3), f32(3, 2)), (f32(4, 0), f32(0, 2)), (f32(4, 3), f32(3, 0))],
        refuses=[(f32(2, 3), f32(4, 5)), (f32(3), f32(3, 2)), (f32(2, 3), f32(1, 3, 2))],
    ),
    *[
        case(
            "MatMul",
            f32(*((6, 4) if a else (4, 6))),
            f32(*((5, 6) if b else (6, 5))),
            numpy=product,
            attrs={"transpose_a": a, "transpose_b": b},
            dtypes=("float32", "float64", "complex64"),
            id=name,
        )
        for a, b, name in ((True, False, "ta"), (False, True, "tb"), (True, True, "tab"))
    ],
    case("MatMul", f32(70, 300), f32(300, 45), numpy=product, tol=10.0, grad=False, id="blocked"),
    case("MatMul", f32(1, 300), f32(300, 70), numpy=product, tol=10.0, grad=False, id="row"),
    case(
        "MatMul",
        f32(1, 300),
        f32(70, 300),
        numpy=product,
        attrs={"transpose_b": True},
        tol=10.0,
        grad=False,
        id="row_tb",
    ),
    case(
        "MatMul",
        f32(130, 90),
        f32(90, 200),
        numpy=product,
        tol=10.0,
        grad=False,
        id="library",
    ),
    case("MatMul", i32(33, 70), i32(70, 40), numpy=product, grad=False, id="i32_blocked"),
    case(
        "BatchMatMul",
        f32(2, 3, 4, 5),
        f32(2, 3, 5, 2),
        numpy=batch_product,
        dtypes=(*FLOATS, "int32", *COMPLEX),
        empty=[(f32(0, 4, 5), f32(0, 5, 2)), (f32(2, 4, 0), f32(2, 0, 3))],
        refuses=[
            (f32(2, 4, 5), f32(3, 5, 2)),
            (f32(2, 4, 5), f32(2, 4, 2)),
            (f32(5), f32(5, 2)),
        ],
    ),
    *[
        case(
            "BatchMatMulV2",
            f32(*((2, 1, 5, 4) if x else (2, 1, 4, 5))),
            f32(*((3, 2, 5) if y else (3, 5, 2))),
            numpy=batch_product,
            attrs={"adj_x": x, "adj_y": y},
            dtypes=("float32", "float64", "complex64"),
            grad2=not (x and y),
            id=name,
        )
        for x, y, name in (
            (False, False, "plain"),
            (True, False, "adj_x"),
            (False, True, "adj_y"),
            (True, True, "adj_xy"),
        )
    ],
    case(
        "BatchMatMulV2",
        f32(4, 5),
        f32(5, 2),
        numpy=batch_product,
        dtypes=(*FLOATS, "int32", "int16", "uint8"),
        empty=[(f32(0, 4, 5), f32(5, 2))],
        refuses=[(f32(2, 4, 5), f32(3, 5, 2)), (f32(2, 4, 5), f32(2, 4, 2))],
        id="matrices",
    ),
]
