"""Rows of joining and cutting along an axis."""

from typing import Any

import numpy as np

from tests.cases import PLAIN, case, const, f32, fed, i32, strings


def split(x: Any, sizes: Any, axis: Any) -> list[Any]:
    """Return the parts of these sizes; -1 is what the others leave."""
    total = x.shape[int(axis)]
    known = [total - (sum(sizes) + 1) if n == -1 else n for n in sizes]
    return np.split(x, np.cumsum(known)[:-1], int(axis))


def offsets(axis: Any, shapes: list[Any]) -> list[Any]:
    """Return where each tensor starts in the concatenation."""
    starts = np.cumsum([0] + [s[int(axis)] for s in shapes[:-1]])
    return [
        np.where(np.arange(len(s)) == int(axis), n, 0) for s, n in zip(shapes, starts, strict=True)
    ]


CASES = [
    *[
        case(
            "ConcatV2",
            [f32(2, 3, 2), f32(2, 3, 2), f32(2, 3, 2)],
            const(axis),
            numpy=lambda xs, a: np.concatenate(xs, int(a)),
            dtypes=PLAIN if axis == 1 else None,
            id=str(axis),
        )
        for axis in (0, 1, -1)
    ],
    case(
        "ConcatV2",
        [f32(2, 3), f32(2, 0), f32(2, 4)],
        const(1),
        numpy=lambda xs, a: np.concatenate(xs, 1),
        empty=[([f32(0, 3), f32(0, 1)], const(1))],
        refuses=[
            ([f32(2, 3), f32(3, 3)], const(1)),
            ([f32(2, 3), f32(2)], const(1)),
            ([f32(2, 3), f32(2, 3)], const(2)),
            ([f32(), f32()], const(0)),
            ([f32(2), f32(2)], const([0, 0])),
        ],
        id="sizes",
    ),
    case(
        "ConcatV2",
        [strings("a"), strings("b", "c")],
        const(0),
        numpy=lambda xs, a: np.concatenate(xs),
        grad=False,
        id="strings",
    ),
    case("Concat", const(-2), [f32(1, 3), f32(2, 3)], numpy=lambda a, xs: np.concatenate(xs)),
    case(
        "ConcatOffset",
        const(1),
        [fed([2, 3, 4]), fed([2, 5, 4]), fed([2, 1, 4])],
        numpy=offsets,
        refuses=[(const(1), [fed([2, 3]), fed([3, 3])]), (const(2), [fed([2]), fed([2])])],
    ),
    *[
        case(
            "Pack",
            [f32(2, 3), f32(2, 3), f32(2, 3)],
            numpy=lambda xs, axis: np.stack(xs, axis),
            attrs={"axis": axis},
            dtypes=PLAIN if axis == 1 else None,
            empty=[([f32(0, 2), f32(0, 2)],)],
            refuses=[([f32(2), f32(3)],), ([f32(), f32()],)] if axis == 1 else [],
            id=str(axis),
        )
        for axis in (0, 1, -1)
    ],
    *[
        case(
            "Unpack",
            f32(3, 2, 3),
            numpy=lambda x, axis: list(np.moveaxis(x, axis, 0)),
            attrs={"num": 2 if axis == 1 else 3, "axis": axis},
            dtypes=PLAIN if axis == 1 else None,
            refuses=[(f32(4, 4, 4),), (f32(),)],
            id=str(axis),
        )
        for axis in (0, 1, -1)
    ],
    *[
        case(
            "Split",
            const(axis),
            f32(4, 6),
            numpy=lambda a, x, num_split: np.split(x, num_split, int(a)),
            attrs={"num_split": 2},
            dtypes=PLAIN if axis == 1 else None,
            empty=[(const(0), f32(0, 4))],
            refuses=[(const(0), f32(3, 2)), (const(2), f32(2, 2)), (const([0, 1]), f32(2, 2))],
            id=str(axis),
        )
        for axis in (0, 1)
    ],
    *[
        case(
            "SplitV",
            f32(2, 7),
            fed(sizes) if fed_sizes else const(sizes),
            const(-1),
            numpy=split,
            attrs={"num_split": 3},
            varies=["T", "Tlen"],
            refuses=[
                (f32(2, 7), const([1, 2, 3]), const(1)),
                (f32(2, 7), const([-1, -1, 3]), const(1)),
                (f32(2, 7), const([1, 6]), const(1)),
                (f32(2, 7), const([9, -1, 1]), const(1)),
                (f32(2, 7), const([1, 2, 4]), const(2)),
            ],
            id=name,
        )
        for name, sizes, fed_sizes in (
            ("sizes", [3, 0, 4], False),
            ("rest", [3, -1, 1], False),
            ("fed", [1, 2, 4], True),
        )
    ],
    case(
        "SplitV", i32(6), const([2, 4]), const(0), numpy=split, attrs={"num_split": 2}, id="views"
    ),
]
