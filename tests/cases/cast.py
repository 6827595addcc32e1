"""Rows of Cast: from several dtypes to every dtype, and what a dtype cannot hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import penstock as ps
from tests.cases import EVERY, PLAIN, Case, case, distinct, f32, fed

SOURCES = ("float32", "float64", "bfloat16", "int32", "uint8", "int64", "bool", "complex64")


def converted(target: str) -> Callable[[Any], Any]:
    """Return the conversion by way of int64 for integers: fractions and high bits are lost."""
    dtype = ps.as_dtype(target)

    def convert(x: Any) -> Any:
        if dtype is ps.bool:
            return x != 0
        if not dtype.is_complex and x.dtype.kind == "c":
            x = x.real
        if dtype.is_integer:
            return np.trunc(x).astype(np.int64).astype(dtype.numpy_dtype)
        return x.astype(np.complex128 if dtype.is_complex else np.float64)

    return convert


def to(target: str) -> Case:
    """Return the row of one target."""
    return case(
        "Cast",
        distinct(3, 5),
        numpy=converted(target),
        attrs={"DstT": ps.as_dtype(target)},
        dtypes=SOURCES,
        grad=target == "float64",
        empty=[(f32(0, 2),)],
        id=target,
    )


def beyond(target: str, wanted: list[int]) -> Case:
    """Return a row of floats that an integer cannot hold."""
    return case(
        "Cast",
        fed([np.nan, np.inf, -np.inf, 1e10, -1e10, 300.7, -1.5, 1e20], "float32"),
        numpy=lambda x: np.array(wanted, ps.as_dtype(target).numpy_dtype),
        attrs={"DstT": ps.as_dtype(target)},
        dtypes=("float32", "float64"),
        grad=False,
        not_for=EVERY,
        id=f"beyond-{target}",
    )


def truncated(source: str, target: str, value: float, wanted: float) -> Case:
    """Return a row with attribute Truncate."""
    return case(
        "Cast",
        fed([value, -value], source),
        numpy=lambda x: np.array([wanted, -wanted]),
        attrs={"DstT": ps.as_dtype(target), "Truncate": True},
        dtypes=(source,),
        tol=0.0,
        grad=False,
        not_for=EVERY,
        id=f"truncate-{source}-{target}",
    )


LEAST32, LEAST64 = -(2**31), -(2**63)

CASES = [
    *[to(target) for target in PLAIN],
    beyond("int8", [0, 0, 0, 0, 0, 44, -1, 0]),
    beyond("uint8", [0, 0, 0, 0, 0, 44, 255, 0]),
    beyond("int16", [0, 0, 0, 0, 0, 300, -1, 0]),
    beyond("int32", [LEAST32] * 5 + [300, -1, LEAST32]),
    beyond("int64", [LEAST64] * 3 + [10**10, -(10**10), 300, -1, LEAST64]),
    truncated("float32", "bfloat16", 1.0 + 2**-8 + 2**-9, 1.0),
    truncated("float32", "float16", 1.0 + 2**-11 + 2**-12, 1.0),
    truncated("float64", "float32", 1.0 + 2**-24 + 2**-25, 1.0),
    truncated("float64", "float16", 1.0 + 2**-11 + 2**-12, 1.0),
    truncated("float64", "bfloat16", 1.0 + 2**-8 + 2**-9, 1.0),
]
