"""Rows of gathers, one-hot rows and reversal."""

from typing import Any

import numpy as np

from tests.cases import PLAIN, bools, case, const, f32, fed, ints, strings


def one_hot(indices: Any, depth: Any, on: Any, off: Any, axis: int = -1) -> Any:
    """Return on at each index along a new axis."""
    hit = np.expand_dims(indices, axis) == np.arange(int(depth)).reshape(
        [-1 if d == axis % (indices.ndim + 1) else 1 for d in range(indices.ndim + 1)]
    )
    return np.where(hit, on, off)


def gathered_batch(x: Any, indices: Any, axis: Any) -> Any:
    """Return the gather along axis 2 with one batch dimension."""
    return np.stack([np.take(x[i], indices[i], int(axis) - 1) for i in range(len(x))])


BAD = [
    (f32(4, 3), const([0, 4]), const(0)),
    (f32(4, 3), const([[-1]]), const(1)),
    (f32(4, 3), const([0]), const(2)),
]

CASES = [
    case(
        "Gather",
        f32(4, 3),
        ints(0, 3, 2, 3),
        numpy=lambda x, i: x[i],
        refuses=[(f32(4), const([4])), (f32(), const([0]))],
    ),
    *[
        case(
            "GatherV2",
            f32(4, 5, 2),
            ints(0, 3, 3),
            const(axis),
            numpy=lambda x, i, a: np.take(x, np.minimum(i, x.shape[int(a)] - 1), int(a)),
            dtypes=PLAIN if axis == 1 else None,
            varies=["Tparams", "Tindices"],
            refuses=BAD,
            id=str(axis),
        )
        for axis in (0, 1, -2)
    ],
    case(
        "GatherV2", f32(4, 3), ints(0, 3, 2, 2), const(0), numpy=lambda x, i, _: x[i], id="matrix"
    ),
    case("GatherV2", f32(4, 3), fed(2), const(0), numpy=lambda x, i, _: x[i], id="scalar"),
    case(
        "GatherV2", f32(4), const([3, 1], "int64"), const(0), numpy=lambda x, i, _: x[i], id="int64"
    ),
    case(
        "GatherV2",
        f32(2, 3, 4),
        ints(0, 3, 2, 2),
        const(2),
        numpy=gathered_batch,
        attrs={"batch_dims": 1},
        refuses=[
            (f32(2, 3, 4), ints(0, 3, 3, 2), const(2)),
            (f32(2, 3), ints(0, 1, 2, 2), const(0)),
        ],
        id="batch",
    ),
    case(
        "GatherV2",
        strings("a", "b"),
        const([1]),
        const(0),
        numpy=lambda x, i, _: x[i],
        grad=False,
        id="strings",
    ),
    case(
        "GatherV2",
        f32(0, 3),
        const([], "int32"),
        const(0),
        numpy=lambda x, i, _: x,
        grad=False,
        id="empty",
    ),
    case(
        "GatherNd",
        f32(3, 4, 2),
        const([[0, 1], [2, 3], [0, 1]]),
        numpy=lambda x, i: x[tuple(i.T)],
        dtypes=PLAIN,
        varies=["Tparams", "Tindices"],
        refuses=[
            (f32(3, 4), const([[0, 4]])),
            (f32(3, 4), const([[-1, 0]])),
            (f32(3), const([[0, 0]])),
        ],
    ),
    case("GatherNd", f32(3, 2), const([[1], [1]]), numpy=lambda x, i: x[i[:, 0]], id="rows"),
    *[
        case(
            "OneHot",
            fed([[0, 2], [3, -1]], "int32"),
            const(3),
            fed(2.0),
            fed(-1.0),
            numpy=one_hot,
            attrs={"axis": axis},
            varies=["T", "TI"],
            refuses=[
                (fed([0], "int32"), const(-1), fed(1.0), fed(0.0)),
                (fed([0], "int32"), const([2, 3]), fed(1.0), fed(0.0)),
                (fed([0], "int32"), const(2), fed([1.0]), fed(0.0)),
            ],
            id=str(axis),
        )
        for axis in (-1, 0, 1)
    ],
    case(
        "ReverseV2",
        f32(2, 3, 2),
        const([0, -1]),
        numpy=lambda x, a: np.flip(x, tuple(int(n) for n in a)),
        dtypes=PLAIN,
        empty=[(f32(0, 3), const([0])), (f32(2), const([], "int32"))],
        refuses=[(f32(2, 3), const([2])), (f32(2, 3), const([0, -2]))],
    ),
    case(
        "Reverse",
        f32(2, 3),
        fed([False, True]),
        numpy=lambda x, d: x[:, ::-1],
        refuses=[(f32(2), bools(2))],
    ),
    case(
        "InvertPermutation",
        fed([2, 0, 3, 1], "int32"),
        numpy=np.argsort,
        dtypes=("int32", "int64"),
        refuses=[(fed([0, 2]),), (fed([0, 0]),), (fed([[0, 1]]),)],
    ),
]
