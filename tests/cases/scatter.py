"""Rows of scatters into tensors and of segment sums."""

from typing import Any

import numpy as np

from tests.cases import NUMBERS, REALS, case, const, distinct, f32, fed


def scattered(indices: Any, updates: Any, shape: Any) -> Any:
    """Return zeros with updates added."""
    zero = b"" if updates.dtype.kind == "O" else 0
    out = np.full([int(n) for n in shape], zero, updates.dtype)
    np.add.at(out, tuple(np.moveaxis(indices, -1, 0)), updates)
    return out


def segments(data: Any, ids: Any, count: Any) -> Any:
    """Return sums by segment; negative ids drop out."""
    out = np.zeros((int(count), *data.shape[ids.ndim :]), data.dtype)
    np.add.at(out, ids[ids >= 0], data[ids >= 0])
    return out


def updated(ufunc: Any) -> Any:
    """Return the reference of a tensor update."""

    def reference(x: Any, indices: Any, updates: Any) -> Any:
        out = x.copy()
        key = tuple(np.moveaxis(indices, -1, 0))
        if ufunc is None:
            out[key] = updates
        else:
            ufunc.at(out, key, updates)
        return out

    return reference


REFUSES = [
    (f32(4, 2), const([[4]]), f32(1, 2)),
    (f32(4, 2), const([[0, -1]]), f32(1)),
    (f32(4, 2), const([[0]]), f32(1, 3)),
    (f32(4), const([[0, 0]]), f32(1)),
]

CASES = [
    case(
        "ScatterNd",
        const([[1], [3], [1]]),
        f32(3, 2),
        const([4, 2]),
        numpy=scattered,
        dtypes=NUMBERS,
        varies=["T", "Tindices"],
        refuses=[
            (const([[4]]), f32(1), const([4])),
            (const([[-1]]), f32(1), const([4])),
            (const([[0]]), f32(2), const([4])),
            (const([[0, 0]]), f32(1), const([4])),
            (const([[0]]), f32(1), const([-4])),
        ],
    ),
    case(
        "ScatterNd", const([[1, 0], [0, 1]]), f32(2), const([2, 2]), numpy=scattered, id="elements"
    ),
    *[
        case(
            f"TensorScatter{kind}",
            distinct(4, 2) if kind in ("Min", "Max") else f32(4, 2),
            const([[1], [3]] if kind in ("Update", "Min", "Max") else [[1], [3], [1]]),
            f32(2, 2) if kind in ("Update", "Min", "Max") else f32(3, 2),
            numpy=updated(ufunc),
            dtypes=REALS if kind in ("Min", "Max") else NUMBERS,
            grad2=kind not in ("Min", "Max"),
            varies=["T", "Tindices"],
            refuses=REFUSES,
        )
        for kind, ufunc in (
            ("Update", None),
            ("Add", np.add),
            ("Sub", np.subtract),
            ("Min", np.minimum),
            ("Max", np.maximum),
        )
    ],
    case(
        "UnsortedSegmentSum",
        f32(5, 2),
        fed([1, 0, -1, 1, 3]),
        const(4),
        numpy=segments,
        dtypes=NUMBERS,
        varies=["Tindices", "Tnumsegments"],
        tol=2.0,
        empty=[(f32(0, 2), const([], "int32"), const(3))],
        refuses=[
            (f32(2), fed([0, 4]), const(4)),
            (f32(2), fed([0, 1]), const(-1)),
            (f32(2), fed([0, 1, 1]), const(4)),
        ],
    ),
    case(
        "UnsortedSegmentSum",
        f32(2, 3, 2),
        fed([[0, 1, 0], [2, 2, 1]]),
        const(3),
        numpy=segments,
        id="rank2",
    ),
    case(
        "SegmentSum",
        f32(4, 2),
        fed([0, 0, 2, 2]),
        numpy=lambda x, ids: segments(x, ids, 3),
        dtypes=NUMBERS,
        refuses=[
            (f32(2), fed([1, 0])),
            (f32(2), fed([0])),
            (f32(2), fed([-1, 0])),
            (f32(2), fed([[0, 1]])),
        ],
    ),
]
