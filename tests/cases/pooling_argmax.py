"""Rows for maximum pooling with places."""

import numpy as np

from tests.cases import FLOATS, case, distinct, f32, ints
from tests.cases.pooling import Pooling


def places(x, p, batch):
    n, h, w, c = x.shape
    numbers = np.arange(h * w * c).reshape(1, h, w, c) + np.zeros((n, 1, 1, 1), int)
    if batch:
        numbers = numbers + (np.arange(n) * h * w * c).reshape(n, 1, 1, 1)
    return (p.chosen(x) * p.flat(numbers, 0)).sum(3).astype(np.int64)


def add_at(x, dy, at):
    dx = np.zeros((x.shape[0], x[0].size))
    for image, (g, where) in enumerate(zip(dy, at, strict=True)):
        np.add.at(dx[image], where.ravel(), g.ravel())
    return dx.reshape(x.shape)


HALVES, OVER = Pooling((2, 2), (2, 2), "VALID"), Pooling((3, 2), (2, 1), "SAME")
CASES = [
    case(
        "MaxPoolWithArgmax",
        distinct(2, 5, 4, 3),
        numpy=lambda x, p=p, batch=batch: (p.max(x), places(x, p, batch)),
        attrs={**p.attrs, "include_batch_in_index": batch},
        dtypes=FLOATS[:3],
        empty=[(f32(0, 4, 4, 2),)],
        refuses=[(f32(4, 4, 2),)],
        id=id,
    )
    for p, batch, id in ((HALVES, False, "halves"), (OVER, True, "overlapping"))
]
CASES += [
    case(
        "MaxPoolGradWithArgmax",
        f32(2, 4, 4, 2),
        f32(2, 2, 2, 2),
        ints(0, 31, 2, 2, 2, 2, dtype="int64"),
        numpy=add_at,
        attrs=HALVES.attrs,
        refuses=[
            (f32(2, 4, 4, 2), f32(2, 2, 2, 2), ints(32, 40, 2, 2, 2, 2, dtype="int64")),
            (f32(2, 4, 4, 2), f32(2, 2, 3, 2), ints(0, 31, 2, 2, 3, 2, dtype="int64")),
        ],
    ),
]
