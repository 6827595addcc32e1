"""Kernels on the arrays of an array module: NumPy, CuPy or another with the same functions.

One file a family, named as in `kernels/cpu/` and `ops/`. A device type that lists the table
`ARRAY` among its own has all of them. Inputs are never written to; results are fresh or views.
"""

from __future__ import annotations

from penstock.kernels.array import (
    activation,
    bias,
    binary,
    cast,
    clipping,
    compare,
    complex,
    constants,
    division,
    indexing,
    joining,
    loss,
    matmul,
    padding,
    reduction,
    scan,
    scatter,
    segments,
    select,
    shape,
    slicing,
    softmax,
    state,
    sums,
    training,
    transpose,
    unary,
)
from penstock.kernels.array.table import ARRAY

__all__ = [
    "ARRAY",
    "activation",
    "bias",
    "binary",
    "cast",
    "clipping",
    "compare",
    "complex",
    "constants",
    "division",
    "indexing",
    "joining",
    "loss",
    "matmul",
    "padding",
    "reduction",
    "scan",
    "scatter",
    "segments",
    "select",
    "shape",
    "slicing",
    "softmax",
    "state",
    "sums",
    "training",
    "transpose",
    "unary",
]
