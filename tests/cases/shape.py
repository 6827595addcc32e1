"""Rows of shapes, and of the same elements in another shape."""

import numpy as np

from tests.cases import PLAIN, Array, case, const, f32, fed, strings


def dims(x: Array) -> Array:
    """Return the shape as an array: a tuple would stand for several outputs."""
    return np.array(x.shape)


CASES = [
    case("Shape", f32(2, 3, 1), numpy=dims, dtypes=PLAIN),
    case("Shape", f32(2, 3), numpy=dims, attrs={"out_type": "int64"}, id="int64"),
    case("Shape", strings("a"), numpy=dims, id="strings"),
    case("ShapeN", [f32(2, 3), f32(4), f32()], numpy=lambda xs: [dims(x) for x in xs]),
    case("Size", f32(2, 3), numpy=np.size, empty=[(f32(0, 3),)]),
    case("Rank", f32(2, 3, 1), numpy=np.ndim),
    case(
        "Reshape",
        f32(2, 6),
        const([3, -1, 2]),
        numpy=np.reshape,
        dtypes=PLAIN,
        empty=[(f32(0, 3), const([3, -1])), (f32(1), const([], "int32"))],
        refuses=[
            (f32(2, 3), const([4, 2])),
            (f32(2, 3), const([-1, -1])),
            (f32(2, 3), const([4, -1])),
            (f32(2, 3), const([-2, 3])),
            (f32(0, 3), const([0, -1])),
            (f32(2, 3), const(6)),
        ],
    ),
    case("Reshape", strings("a"), const([1, 1]), numpy=np.reshape, grad=False, id="strings"),
    *[
        case(
            "ExpandDims",
            f32(2, 3),
            const(axis),
            numpy=lambda x, a: np.expand_dims(x, int(a)),
            refuses=[(f32(2, 3), const(3)), (f32(2, 3), const(-4)), (f32(2), const([0, 1]))],
            id=str(axis),
        )
        for axis in (0, 1, -1, -3)
    ],
    case("Squeeze", f32(1, 2, 1), numpy=np.squeeze, empty=[(f32(1, 0),)]),
    case(
        "Squeeze",
        f32(1, 2, 1),
        numpy=lambda x: x[:, :, 0],
        attrs={"squeeze_dims": [-1]},
        refuses=[(f32(1, 2),), (f32(),)],
        id="one",
    ),
    case(
        "BroadcastTo",
        f32(2, 1),
        const([3, 2, 4]),
        numpy=np.broadcast_to,
        dtypes=PLAIN,
        empty=[(f32(1), const([0])), (f32(0, 1), const([2, 0, 3]))],
        refuses=[
            (f32(2), const([3])),
            (f32(2, 1), const([2])),
            (f32(2), const([-2])),
            (f32(3), const([1])),
        ],
    ),
    case("BroadcastTo", f32(), const([2, 2]), numpy=np.broadcast_to, id="scalar"),
    case(
        "BroadcastArgs",
        fed([2, 1]),
        fed([3]),
        numpy=lambda x, y: np.array(np.broadcast_shapes(tuple(x), tuple(y))),
        refuses=[(fed([2]), fed([3]))],
    ),
]
