"""Rows for the largest elements of rows."""

import numpy as np

from tests.cases import FLOATS, INTEGERS, case, const, distinct, f32, fed


def top(x, k):
    order = np.argsort(-x.astype(np.float64), axis=-1, kind="stable")[..., : int(k)]
    return np.take_along_axis(x, order, -1), order


def in_top(scores, targets, k):
    result = []
    for row, t in zip(scores, targets, strict=True):
        known = 0 <= t < len(row) and np.isfinite(row).all()
        result.append(bool(known and (row > row[t]).sum() < k))
    return np.array(result, bool)


SCORES = [[1.0, 2.0, 3.0], [1.0, 2.0, 2.0], [1.0, np.nan, 2.0], [3.0, 1.0, 2.0]]
CASES = [
    case(
        "TopKV2",
        distinct(3, 6),
        const(2),
        numpy=top,
        dtypes=(*FLOATS, *INTEGERS),
        varies=["Tk", "index_type"],
        empty=[(f32(0, 4), const(2)), (f32(3, 4), const(0))],
        refuses=[(f32(3, 4), const(5)), (f32(3, 4), const(-1)), (f32(), const(0))],
    ),
    case("TopKV2", distinct(7), const(7), numpy=top, id="all"),
    case("TopKV2", distinct(2, 2, 40), const(3), numpy=top, id="few_of_many"),
    case("TopKV2", fed([[1.0, 3.0, 3.0, 1.0, 3.0]]), const(4), numpy=top, grad=False, id="ties"),
    case("TopK", distinct(3, 6), numpy=top, attrs={"k": 2}),
    case(
        "InTopKV2",
        fed(SCORES),
        fed([1, 1, 0, 5]),
        const(1),
        numpy=in_top,
        refuses=[(f32(2, 3), fed([1]), const(1))],
    ),
    case("InTopK", fed(SCORES), fed([1, 2, 2, -1]), numpy=in_top, attrs={"k": 2}),
]
