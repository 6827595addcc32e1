"""Rows for batch normalisation: values only, since statistics pass no gradient."""

import numpy as np

from tests.cases import case, f32, fed, positive
from tests.window_reference import first, last

EPSILON = 0.01
NONE = fed(np.zeros(0, np.float32))


def normal(x, scale, offset, mean, variance):
    return (x - mean) / np.sqrt(variance + EPSILON) * scale + offset


def train(x, scale, offset, mean, variance, factor=1.0):
    m, v = x.mean((0, 1, 2)), x.var((0, 1, 2))
    n = x[..., 0].size
    new_m, new_v = m, v * n / max(n - 1, 1)
    if factor != 1.0:
        new_m, new_v = (1 - factor) * mean + factor * m, (1 - factor) * variance + factor * new_v
    return normal(x, scale, offset, m, v), new_m, new_v, m, v


def infer(x, scale, offset, mean, variance):
    y = normal(x, scale, offset, mean, variance)
    return y, mean, variance, mean, variance


def gradient(dy, x, scale, mean, variance, training=True):
    r = 1 / np.sqrt(variance + EPSILON)
    h = (x - mean) * r
    g = dy
    if training:
        g = dy - dy.mean((0, 1, 2)) - h * (dy * h).mean((0, 1, 2))
    return g * scale * r, (dy * h).sum((0, 1, 2)), dy.sum((0, 1, 2)), np.zeros(0), np.zeros(0)


X = (2, 3, 4, 5)
VECTORS = (positive(5), f32(5))
SPARE = np.zeros(0)


def row(op, inputs, compute, id, dtypes=("float32",), **attrs):
    more = [SPARE] if op == "FusedBatchNormV3" else []
    return case(
        op,
        *inputs,
        numpy=lambda *arrays: (*compute(*arrays), *more),
        attrs={"epsilon": EPSILON, **attrs},
        dtypes=dtypes,
        tol=10.0,
        grad=False,
        id=id,
    )


CASES = []
for version in ("", "V2", "V3"):
    op, back = "FusedBatchNorm" + version, "FusedBatchNormGrad" + version
    spare = (NONE,) if version == "V3" else ()
    for training in (True, False):
        given = (NONE, NONE) if training else (f32(5), positive(5))
        name = "train" if training else "infer"
        CASES += [
            row(
                op,
                (f32(*X), *VECTORS, *given),
                train if training else infer,
                name,
                is_training=training,
            ),
            row(
                back,
                (f32(*X), f32(*X), positive(5), f32(5), positive(5), *spare),
                lambda dy, x, s, m, v, *_, t=training: gradient(dy, x, s, m, v, t),
                name,
                is_training=training,
            ),
        ]
CASES += [
    row(
        "FusedBatchNormV3",
        (f32(*X), *VECTORS, f32(5), positive(5)),
        lambda *a: train(*a, factor=0.3),
        "running",
        exponential_avg_factor=0.3,
    ),
    row(
        "FusedBatchNormV3",
        (f32(2, 5, 3, 4), *VECTORS, NONE, NONE),
        lambda x, *a: (lambda y, *more: (first(y), *more))(*train(last(x), *a)),
        "nchw",
        data_format="NCHW",
    ),
    row("FusedBatchNorm", (f32(70, 7, 7, 5), *VECTORS, NONE, NONE), train, "blocks"),
    case(
        "FusedBatchNormV3",
        f32(2, 2, 2, 3),
        f32(3),
        f32(3),
        f32(3),
        positive(3),
        numpy=lambda *a: (*infer(*a), SPARE),
        attrs={"epsilon": EPSILON, "is_training": False},
        dtypes=("float32",),
        tol=10.0,
        grad=False,
        empty=[(f32(0, 2, 2, 3), f32(3), f32(3), f32(3), positive(3))],
        refuses=[
            (f32(2, 2, 2, 3), f32(4), f32(3), f32(3), positive(3)),
            (f32(2, 2, 2, 3), f32(3), f32(3), f32(0), f32(0)),
            (f32(2, 3), f32(3), f32(3), f32(3), positive(3)),
        ],
        id="sizes",
    ),
]
