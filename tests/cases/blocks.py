"""Rows of blocks moved between space, batch and channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import PLAIN, case, const, f32, strings


def to_batch(x: Any, block: Any, pads: Any) -> Any:
    """Return the blocks in the batch, position by position."""
    rank = len(block)
    rest = [(0, 0)] * (x.ndim - rank - 1)
    x = np.pad(x, [(0, 0), *[tuple(p) for p in pads], *rest])
    picks = np.ndindex(*[int(b) for b in block])
    steps = [int(b) for b in block]
    parts = [
        x[(slice(None), *[slice(p, None, s) for p, s in zip(pick, steps, strict=True)])]
        for pick in picks
    ]
    return np.concatenate(parts)


def to_space(x: Any, block: Any, crops: Any) -> Any:
    """Return the reverse of `to_batch`."""
    count = int(np.prod(block))
    batch = x.shape[0] // count
    sizes = [n * int(b) for n, b in zip(x.shape[1:], block, strict=False)]
    out = np.zeros((batch, *sizes, *x.shape[len(block) + 1 :]), x.dtype)
    steps = [int(b) for b in block]
    for i, pick in enumerate(np.ndindex(*steps)):
        place = [slice(p, None, s) for p, s in zip(pick, steps, strict=True)]
        out[(slice(None), *place)] = x[i * batch : (i + 1) * batch]
    cut = [slice(int(a), n - int(b)) for (a, b), n in zip(crops, sizes, strict=True)]
    return out[(slice(None), *cut)]


def to_depth(x: Any, block_size: int) -> Any:
    """Return images with blocks in the channels."""
    n, h, w, c = x.shape
    b = block_size
    parts = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, h // b, w // b, b * b * c)


def from_depth(x: Any, block_size: int) -> Any:
    """Return the reverse of `to_depth`."""
    n, h, w, c = x.shape
    b = block_size
    parts = x.reshape(n, h, w, b, b, c // (b * b)).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(n, h * b, w * b, c // (b * b))


def channels_first(reference: Any) -> Any:
    """Return a reference for channels first."""
    return lambda x, block_size: reference(x.transpose(0, 2, 3, 1), block_size).transpose(
        0, 3, 1, 2
    )


def channels_by_four(reference: Any) -> Any:
    """Return a reference for channels first, of which four are side by side."""

    def fn(x: Any, block_size: int) -> Any:
        planes = [reference(x[..., k].transpose(0, 2, 3, 1), block_size) for k in range(4)]
        return np.stack([p.transpose(0, 3, 1, 2) for p in planes], axis=-1)

    return fn


PADS = const([[1, 0], [0, 2]])
CASES = [
    case(
        "SpaceToBatchND",
        f32(2, 3, 4, 2),
        const([2, 3]),
        PADS,
        numpy=to_batch,
        dtypes=PLAIN,
        empty=[
            (f32(0, 3, 4), const([2, 3]), PADS),
            (f32(2, 0, 4), const([1, 3]), PADS),
            (f32(2, 3), const(np.zeros([0], np.int32)), const(np.zeros([0, 2], np.int32))),
        ],
        refuses=[
            (f32(2, 3, 4), const([2, 3]), const([[0, 0], [0, 0]])),
            (f32(2, 4), const([2, 2]), const([[0, 0], [0, 0]])),
            (f32(2, 4), const([0]), const([[0, 0]])),
            (f32(2, 4), const([2]), const([[-1, 1]])),
            (f32(2, 4), const([2]), const([[0, 0, 0]])),
            (f32(2, 4), const([[2]]), const([[0, 0]])),
        ],
    ),
    case(
        "SpaceToBatchND", f32(2, 5), const([3]), const([[0, 1]]), numpy=to_batch, id="one dimension"
    ),
    case(
        "BatchToSpaceND",
        f32(6, 2, 3, 2),
        const([2, 3]),
        const([[1, 0], [0, 4]]),
        numpy=to_space,
        dtypes=PLAIN,
        empty=[(f32(0, 2, 3), const([2, 3]), const([[0, 0], [0, 0]]))],
        refuses=[
            (f32(5, 2, 3), const([2, 3]), const([[0, 0], [0, 0]])),
            (f32(6, 2, 3), const([2, 3]), const([[2, 3], [0, 0]])),
            (f32(6, 2), const([2, 3]), const([[0, 0], [0, 0]])),
            (f32(6, 2), const([-2]), const([[0, 0]])),
        ],
    ),
    case(
        "SpaceToBatch",
        f32(2, 3, 4, 1),
        const([[0, 1], [1, 1]]),
        numpy=lambda x, p, block_size: to_batch(x, [block_size] * 2, p),
        attrs={"block_size": 2},
        refuses=[(f32(2, 3, 4), const([[0, 0]] * 2)), (f32(1, 3, 4, 1), const([[0, 0]] * 2))],
    ),
    case(
        "BatchToSpace",
        f32(4, 2, 3, 1),
        const([[0, 1], [1, 1]]),
        numpy=lambda x, c, block_size: to_space(x, [block_size] * 2, c),
        attrs={"block_size": 2},
        refuses=[(f32(3, 2, 2, 1), const([[0, 0]] * 2)), (f32(4, 2, 2, 1), const([[0, 0]] * 3))],
    ),
    case(
        "SpaceToDepth",
        f32(2, 4, 6, 3),
        numpy=to_depth,
        attrs={"block_size": 2},
        dtypes=PLAIN,
        empty=[(f32(0, 2, 4, 1),), (f32(1, 2, 4, 0),)],
        refuses=[(f32(1, 3, 4, 1),), (f32(4, 4, 1),)],
    ),
    case(
        "DepthToSpace",
        f32(2, 2, 3, 12),
        numpy=from_depth,
        attrs={"block_size": 2},
        dtypes=PLAIN,
        empty=[(f32(0, 2, 4, 4),)],
        refuses=[(f32(1, 2, 2, 6),), (f32(4, 4, 4),)],
    ),
    *[
        case(
            op,
            f32(*shape),
            numpy=layout(reference),
            attrs={"block_size": 2, "data_format": name},
            id=name,
        )
        for op, reference in (("SpaceToDepth", to_depth), ("DepthToSpace", from_depth))
        for layout, name, shape in (
            (channels_first, "NCHW", (2, 4, 2, 4)),
            (channels_by_four, "NCHW_VECT_C", (1, 4, 4, 2, 4)),
        )
    ],
    case(
        "SpaceToBatchND",
        strings("a", "b", "c", "d"),
        const(np.zeros([0], np.int32)),
        const(np.zeros([0, 2], np.int32)),
        numpy=lambda x, b, p: x,
        grad=False,
        id="strings",
    ),
]
