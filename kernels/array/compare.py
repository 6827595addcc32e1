"""Comparisons of two operands with broadcasting."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    NUMBERS,
    PLAIN,
    REALS,
    broadcast_shape,
    elementwise,
    kernel,
    require,
    shape_text,
)


def _lenient(equal: bool) -> Any:
    def compute(xp: Any, node: KernelNode, x: Array, y: Array) -> Array:
        if node.attrs.get("incompatible_shape_error", True):
            broadcast_shape(x.shape, y.shape)
        else:
            try:
                np.broadcast_shapes(x.shape, y.shape)
            except ValueError:
                return xp.asarray(not equal)
        return x == y if equal else x != y

    return compute


@kernel("ApproximateEqual", T=NUMBERS)
def _approximate_equal(xp: Any, node: KernelNode, x: Array, y: Array) -> Array:
    require(
        x.shape == y.shape,
        f"x and y must have the same shape, got {shape_text(x.shape)} and {shape_text(y.shape)}",
    )
    if x.dtype.kind in "iu":
        unsigned = np.dtype(x.dtype.name.replace("uint", "int").replace("int", "uint"))
        a, b = x.astype(unsigned), y.astype(unsigned)
        distance = xp.where(x > y, a - b, b - a).astype(np.float64)
    else:
        kind = x.dtype if x.dtype.kind == "c" else np.float64
        distance = xp.abs(x.astype(kind) - y.astype(kind)).astype(np.float64)
    return distance < node.attrs.get("tolerance", 1e-5)


kernel("Equal", T=PLAIN)(_lenient(True))
kernel("NotEqual", T=PLAIN)(_lenient(False))
elementwise(
    {
        "Less": lambda xp, x, y: x < y,
        "LessEqual": lambda xp, x, y: x <= y,
        "Greater": lambda xp, x, y: x > y,
        "GreaterEqual": lambda xp, x, y: x >= y,
    },
    T=REALS,
)
