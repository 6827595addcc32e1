"""Rows of the sums of many tensors, and of BroadcastGradientArgs."""

from __future__ import annotations

from typing import Any

import numpy as np

import penstock as ps
from tests.cases import NUMBERS, Case, case, f32, fed


def total(terms: Any) -> Any:
    """Return the sum of a list of arrays."""
    return np.sum(np.stack(terms), axis=0)


def axes(x: list[int], y: list[int], over_x: list[int], over_y: list[int]) -> Case:
    """Return a row of BroadcastGradientArgs."""
    return case(
        "BroadcastGradientArgs",
        fed(np.array(x, np.int32), "int32"),
        fed(np.array(y, np.int32), "int32"),
        numpy=lambda s0, s1: (np.array(over_x, np.int32), np.array(over_y, np.int32)),
        dtypes=("int32", "int64"),
        id="x".join(map(str, x)) + "-" + "x".join(map(str, y)),
    )


CASES = [
    case(
        "AddN",
        [f32(2, 3), f32(2, 3), f32(2, 3)],
        numpy=total,
        dtypes=NUMBERS,
        empty=[([f32(0, 3), f32(0, 3)],)],
        refuses=[([f32(2), f32(3)],)],
    ),
    case("AddN", [f32(4)], numpy=total, id="one"),
    case("AddN", [f32(3000)] * 5, numpy=total, grad=False, id="large"),
    case(
        "AccumulateNV2",
        [f32(2, 3), f32(2, 3)],
        numpy=total,
        attrs={"shape": ps.TensorShape([2, 3])},
        dtypes=NUMBERS,
    ),
    axes([2, 3], [2, 3], [], []),
    axes([2, 3, 5], [1], [], [0, 1, 2]),
    axes([2, 1, 3], [3], [1], [0, 1]),
    axes([2, 1, 4], [2, 5, 1], [1], [2]),
    axes([1], [], [0], [0]),
    axes([1, 1], [1, 1], [], []),
    axes([0, 1], [1], [1], [0, 1]),
    case(
        "BroadcastGradientArgs",
        fed([2, 3]),
        fed([3]),
        refuses=[(fed([2]), fed([3])), (fed([[2]]), fed([3]))],
        check=lambda values: None,
        id="refuses",
    ),
]
