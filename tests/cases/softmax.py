"""Rows for softmax."""

import numpy as np

from tests.cases import FLOATS, case, f32, fed


def log_softmax(x):
    if x.size == 0:
        return x
    less = x - x.max(-1, keepdims=True)
    return less - np.log(np.exp(less).sum(-1, keepdims=True))


def softmax(x):
    return np.exp(log_softmax(x))


EMPTY = [(f32(0, 4),), (f32(3, 0),)]
CASES = [
    case("Softmax", f32(3, 5), numpy=softmax, dtypes=FLOATS, empty=EMPTY, refuses=[(f32(),)]),
    case("Softmax", f32(2, 3, 4), numpy=softmax, id="rank_3"),
    case("Softmax", f32(7, 1500), numpy=softmax, grad=False, id="wide"),
    case("Softmax", f32(6), numpy=softmax, id="vector"),
    case("Softmax", fed([[1000.0, 999.0, -1000.0]]), numpy=softmax, grad=False, id="large"),
    case("LogSoftmax", f32(3, 5), numpy=log_softmax, dtypes=FLOATS, empty=EMPTY),
    case("LogSoftmax", f32(2, 3, 4), numpy=log_softmax, id="rank_3"),
    case("LogSoftmax", f32(7, 1500), numpy=log_softmax, grad=False, id="wide"),
    case("LogSoftmax", fed([[1000.0, 999.0, -1000.0]]), numpy=log_softmax, grad=False, id="large"),
]
