"""Rows for square matrices: factors, determinants, inverses, systems of equations."""

import numpy as np

from tests.cases import Input, case, f32

TYPES = ("float32", "float64", "complex64", "complex128")


def well_conditioned(rng, shape, dtype):
    """Return random matrices with a large diagonal: far from singular."""
    x = rng.standard_normal(shape)
    if dtype.kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return (x + 3 * shape[-1] ** 0.5 * np.eye(shape[-1])).astype(dtype)


def positive_definite(rng, shape, dtype):
    """Return A Aᴴ + 1 of random matrices."""
    x = well_conditioned(rng, shape, dtype)
    return (x @ np.conj(np.swapaxes(x, -1, -2)) / shape[-1] + np.eye(shape[-1])).astype(dtype)


def adjoint_of(a):
    return np.conj(np.swapaxes(a, -1, -2))


def solve(a, b, adjoint=False):
    return np.linalg.solve(adjoint_of(a) if adjoint else a, b)


def triangular_solve(a, b, lower=True, adjoint=False):
    a = np.tril(a) if lower else np.triu(a)
    return np.linalg.solve(adjoint_of(a) if adjoint else a, b)


def square(*shape):
    return Input(shape, "float32", well_conditioned)


NOT_SQUARE = [(f32(2, 3),), (f32(3),)]

CASES = [
    case(
        "Cholesky",
        Input((2, 4, 4), "float32", positive_definite),
        numpy=np.linalg.cholesky,
        dtypes=TYPES,
        tol=20.0,
        grad=False,  # the matrix must stay symmetric: see tests/ops/test_linalg.py
        empty=[(f32(0, 3, 3),), (f32(2, 0, 0),)],
        refuses=NOT_SQUARE,
    ),
    *[
        case(
            "MatrixInverse",
            square(3, 4, 4),
            numpy=lambda a, adjoint=False: np.linalg.inv(adjoint_of(a) if adjoint else a),
            attrs={"adjoint": adjoint},
            dtypes=TYPES,
            tol=20.0,
            empty=[(f32(0, 3, 3),), (f32(2, 0, 0),)],
            refuses=NOT_SQUARE,
            id="adjoint" if adjoint else "plain",
        )
        for adjoint in (False, True)
    ],
    case(
        "MatrixDeterminant",
        square(2, 3, 4, 4),
        numpy=np.linalg.det,
        dtypes=TYPES,
        tol=20.0,
        empty=[(f32(0, 3, 3),), (f32(2, 0, 0),)],
        refuses=NOT_SQUARE,
    ),
    case(
        "LogMatrixDeterminant",
        square(3, 5, 5),
        numpy=lambda a: tuple(np.linalg.slogdet(a)),
        dtypes=("float32", "float64"),
        tol=20.0,
        grad=False,  # the sign has none: see tests/ops/test_linalg.py
        empty=[(f32(0, 3, 3),), (f32(2, 0, 0),)],
        refuses=NOT_SQUARE,
    ),
    *[
        case(
            "MatrixSolve",
            square(2, 4, 4),
            f32(2, 4, 3),
            numpy=solve,
            attrs={"adjoint": adjoint},
            dtypes=TYPES,
            tol=20.0,
            empty=[(f32(0, 3, 3), f32(0, 3, 2)), (f32(2, 0, 0), f32(2, 0, 3))],
            refuses=[(f32(2, 3), f32(2, 3)), (f32(3, 3), f32(2, 3)), (f32(3, 3), f32(3))],
            id="adjoint" if adjoint else "plain",
        )
        for adjoint in (False, True)
    ],
    *[
        case(
            "MatrixTriangularSolve",
            square(4, 4),
            f32(2, 4, 3),
            numpy=triangular_solve,
            attrs={"lower": lower, "adjoint": adjoint},
            dtypes=TYPES,
            tol=20.0,
            empty=[(f32(0, 3, 3), f32(0, 3, 2)), (f32(2, 0, 0), f32(2, 0, 3))],
            refuses=[(f32(2, 3), f32(2, 3)), (f32(3, 3), f32(2, 3)), (f32(3, 3), f32(3))],
            id=("lower" if lower else "upper") + ("_adjoint" if adjoint else ""),
        )
        for lower in (False, True)
        for adjoint in (False, True)
    ],
]
