"""Rows of tiling and padding."""

from typing import Any

import numpy as np

from tests.cases import PLAIN, case, const, f32, fed, strings

PAIRS = [[1, 2], [0, 3]]


def padded(x: Any, pairs: Any, value: Any = 0, **options: Any) -> Any:
    """Return NumPy's padding."""
    fill = options or {"constant_values": value}
    return np.pad(x, np.asarray(pairs, dtype=int), **fill)


def mirrored(x: Any, pairs: Any, mode: str) -> Any:
    """Return x with its mirror image around it."""
    return np.pad(x, np.asarray(pairs, dtype=int), mode.lower())


def unmirrored(dy: Any, pairs: Any, mode: str) -> Any:
    """Return the sum of what each element was shown as."""
    sizes = [n - before - after for n, (before, after) in zip(dy.shape, pairs, strict=True)]
    places = mirrored(np.arange(np.prod(sizes)).reshape(sizes), pairs, mode)
    out = np.zeros(np.prod(sizes), dy.dtype)
    np.add.at(out, places.ravel(), dy.ravel())
    return out.reshape(sizes)


CASES = [
    case(
        "Tile",
        f32(2, 3),
        const([2, 1]),
        numpy=lambda x, m: np.tile(x, [int(n) for n in m]),
        dtypes=PLAIN,
        empty=[(f32(2, 3), const([2, 0])), (f32(0, 3), const([2, 2]))],
        refuses=[(f32(2, 3), const([2])), (f32(2), const([-1])), (f32(2), const([[1]]))],
    ),
    case("Tile", f32(3, 1, 2), const([2, 4, 3]), numpy=np.tile, id="several"),
    case("Tile", f32(2), const([1]), numpy=np.tile, id="once"),
    case("Tile", strings("a"), const([2]), numpy=np.tile, grad=False, id="strings"),
    case(
        "Pad",
        f32(2, 3),
        const(PAIRS),
        numpy=padded,
        dtypes=PLAIN,
        empty=[(f32(0, 2), const(PAIRS))],
        refuses=[
            (f32(2, 3), const([[1, 1]])),
            (f32(2), const([[-1, 1]])),
            (f32(2), const([[1, 1, 1]])),
            (f32(2), const([1, 1])),
        ],
    ),
    case("PadV2", f32(2, 3), const(PAIRS), f32(), numpy=padded, dtypes=PLAIN),
    case(
        "PadV2",
        fed(["a"], "string"),
        const([[1, 0]]),
        fed("b", "string"),
        numpy=lambda *_: np.array([b"b", b"a"], object),
        grad=False,
        id="strings",
    ),
    *[
        case(
            "MirrorPad",
            f32(3, 4),
            const([[1, 2], [0, 3]]),
            numpy=mirrored,
            attrs={"mode": mode},
            dtypes=PLAIN,
            refuses=[(f32(3, 4), const([[0, 4], [0, 0]])), (f32(3), const([[0, -1]]))],
            id=mode.lower(),
        )
        for mode in ("REFLECT", "SYMMETRIC")
    ],
    *[
        case(
            "MirrorPadGrad",
            f32(6, 7),
            const([[1, 2], [0, 3]]),
            numpy=unmirrored,
            attrs={"mode": mode},
            refuses=[(f32(2, 4), const([[1, 2], [0, 0]]))],
            id=mode.lower(),
        )
        for mode in ("REFLECT", "SYMMETRIC")
    ],
]
