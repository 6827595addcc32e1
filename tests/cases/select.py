"""Rows of the choice between two tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import PLAIN, bools, case, f32, fed, strings


def rows(c: Any, t: Any, e: Any) -> Any:
    """Return rows of t or e, one for each element of the condition."""
    return np.where(c.reshape(-1, 1), t, e)


CASES = [
    case(
        "Select",
        bools(3, 4),
        f32(3, 4),
        f32(3, 4),
        numpy=np.where,
        dtypes=PLAIN,
        empty=[(bools(0), f32(0), f32(0))],
        refuses=[
            (bools(3), f32(2, 3), f32(2, 3)),
            (bools(2), f32(2), f32(3)),
            (bools(2, 3), f32(2, 4), f32(2, 4)),
        ],
    ),
    case("Select", bools(5), f32(5, 3), f32(5, 3), numpy=rows, id="rows"),
    case("Select", fed(True), f32(2, 3), f32(2, 3), numpy=np.where, id="scalar"),
    case(
        "Select",
        fed(False),
        strings("a", "b"),
        strings("c", "d"),
        numpy=lambda c, t, e: e,
        grad=False,
        id="string",
    ),
    case(
        "SelectV2",
        bools(3, 4),
        f32(3, 4),
        f32(3, 4),
        numpy=np.where,
        dtypes=PLAIN,
        empty=[(bools(0), f32(1), f32(3, 0)), (bools(), f32(0), f32())],
        refuses=[(bools(3), f32(2), f32(1)), (bools(2), f32(2), f32(3))],
    ),
    case("SelectV2", bools(4), f32(3, 1), f32(), numpy=np.where, id="broadcast"),
    case("SelectV2", bools(3, 1), f32(3, 4), f32(4), numpy=np.where, id="rows"),
    case("SelectV2", fed(True), f32(3), f32(2, 3), numpy=np.where, id="scalar-t"),
    case("SelectV2", fed(False), f32(3), f32(2, 3), numpy=np.where, id="scalar-e"),
    case(
        "SelectV2",
        bools(3),
        strings("a", "b", "c"),
        strings("d"),
        numpy=np.where,
        grad=False,
        id="string",
    ),
    case("SelectV2", bools(300, 1, 40), f32(40), f32(9, 1), numpy=np.where, grad=False, id="large"),
]
