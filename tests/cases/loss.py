"""Rows for losses."""

import numpy as np

from tests.cases import FLOATS, Input, case, f32, fed, ints
from tests.cases.softmax import log_softmax, softmax


def distribution(*shape):
    """Rows that sum to 1, as labels do."""

    def draw(rng, shape, kind):
        x = rng.uniform(0.1, 1.0, shape)
        return (x / x.sum(-1, keepdims=True)).astype(kind)

    return Input(shape, "float32", draw)


def dense(x, labels):
    x, labels = np.broadcast_arrays(x, labels)
    return -(labels * log_softmax(x)).sum(-1), softmax(x) - labels


def sparse(x, labels):
    return dense(x, np.eye(x.shape[1])[labels])


CASES = [
    case(
        "SoftmaxCrossEntropyWithLogits",
        f32(4, 5),
        distribution(4, 5),
        numpy=dense,
        dtypes=("float32", "float64", "float16"),
        tol=2.0,
        empty=[(f32(0, 5), f32(0, 5)), (f32(4, 0), f32(4, 0))],
        refuses=[(f32(4, 5), f32(4, 3)), (f32(4), f32(4)), (f32(2, 4, 5), f32(2, 4, 5))],
    ),
    case(
        "SoftmaxCrossEntropyWithLogits",
        f32(4, 5),
        distribution(1, 5),
        numpy=dense,
        id="one_row_of_labels",
    ),
    case(
        "SoftmaxCrossEntropyWithLogits",
        f32(3, 1200),
        distribution(3, 1200),
        numpy=dense,
        grad=False,
        id="wide",
    ),
    case(
        "SparseSoftmaxCrossEntropyWithLogits",
        f32(4, 5),
        ints(0, 4, 4),
        numpy=sparse,
        dtypes=FLOATS,
        tol=2.0,
        empty=[(f32(0, 5), fed(np.zeros(0, np.int32)))],
        refuses=[
            (f32(2, 5), fed([1, 5])),
            (f32(2, 5), fed([-1, 0])),
            (f32(2, 5), fed([1, 2, 3])),
            (f32(2, 5), fed([[1, 2]])),
            (f32(2, 0), fed([0, 0])),
        ],
        id="i32",
    ),
    case(
        "SparseSoftmaxCrossEntropyWithLogits",
        f32(4, 1200),
        ints(0, 1199, 4, dtype="int64"),
        numpy=sparse,
        grad=False,
        id="i64",
    ),
    case(
        "L2Loss",
        f32(3, 7),
        numpy=lambda t: (t * t).sum() / 2,
        dtypes=FLOATS,
        tol=4.0,
        empty=[(f32(0, 3),)],
    ),
    case("L2Loss", f32(), numpy=lambda t: t * t / 2, id="scalar"),
    case("L2Loss", f32(40000), numpy=lambda t: (t * t).sum() / 2, grad=False, id="long"),
]
