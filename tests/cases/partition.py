"""Rows of ops whose output size depends on values."""

from typing import Any

import numpy as np

from tests.cases import NUMBERS, PLAIN, case, const, f32, fed, strings


def dealt(x: Any, partitions: Any, num_partitions: int) -> list[Any]:
    """Return the slices of each list."""
    return [x[partitions == k] for k in range(num_partitions)]


def stitched(indices: list[Any], data: list[Any]) -> Any:
    """Return the merged rows; later ones win."""
    rows = max(int(i.max()) + 1 for i in indices if i.size)
    tail = data[0].shape[indices[0].ndim :]
    out = np.zeros((rows, *tail), data[0].dtype)
    for i, d in zip(indices, data, strict=True):
        out[i.ravel()] = d.reshape((-1, *tail))
    return out


CASES = [
    case(
        "Where",
        fed([[0, 1, 0], [2, 0, 3]], "float32"),
        numpy=np.argwhere,
        dtypes=(*NUMBERS, "bool"),
        empty=[(fed([0, 0]),), (f32(0, 2),)],
    ),
    case(
        "DynamicPartition",
        f32(5, 2),
        fed([0, 2, 0, 1, 2]),
        numpy=dealt,
        attrs={"num_partitions": 4},
        dtypes=PLAIN,
        refuses=[
            (f32(2), fed([0, 4])),
            (f32(2), fed([0, -1])),
            (f32(2), fed([0, 1, 0])),
        ],
    ),
    case(
        "DynamicPartition",
        strings("a", "b"),
        fed([1, 0]),
        numpy=dealt,
        attrs={"num_partitions": 2},
        grad=False,
        id="strings",
    ),
    *[
        case(
            op,
            [const([[0, 4]]), const([2, 1, 3])],
            [f32(1, 2, 2), f32(3, 2)],
            numpy=stitched,
            dtypes=PLAIN,
            refuses=[
                ([const([-1])], [f32(1)]),
                ([const([0, 1])], [f32(3)]),
                ([const([0]), const([1])], [f32(1, 2), f32(1, 3)]),
            ],
        )
        for op in ("DynamicStitch", "ParallelDynamicStitch")
    ],
    case(
        "DynamicStitch",
        [fed([0, 2]), fed([2])],
        [f32(2), f32(1)],
        numpy=stitched,
        grad=False,
        id="overlap",
    ),
]
