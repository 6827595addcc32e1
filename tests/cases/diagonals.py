"""Rows of diagonals put into matrices and taken out of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import PLAIN, case, const, f32

NUMBERS = ("float32", "float64", "float16", "bfloat16", "int32", "int64", "complex64", "complex128")
ALIGNMENTS = ("LEFT_RIGHT", "RIGHT_LEFT", "LEFT_LEFT", "RIGHT_RIGHT")


def diag(x: Any) -> Any:
    """Return the tensor of twice the rank."""
    return np.diag(x.ravel()).reshape(x.shape * 2)


def diag_part(x: Any) -> Any:
    """Return the diagonal of a tensor of an even rank."""
    half = x.shape[: x.ndim // 2]
    n = int(np.prod(half))
    return np.diagonal(x.reshape(n, n)).reshape(half)


def places(rows: int, columns: int, d: int) -> tuple[Any, Any]:
    """Return the row and column numbers of diagonal d."""
    n = min(rows + min(d, 0), columns - max(d, 0))
    i = np.arange(n)
    return i + max(-d, 0), i + max(d, 0)


def stored(d: int, align: Any, n: int, longest: int) -> slice:
    """Return where diagonal d of length n is stored."""
    upper, lower = align.decode().split("_") if isinstance(align, bytes) else align.split("_")
    right = (upper if d >= 0 else lower) == "RIGHT"
    return slice(longest - n, longest) if right else slice(0, n)


def band_of(k: Any) -> list[int]:
    """Return the diagonals, the highest first."""
    low, high = int(np.ravel(k)[0]), int(np.ravel(k)[-1])
    return list(range(high, low - 1, -1))


def part(x: Any, k: Any, padding: Any, align: str) -> Any:
    """Return the diagonals of the innermost matrices."""
    numbers = band_of(k)
    found = [places(*x.shape[-2:], d) for d in numbers]
    longest = max(len(rows) for rows, _ in found)
    out = np.full((*x.shape[:-2], len(numbers), longest), padding, x.dtype)
    for line, (d, (rows, columns)) in enumerate(zip(numbers, found, strict=True)):
        out[..., line, stored(d, align, len(rows), longest)] = x[..., rows, columns]
    return out[..., 0, :] if len(numbers) == 1 else out


def put(x: Any, diagonal: Any, k: Any, align: str) -> Any:
    """Return a copy of `x` with diagonals replaced."""
    numbers = band_of(k)
    out = x.copy()
    lines = diagonal[..., None, :] if len(numbers) == 1 else diagonal
    for line, d in enumerate(numbers):
        rows, columns = places(*x.shape[-2:], d)
        place = stored(d, align, len(rows), lines.shape[-1])
        out[..., rows, columns] = lines[..., line, place]
    return out


def spread(diagonal: Any, k: Any, rows: Any, columns: Any, padding: Any, align: str) -> Any:
    """Return matrices with these diagonals."""
    numbers = band_of(k)
    width = diagonal.shape[-1]
    r, c = width - min(numbers[0], 0), width + max(numbers[-1], 0)
    if rows == -1 and columns == -1:
        r = c = max(r, c)
    else:
        r, c = (r if rows == -1 else int(rows)), (c if columns == -1 else int(columns))
    lead = diagonal.shape[: -1 if len(numbers) == 1 else -2]
    return put(np.full((*lead, r, c), padding, diagonal.dtype), diagonal, k, align)


def banded(x: Any, lower: Any, upper: Any) -> Any:
    """Return the band around the main diagonal."""
    i, j = np.indices(x.shape[-2:])
    kept = ((lower < 0) | (i - j <= lower)) & ((upper < 0) | (j - i <= upper))
    return np.where(kept, x, np.zeros([], x.dtype))


ZERO = const(0.0, "float32")
CASES = [
    case(
        "Diag",
        f32(2, 3),
        numpy=diag,
        dtypes=NUMBERS,
        empty=[(f32(0),), (f32(2, 0),)],
        refuses=[(f32(),), (f32(1, 1, 1, 1, 1),)],
    ),
    case(
        "DiagPart",
        f32(2, 3, 2, 3),
        numpy=diag_part,
        dtypes=NUMBERS,
        empty=[(f32(0, 0),)],
        refuses=[(f32(),), (f32(2),), (f32(2, 3),), (f32(2, 2, 2),)],
    ),
    case(
        "MatrixDiag",
        f32(2, 3),
        numpy=lambda x: spread(x, 0, -1, -1, 0, "LEFT_LEFT"),
        dtypes=PLAIN,
        empty=[(f32(0),), (f32(0, 2),)],
        refuses=[(f32(),)],
    ),
    case(
        "MatrixDiagPart",
        f32(2, 3, 4),
        numpy=lambda x: part(x, 0, 0, "LEFT_LEFT"),
        dtypes=PLAIN,
        empty=[(f32(0, 2),), (f32(2, 0, 3),)],
        refuses=[(f32(),), (f32(2),)],
    ),
    case(
        "MatrixSetDiag",
        f32(2, 3, 4),
        f32(2, 3),
        numpy=lambda x, d: put(x, d, 0, "LEFT_LEFT"),
        dtypes=PLAIN,
        empty=[(f32(0, 2), f32(0)), (f32(0, 2, 2), f32(0, 2))],
        refuses=[(f32(2), f32(2)), (f32(2, 2), f32(3)), (f32(2, 2), f32(2, 2)), (f32(), f32())],
    ),
    *[
        case(
            "MatrixDiagV3",
            f32(2, 3, 4),
            const([-1, 1]),
            const(-1),
            const(-1),
            ZERO,
            numpy=spread,
            attrs={"align": align},
            dtypes=PLAIN,
            id=align,
        )
        for align in ALIGNMENTS
    ],
    case(
        "MatrixDiagV3",
        f32(2, 3),
        const(-1),
        const(-1),
        const(5),
        const(7.0, "float32"),
        numpy=lambda *a: spread(*a, "LEFT_LEFT"),
        refuses=[
            (f32(), const(0), const(-1), const(-1), ZERO),
            (f32(3), const([0, 1]), const(-1), const(-1), ZERO),
            (f32(2, 3), const([1, 0]), const(-1), const(-1), ZERO),
            (f32(3, 3), const([0, 1]), const(-1), const(-1), ZERO),
            (f32(3), const(0), const(2), const(-1), ZERO),
            (f32(3), const(0), const(4), const(4), ZERO),
            (f32(3), const(0), const(-2), const(-1), ZERO),
            (f32(3), const([0, 1, 2]), const(-1), const(-1), ZERO),
        ],
        id="one",
    ),
    *[
        case(
            "MatrixDiagPartV3",
            f32(2, 3, 4),
            const(k),
            ZERO,
            numpy=part,
            attrs={"align": align},
            dtypes=PLAIN,
            refuses=[
                (f32(2), const(0), ZERO),
                (f32(2, 2), const(2), ZERO),
                (f32(2, 2), const([-2, 0]), ZERO),
                (f32(2, 2), const([[0]]), ZERO),
            ],
            empty=[(f32(0, 2, 3), const(0), ZERO), (f32(0, 3), const(0), ZERO)],
            id=f"{align} {k}",
        )
        for align, k in (*((a, [-1, 2]) for a in ALIGNMENTS), ("RIGHT_LEFT", 1), ("LEFT_LEFT", -2))
    ],
    *[
        case(
            "MatrixSetDiagV3",
            f32(2, 3, 4),
            f32(2, *lines),
            const(k),
            numpy=put,
            attrs={"align": "RIGHT_LEFT"},
            refuses=[
                (f32(2, 2), f32(2), const(1)),
                (f32(2, 2), f32(2), const(3)),
                (f32(2), f32(2), const(0)),
            ],
            id=str(k),
        )
        for k, lines in (([-1, 1], (3, 3)), (2, (2,)), (-1, (2,)))
    ],
    case(
        "MatrixBandPart",
        f32(2, 4, 5),
        const(1),
        const(2),
        numpy=banded,
        dtypes=PLAIN,
        empty=[(f32(0, 3), const(0), const(0)), (f32(3, 0), const(1), const(0))],
        refuses=[
            (f32(3), const(0), const(0)),
            (f32(3, 3), const(4), const(0)),
            (f32(3, 3), const(0), const(4)),
            (f32(3, 3), const([0, 0]), const(0)),
        ],
    ),
    case("MatrixBandPart", f32(5, 3), const(-1), const(0), numpy=banded, id="lower"),
    case("MatrixBandPart", f32(3, 5), const(0), const(-1), numpy=banded, id="upper"),
]
