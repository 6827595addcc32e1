"""Rows for convolution and its gradients."""

import numpy as np

from tests.cases import FLOATS, case, const, f32, fed
from tests.window_reference import first, last, spread, windows


def geometry(attrs):
    """Return strides, padding, dilations and whether channels come first."""
    nchw = attrs.get("data_format") == "NCHW"
    pick = slice(2, 4) if nchw else slice(1, 3)
    strides = tuple(attrs["strides"][pick])
    dilations = tuple(attrs.get("dilations", [1, 1, 1, 1])[pick])
    padding = attrs["padding"]
    if padding == "EXPLICIT":
        pairs = np.reshape(attrs["explicit_paddings"], (4, 2))
        padding = [tuple(p) for p in pairs[pick]]
    return strides, padding, dilations, nchw


def forward(x, f, attrs):
    strides, padding, dilations, nchw = geometry(attrs)
    patches = windows(last(x) if nchw else x, f.shape[:2], strides, padding, dilations)
    y = np.einsum("nhwijc,ijco->nhwo", patches, f)
    return first(y) if nchw else y


def by_input(sizes, f, dy, attrs):
    strides, padding, dilations, nchw = geometry(attrs)
    if nchw:
        dy, sizes = last(dy), [sizes[i] for i in (0, 2, 3, 1)]
    parts = np.einsum("nhwo,ijco->nhwijc", dy, f)
    dx = spread(parts, tuple(sizes), strides, padding, dilations)
    return first(dx) if nchw else dx


def by_filter(x, sizes, dy, attrs):
    strides, padding, dilations, nchw = geometry(attrs)
    patches = windows(last(x) if nchw else x, tuple(sizes[:2]), strides, padding, dilations)
    return np.einsum("nhwijc,nhwo->ijco", patches, last(dy) if nchw else dy)


def rows(x, f, attrs, id, dtypes=None, deep=True, tol=4.0):
    """Write one row for each of the three ops."""
    y = forward(np.zeros(x), np.zeros(f), attrs).shape

    def one(op, inputs, compute):
        return case(
            op,
            *inputs,
            numpy=lambda *arrays: compute(*arrays, attrs),
            attrs=attrs,
            dtypes=dtypes,
            tol=tol,
            grad=deep,
            id=id,
        )

    return [
        one("Conv2D", (f32(*x), f32(*f)), forward),
        one("Conv2DBackpropInput", (const(list(x)), f32(*f), f32(*y)), by_input),
        one("Conv2DBackpropFilter", (f32(*x), const(list(f)), f32(*y)), by_filter),
    ]


def plan(stride, padding, dilation=1, **more):
    return {
        "strides": [1, stride, stride, 1],
        "padding": padding,
        "dilations": [1, dilation, dilation, 1],
        **more,
    }


VALID = plan(1, "VALID")
CASES = [
    *rows((2, 5, 4, 2), (3, 3, 2, 3), plan(1, "SAME"), "same", FLOATS),
    *rows((2, 6, 5, 2), (3, 2, 2, 3), plan(2, "SAME"), "same_s2"),
    *rows((1, 6, 7, 2), (2, 3, 2, 2), plan(2, "VALID"), "valid_s2"),
    *rows((1, 7, 6, 2), (3, 2, 2, 2), plan(1, "SAME", 2), "dilated"),
    *rows((2, 3, 3, 4), (1, 1, 4, 5), VALID, "pointwise"),
    *rows(
        (1, 4, 5, 2),
        (3, 2, 2, 2),
        plan(1, "EXPLICIT", explicit_paddings=[0, 0, 2, 1, 0, 1, 0, 0]),
        "explicit",
    ),
    *rows(
        (2, 3, 6, 5),
        (2, 3, 3, 2),
        {"strides": [1, 1, 2, 1], "padding": "SAME", "data_format": "NCHW"},
        "nchw",
    ),
    *rows((1, 19, 17, 32), (3, 3, 32, 48), plan(1, "SAME"), "rows", deep=False, tol=20.0),
    *rows((5, 9, 9, 16), (5, 5, 16, 32), plan(2, "SAME"), "images", deep=False, tol=20.0),
    *rows((3, 12, 12, 3), (5, 5, 3, 16), plan(1, "SAME"), "color", deep=False, tol=20.0),
    case(
        "Conv2D",
        f32(2, 4, 4, 2),
        f32(2, 2, 2, 3),
        numpy=lambda x, f: forward(x, f, VALID),
        attrs=VALID,
        dtypes=("float32", "int32"),
        grad=False,
        empty=[
            (f32(0, 4, 4, 2), f32(2, 2, 2, 3)),
            (f32(2, 4, 4, 0), f32(2, 2, 0, 3)),
            (f32(2, 4, 4, 2), f32(2, 2, 2, 0)),
        ],
        refuses=[
            (f32(2, 4, 4, 2), f32(2, 2, 3, 3)),
            (f32(2, 4, 4, 2), f32(5, 2, 2, 3)),
            (f32(4, 4, 2), f32(2, 2, 2, 3)),
        ],
        id="sizes",
    ),
    case(
        "Conv2DBackpropInput",
        fed([5, 4]),
        f32(2, 3, 2, 3),
        f32(2, 4, 2, 3),
        numpy=lambda s, f, dy: by_input([2, *s, 2], f, dy, VALID),
        attrs=VALID,
        refuses=[
            (fed([2, 9, 4, 2]), f32(2, 3, 2, 3), f32(2, 4, 2, 3)),
            (fed([2, 5, 4]), f32(2, 3, 2, 3), f32(2, 4, 2, 3)),
            (fed([2, -5, 4, 2]), f32(2, 3, 2, 3), f32(2, 4, 2, 3)),
        ],
        id="short_sizes",
    ),
    case(
        "Conv2DBackpropFilter",
        f32(2, 5, 4, 2),
        fed([2, 3, 2, 3]),
        f32(2, 4, 2, 3),
        numpy=lambda x, s, dy: by_filter(x, s, dy, VALID),
        attrs=VALID,
        empty=[(f32(0, 5, 4, 2), fed([2, 3, 2, 3]), f32(0, 4, 2, 3))],
        refuses=[(f32(2, 5, 4, 2), fed([2, 3, 2, 3]), f32(2, 4, 3, 3))],
        id="fed_sizes",
    ),
]
