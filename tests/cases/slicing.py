"""Rows of slices and strided slices."""

from typing import Any

import numpy as np

from tests.cases import PLAIN, case, const, f32, fed, strings

MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def taken(x: Any, begin: Any, size: Any) -> Any:
    """Return the slice; a size of -1 is the rest."""
    return x[tuple(slice(b, None if n == -1 else b + n) for b, n in zip(begin, size, strict=True))]


def key_of(begin: Any, end: Any, strides: Any, masks: dict[str, int]) -> Any:
    """Return the index that these numbers stand for."""
    items: list[Any] = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides, strict=True)):
        has = {name: bool(masks.get(name, 0) >> i & 1) for name in MASKS}
        if has["ellipsis_mask"]:
            items.append(Ellipsis)
        elif has["new_axis_mask"]:
            items.append(None)
        elif has["shrink_axis_mask"]:
            items.append(int(b))
        else:
            first = None if has["begin_mask"] else int(b)
            items.append(slice(first, None if has["end_mask"] else int(e), int(s)))
    return tuple(items)


def row(name: str, *ends: Any, **masks: int) -> Any:
    """Return a row of StridedSlice on a [4, 5, 6] tensor."""
    return case(
        "StridedSlice",
        f32(4, 5, 6),
        *[const(e, "int32") for e in ends],
        numpy=lambda x, b, e, s: x[key_of(b, e, s, masks)],
        attrs=masks,
        dtypes=PLAIN if name == "steps" else None,
        id=name,
    )


def back(name: str, *ends: Any, **masks: int) -> Any:
    """Return a row of StridedSliceGrad on a [3, 4] tensor."""
    key = key_of(*ends, masks)

    def reference(shape: Any, begin: Any, end: Any, strides: Any, dy: Any) -> Any:
        out = np.zeros([int(n) for n in shape], dy.dtype)
        out[key] = dy
        return out

    size = np.zeros([3, 4])[key].shape
    return case(
        "StridedSliceGrad",
        const([3, 4]),
        *[const(e, "int32") for e in ends],
        f32(*size),
        numpy=reference,
        attrs=masks,
        refuses=[(const([3, 4]), *[const(e, "int32") for e in ends], f32(7, 7))],
        id=name,
    )


CASES = [
    case(
        "Slice",
        f32(4, 5),
        const([1, 2]),
        const([2, -1]),
        numpy=taken,
        dtypes=PLAIN,
        empty=[(f32(4, 5), const([1, 5]), const([2, 0]))],
        refuses=[
            (f32(4, 5), const([1, 6]), const([1, 0])),
            (f32(4, 5), const([1, 2]), const([4, 1])),
            (f32(4, 5), const([-1, 2]), const([1, 1])),
            (f32(4, 5), const([0, 0]), const([-2, 1])),
            (f32(4, 5), const([0]), const([1])),
        ],
    ),
    case("Slice", f32(4, 5), fed([0, 1]), fed([2, 3]), numpy=taken, id="fed"),
    case("Slice", f32(4, 3), const([1, 0]), const([2, 3]), numpy=taken, id="rows"),
    case("Slice", strings("a", "b"), const([1]), const([1]), numpy=taken, grad=False, id="strings"),
    row("steps", [1, 0, 5], [4, 5, 0], [2, 1, -2]),
    row("shrink", [1, 0], [2, 3], [1, 1], shrink_axis_mask=1),
    row("last", [-1], [0], [1], shrink_axis_mask=1),
    row("ellipsis", [0, 2], [0, 3], [1, 1], ellipsis_mask=1),
    row("new-axis", [0, 0, 1], [0, 0, 4], [1, 1, 1], new_axis_mask=1, ellipsis_mask=2),
    row("open", [2, 3], [1, 1], [1, -1], begin_mask=1, end_mask=3),
    row("clamped", [-9, 3], [9, 99], [1, 1]),
    row("empty", [3, 0], [1, 5], [1, 1]),
    row("whole", [0], [4], [1]),
    row("nothing", [], [], []),
    case(
        "StridedSlice",
        f32(4),
        const([0]),
        const([2]),
        const([1]),
        numpy=lambda x, b, e, s: x[0],
        attrs={"shrink_axis_mask": 1},
        refuses=[
            (f32(4), const([4]), const([5]), const([1])),
            (f32(4), const([-5]), const([5]), const([1])),
            (f32(4), const([0, 0]), const([1, 1]), const([1, 1])),
            (f32(4), const([0]), const([1, 1]), const([1])),
        ],
        id="one",
    ),
    case(
        "StridedSlice",
        f32(4),
        fed([3]),
        fed([0]),
        fed([-1]),
        numpy=lambda x, b, e, s: x[3:0:-1],
        varies=["Index"],
        refuses=[(f32(4), fed([0]), fed([2]), fed([0]))],
        id="fed",
    ),
    back("range", [0, 1], [3, 4], [2, 1]),
    back("one", [1, 3], [2, 0], [1, -1], shrink_axis_mask=1),
    back("new-axis", [0, 0], [0, 2], [1, 1], new_axis_mask=1),
]
