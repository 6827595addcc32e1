"""Rows for pooling and its gradients."""

import numpy as np

from tests.cases import FLOATS, case, const, distinct, f32
from tests.window_reference import first, last, spread, windows


class Pooling:
    """The attributes of one way of pooling, and what NumPy makes of them."""

    def __init__(self, ksize, strides, padding, nchw=False):
        self.ksize, self.strides, self.padding, self.nchw = ksize, strides, padding, nchw
        named = isinstance(padding, str)
        self.attrs = {
            "ksize": self.four(ksize),
            "strides": self.four(strides),
            "padding": padding if named else "EXPLICIT",
        }
        if nchw:
            self.attrs["data_format"] = "NCHW"
        if not named:
            self.attrs["explicit_paddings"] = [0, 0, *padding[0], *padding[1], 0, 0]

    def four(self, pair):
        return [1, 1, *pair] if self.nchw else [1, *pair, 1]

    def last(self, x):
        return last(x) if self.nchw else x

    def back(self, x):
        return first(x) if self.nchw else x

    def flat(self, x, fill):
        """Return windows as [batch, rows, columns, elements, channels]."""
        w = windows(self.last(x), self.ksize, self.strides, self.padding, fill=fill)
        return w.reshape(*w.shape[:3], w.shape[3] * w.shape[4], w.shape[5])

    def spread(self, parts, x):
        image = self.last(x)
        parts = parts.reshape(*parts.shape[:3], *self.ksize, parts.shape[-1])
        return self.back(spread(parts, image.shape, self.strides, self.padding))

    def lowest(self, x):
        return -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min

    def chosen(self, x):
        flat = self.flat(x, self.lowest(x))
        return np.arange(flat.shape[3])[:, None] == flat.argmax(3)[:, :, :, None, :]

    def max(self, x, *_):
        return self.back(self.flat(x, self.lowest(x)).max(3))

    def max_grad(self, x, y, dy, *_):
        return self.spread(self.chosen(x) * self.last(dy)[:, :, :, None, :], x)

    def max_grad_grad(self, x, y, g, *_):
        return self.back((self.chosen(x) * self.flat(g, 0.0)).sum(3))

    def inside(self, x):
        return self.flat(np.ones(x.shape), 0.0)

    def avg(self, x):
        return self.back(self.flat(x, 0.0).sum(3) / self.inside(x).sum(3))

    def avg_grad(self, sizes, dy):
        x = np.ones(tuple(sizes))
        inside = self.inside(x)
        share = self.last(dy) / inside.sum(3)
        return self.spread(inside * share[:, :, :, None, :], x)


def rows(x, p, id, dtypes=None, dtypes_max=None):
    y = p.max(np.zeros(x)).shape
    named = p.attrs["padding"] != "EXPLICIT"

    def one(op, inputs, compute, **more):
        more = {"dtypes": dtypes, "tol": 2.0, **more}
        return case(op, *inputs, numpy=compute, attrs=p.attrs, id=id, **more)

    result = [
        one("MaxPool", (distinct(*x),), p.max, dtypes=dtypes_max or dtypes),
        one("MaxPoolGrad", (distinct(*x), f32(*y), f32(*y)), p.max_grad),
    ]
    if named:
        result += [
            one("MaxPoolGradGrad", (distinct(*x), f32(*y), f32(*x)), p.max_grad_grad),
            one("AvgPool", (f32(*x),), p.avg),
            one("AvgPoolGrad", (const(list(x)), f32(*y)), p.avg_grad),
        ]
    return result


def v2_rows(x, p, id):
    y = p.max(np.zeros(x)).shape
    attrs = {k: v for k, v in p.attrs.items() if k not in ("ksize", "strides")}
    sizes = (const(p.attrs["ksize"]), const(p.attrs["strides"]))

    def one(op, inputs, compute, **more):
        return case(op, *inputs, *sizes, numpy=compute, attrs=attrs, id=id, **more)

    return [
        one("MaxPoolV2", (distinct(*x),), p.max),
        one("MaxPoolGradV2", (distinct(*x), f32(*y), f32(*y)), p.max_grad),
        one("MaxPoolGradGradV2", (distinct(*x), f32(*y), f32(*x)), p.max_grad_grad),
    ]


HALVES = Pooling((2, 2), (2, 2), "VALID")
REALS = (*FLOATS, "int32", "int64", "uint8", "int8", "int16", "uint16")
CASES = [
    *rows((2, 4, 6, 3), HALVES, "halves", FLOATS, REALS),
    *rows((1, 5, 4, 2), Pooling((3, 2), (1, 1), "SAME"), "overlapping"),
    *rows((2, 7, 5, 1), Pooling((2, 3), (3, 2), "SAME"), "same"),
    *rows((1, 5, 5, 2), Pooling((3, 3), (2, 2), "VALID"), "valid"),
    *rows((2, 3, 4, 4), Pooling((2, 2), (2, 2), "SAME", nchw=True), "nchw"),
    *rows((1, 4, 4, 2), Pooling((3, 3), (2, 2), [(1, 2), (0, 1)]), "explicit"),
    *v2_rows((2, 4, 6, 3), HALVES, "halves"),
    *v2_rows((1, 3, 4, 4), Pooling((2, 2), (1, 2), "SAME", nchw=True), "nchw"),
    case(
        "MaxPool",
        f32(1, 9, 9, 77),
        numpy=Pooling((3, 3), (2, 2), "SAME").max,
        attrs=Pooling((3, 3), (2, 2), "SAME").attrs,
        grad=False,
        empty=[(f32(0, 4, 4, 3),), (f32(1, 4, 4, 0),)],
        refuses=[(f32(4, 4, 3),)],
        id="many_channels",
    ),
    case(
        "MaxPool",
        f32(1, 4, 4, 2),
        numpy=HALVES.max,
        attrs=HALVES.attrs,
        refuses=[(f32(1, 1, 4, 2),)],
        id="small",
    ),
    case(
        "MaxPoolGrad",
        distinct(1, 4, 4, 2),
        f32(1, 2, 2, 2),
        f32(1, 2, 2, 2),
        numpy=HALVES.max_grad,
        attrs=HALVES.attrs,
        refuses=[(f32(1, 4, 4, 2), f32(1, 2, 2, 2), f32(1, 2, 3, 2))],
        id="shapes",
    ),
    case(
        "AvgPool",
        f32(1, 8, 8, 40),
        numpy=Pooling((3, 3), (2, 2), "SAME").avg,
        attrs=Pooling((3, 3), (2, 2), "SAME").attrs,
        grad=False,
        refuses=[(f32(4, 4, 3),)],
        id="many_channels",
    ),
    case(
        "AvgPoolGrad",
        const([1, 4, 4, 2]),
        f32(1, 2, 2, 2),
        numpy=HALVES.avg_grad,
        attrs=HALVES.attrs,
        refuses=[
            (const([1, 4, 4, 2]), f32(1, 2, 3, 2)),
            (const([4, 4, 2]), f32(1, 2, 2, 2)),
        ],
        id="shapes",
    ),
]
