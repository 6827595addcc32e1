"""Rows of elements that change places along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import PLAIN, case, const, f32, strings


def rolled(x: Any, shift: Any, axis: Any) -> Any:
    """Return np.roll's result; shifts along one axis add up."""
    for s, a in zip(np.atleast_1d(shift), np.atleast_1d(axis), strict=True):
        x = np.roll(x, int(s), int(a))
    return x


def reversed_rows(seq: int, batch: int) -> Any:
    """Return the reference of ReverseSequence."""

    def fn(x: Any, lengths: Any) -> Any:
        out = np.moveaxis(x.copy(), (batch, seq), (0, 1))
        moved = np.moveaxis(x, (batch, seq), (0, 1))
        for b, n in enumerate(lengths):
            out[b, : int(n)] = moved[b, : int(n)][::-1]
        return np.moveaxis(out, (0, 1), (batch, seq))

    return fn


CASES = [
    case(
        "Roll",
        f32(3, 4, 2),
        const([1, -3, 7]),
        const([0, 1, -2]),
        numpy=rolled,
        dtypes=PLAIN,
        empty=[(f32(0, 3), const(1), const(0)), (f32(3, 0), const(1), const(0))],
        refuses=[
            (f32(), const(1), const(0)),
            (f32(3), const(1), const(1)),
            (f32(3), const([1, 1]), const([0])),
            (f32(3), const([[1]]), const([[0]])),
        ],
    ),
    case("Roll", f32(5), const(2), const(0), numpy=rolled, id="scalar shift"),
    case("Roll", f32(5), const(0), const(-1), numpy=rolled, id="no shift"),
    case(
        "Roll", strings("a", "b", "c"), const(1), const(0), numpy=rolled, grad=False, id="strings"
    ),
    case(
        "ReverseSequence",
        f32(3, 4, 2),
        const([2, 4, 0]),
        numpy=reversed_rows(1, 0),
        attrs={"seq_dim": 1},
        dtypes=PLAIN,
        empty=[(f32(0, 4), const(np.zeros([0], np.int32))), (f32(2, 0), const([0, 0]))],
        refuses=[
            (f32(2, 4), const([5, 0])),
            (f32(2, 4), const([-1, 0])),
            (f32(2, 4), const([1, 1, 1])),
            (f32(2), const([1, 1])),
            (f32(2, 4), const([[1, 1]])),
        ],
    ),
    case(
        "ReverseSequence",
        f32(3, 2, 4),
        const([1, 3, 2, 0]),
        numpy=reversed_rows(0, 2),
        attrs={"seq_dim": 0, "batch_dim": 2},
        id="batch last",
    ),
]
