"""Rows for depthwise convolution and its gradients."""

import numpy as np

from tests.cases import FLOATS, case, const, f32
from tests.cases.conv import geometry, plan
from tests.window_reference import first, last, spread, windows


def forward(x, f, attrs):
    strides, padding, dilations, nchw = geometry(attrs)
    patches = windows(last(x) if nchw else x, f.shape[:2], strides, padding, dilations)
    y = np.einsum("nhwijc,ijcm->nhwcm", patches, f)
    y = y.reshape(*y.shape[:3], y.shape[3] * y.shape[4])
    return first(y) if nchw else y


def split(dy, f_shape, nchw):
    dy = last(dy) if nchw else dy
    return dy.reshape(*dy.shape[:3], f_shape[2], f_shape[3])


def by_input(sizes, f, dy, attrs):
    strides, padding, dilations, nchw = geometry(attrs)
    if nchw:
        sizes = [sizes[i] for i in (0, 2, 3, 1)]
    parts = np.einsum("nhwcm,ijcm->nhwijc", split(dy, f.shape, nchw), f)
    dx = spread(parts, tuple(sizes), strides, padding, dilations)
    return first(dx) if nchw else dx


def by_filter(x, sizes, dy, attrs):
    strides, padding, dilations, nchw = geometry(attrs)
    patches = windows(last(x) if nchw else x, tuple(sizes[:2]), strides, padding, dilations)
    return np.einsum("nhwijc,nhwcm->ijcm", patches, split(dy, sizes, nchw))


def rows(x, f, attrs, id, dtypes=None, deep=True):
    y = forward(np.zeros(x), np.zeros(f), attrs).shape

    def one(op, inputs, compute):
        return case(
            op,
            *inputs,
            numpy=lambda *arrays: compute(*arrays, attrs),
            attrs=attrs,
            dtypes=dtypes,
            tol=4.0,
            grad=deep,
            id=id,
        )

    name = "DepthwiseConv2dNative"
    return [
        one(name, (f32(*x), f32(*f)), forward),
        one(name + "BackpropInput", (const(list(x)), f32(*f), f32(*y)), by_input),
        one(name + "BackpropFilter", (f32(*x), const(list(f)), f32(*y)), by_filter),
    ]


NCHW = {"strides": [1, 1, 1, 1], "padding": "SAME", "data_format": "NCHW"}
CASES = [
    *rows((2, 5, 4, 3), (3, 3, 3, 1), plan(1, "SAME"), "same", FLOATS),
    *rows((1, 6, 5, 2), (2, 3, 2, 2), plan(2, "SAME"), "twice"),
    *rows((1, 6, 7, 2), (2, 2, 2, 1), plan(1, "VALID", 2), "dilated"),
    *rows((2, 2, 4, 3), (3, 2, 2, 2), NCHW, "nchw"),
    *rows((3, 9, 9, 43), (3, 3, 43, 1), plan(1, "SAME"), "many_channels", deep=False),
    case(
        "DepthwiseConv2dNative",
        f32(1, 4, 4, 2),
        f32(2, 2, 2, 1),
        numpy=lambda x, f: forward(x, f, plan(1, "VALID")),
        attrs=plan(1, "VALID"),
        empty=[(f32(0, 4, 4, 2), f32(2, 2, 2, 1))],
        refuses=[(f32(1, 4, 4, 2), f32(2, 2, 3, 1)), (f32(1, 4, 4, 2), f32(5, 2, 2, 1))],
        id="sizes",
    ),
]
