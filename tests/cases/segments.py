"""Rows of rows put together by segment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import FLOATS, NUMBERS, REALS, case, const, distinct, f32, fed, positive


def by_segment(fold: Callable[[Any], Any], nothing: Any = 0) -> Any:
    """Return the reference of an op with sorted ids."""

    def fn(data: Any, ids: Any) -> Any:
        rows = int(ids[-1]) + 1 if len(ids) else 0
        out = np.full((rows, *data.shape[1:]), nothing, data.dtype)
        for s in set(ids.tolist()):
            out[s] = fold(data[ids == s])
        return out

    return fn


def unsorted(fold: Callable[[Any], Any]) -> Any:
    """Return the reference of an op with ids of any order; negative ones drop out."""

    def fn(data: Any, ids: Any, count: Any) -> Any:
        out = np.zeros((int(count), *data.shape[ids.ndim :]), data.dtype)
        for s in set(ids[ids >= 0].tolist()):
            out[s] = fold(data[ids == s])
        return out

    return fn


def fold(ufunc: Any) -> Callable[[Any], Any]:
    """Return the fold of the first axis with a function."""
    return lambda x: ufunc.reduce(x, axis=0, dtype=x.dtype)


def mean(x: Any) -> Any:
    """Return the mean of rows; whole numbers wrap around and are divided towards zero."""
    total = np.add.reduce(x, axis=0, dtype=x.dtype)
    return np.trunc(total / len(x)).astype(x.dtype) if x.dtype.kind in "iu" else total / len(x)


def root(x: Any) -> Any:
    """Return the sum of rows divided by the root of their number."""
    return x.sum(axis=0) / np.sqrt(len(x))


def picked(one: Callable[[Any], Any]) -> Any:
    """Return the reference of an op that picks rows first."""

    def fn(data: Any, indices: Any, ids: Any, rows: Any = None) -> Any:
        found = by_segment(one)(data[indices], ids)
        more = 0 if rows is None else int(rows) - len(found)
        return np.concatenate([found, np.zeros((more, *data.shape[1:]), data.dtype)])

    return fn


def spread(power: float) -> Any:
    """Return the reference of a gradient op: counts to this power scale."""

    def fn(grad: Any, indices: Any, ids: Any, rows: Any) -> Any:
        out = np.zeros((int(rows), *grad.shape[1:]), grad.dtype)
        for place, s in zip(indices, ids, strict=True):
            out[place] += grad[s] * float(np.sum(ids == s)) ** power
        return out

    return fn


def in_empty_row(kind: str) -> Any:
    """Return a check of row 1, which nobody names: 1, or the last number of the dtype."""

    def check(values: Any) -> None:
        found = values[0][1]
        if kind == "Prod":
            assert found == 1
        elif found.dtype.kind in "iu":
            limits = np.iinfo(found.dtype)
            assert found == (limits.min if kind == "Max" else limits.max)
        else:
            size = -float(found) if kind == "Max" else float(found)
            assert 60000 < size < np.inf

    return check


NONE = const(np.zeros([0], np.int32))
SORTED_REFUSES = [
    (f32(3), const([0, 2, 1])),
    (f32(3), const([-1, 0, 0])),
    (f32(3), const([0, 0])),
    (f32(2, 2), const([[0, 0], [0, 0]])),
    (f32(), const(0)),
]
UNSORTED_REFUSES = [
    (f32(2), const([0, 3]), const(3)),
    (f32(2), const([0, 1]), const(-1)),
    (f32(2), const([0, 1, 1]), const(3)),
    (f32(), const([0]), const(3)),
]
PICKED_REFUSES = [
    (f32(2), const([0, 2]), const([0, 0])),
    (f32(2), const([0, -1]), const([0, 0])),
    (f32(2), const([0, 1]), const([1, 0])),
    (f32(2), const([0, 1]), const([0])),
    (f32(), const([0]), const([0])),
]
IDS = const([0, 0, 1, 3, 3])

CASES = [
    *[
        case(
            op,
            data,
            IDS,
            numpy=by_segment(function, nothing),
            dtypes=kinds,
            empty=[(f32(0, 2), NONE), (f32(2, 0), const([0, 1]))],
            refuses=SORTED_REFUSES,
        )
        for op, data, function, nothing, kinds in (
            ("SegmentMax", distinct(5, 2), fold(np.maximum), 0, REALS),
            ("SegmentMin", distinct(5, 2), fold(np.minimum), 0, REALS),
            ("SegmentMean", f32(5, 2), mean, 0, NUMBERS),
            ("SegmentProd", positive(5, 2), fold(np.multiply), 1, NUMBERS),
        )
    ],
    *[
        case(
            op,
            fed([-np.inf, -np.inf, np.nan, 1.0, 1.0, np.nan, np.inf, np.inf], "float32"),
            const([0, 0, 1, 1, 2, 2, 3, 3]),
            numpy=by_segment(fold(function), 0),
            dtypes=FLOATS,
            grad=False,
            id="special",
        )
        for op, function in (("SegmentMax", np.maximum), ("SegmentMin", np.minimum))
    ],
    case(
        "SegmentProd",
        fed([2.0, 0.0, 3.0, 0.0, 0.0, 5.0], "float32"),
        const([0, 0, 0, 1, 1, 1]),
        numpy=by_segment(fold(np.multiply), 1),
        dtypes=("float32", "float64"),
        grad2=False,
        id="zeros",
    ),
    case(
        "SegmentMean",
        f32(300),
        const(np.zeros([300], np.int32)),
        numpy=by_segment(mean),
        dtypes=(*FLOATS, "int32"),
        grad=False,
        id="long",
    ),
    *[
        case(
            op,
            data,
            const([[2, 0], [-1, 1], [0, 2]]),
            const(3),
            numpy=unsorted(function),
            dtypes=kinds,
            empty=[(f32(0, 2), NONE, const(0)), (f32(2, 0), const([0, 1]), const(2))],
            refuses=UNSORTED_REFUSES,
        )
        for op, data, function, kinds in (
            ("UnsortedSegmentMax", distinct(3, 2, 2), fold(np.maximum), REALS),
            ("UnsortedSegmentMin", distinct(3, 2, 2), fold(np.minimum), REALS),
            ("UnsortedSegmentProd", positive(3, 2, 2), fold(np.multiply), NUMBERS),
        )
    ],
    *[
        case(
            f"UnsortedSegment{kind}",
            fed([3.0, 5.0], "float32"),
            const([2, 0]),
            const(3),
            check=in_empty_row(kind),
            dtypes=NUMBERS if kind == "Prod" else REALS,
            grad=False,
            id="nothing",
        )
        for kind in ("Max", "Min", "Prod")
    ],
    *[
        row
        for op, one, power, kinds in (
            ("SparseSegmentSum", fold(np.add), 0.0, REALS),
            ("SparseSegmentMean", mean, -1.0, FLOATS),
            ("SparseSegmentSqrtN", root, -0.5, FLOATS),
        )
        for row in (
            case(
                op,
                f32(4, 2),
                const([3, 0, 0, 1, 3]),
                const([0, 0, 0, 2, 2]),
                numpy=picked(one),
                dtypes=kinds,
                empty=[(f32(0, 2), NONE, NONE), (f32(2, 0), const([1]), const([0]))],
                refuses=PICKED_REFUSES,
            ),
            case(
                f"{op}WithNumSegments",
                f32(4, 2),
                const([3, 0, 0]),
                const([0, 0, 2]),
                const(5),
                numpy=picked(one),
                dtypes=kinds,
                refuses=[
                    (f32(2), const([0]), const([2]), const(2)),
                    (f32(2), const([0]), const([0]), const(-1)),
                ],
            ),
            case(
                f"{op}Grad",
                f32(3, 2),
                const([3, 0, 0, 1, 3]),
                const([0, 0, 1, 0, 1]),
                const(5),
                numpy=spread(power),
                dtypes=FLOATS,
                empty=[(f32(2, 0), const([0]), const([1]), const(3))],
                refuses=[
                    (f32(2), const([0]), const([2]), const(2)),
                    (f32(2), const([2]), const([0]), const(2)),
                    (f32(2), const([0]), const([0, 1]), const(2)),
                    (f32(2), const([0]), const([0]), const(-1)),
                    (f32(), const([0]), const([0]), const(1)),
                ],
            ),
        )
    ],
]
