"""Rows of arithmetic of two tensors, and of logic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import (
    COMPLEX,
    FLOATS,
    INTEGERS,
    NUMBERS,
    REALS,
    SIGNED,
    Case,
    Input,
    bools,
    case,
    distinct,
    f32,
    fed,
    ints,
    positive,
    strings,
)

SPECIAL = [
    fed([np.inf, np.inf, np.nan, 1.0, 0.0, 0.0, -np.inf], "float32"),
    fed([np.inf, -np.inf, 2.0, np.nan, 0.0, np.inf, 3.0], "float32"),
]


OLDER_ADD = tuple(d for d in NUMBERS if d not in ("uint16", "uint32", "uint64"))


def broadcasting(
    op: str,
    numpy: Callable[..., Any],
    x: Callable[..., Input],
    y: Callable[..., Input],
    **rest: Any,
) -> list[Case]:
    """Return rows for each way in which the loops run: one shape, rows, columns, both, scalars."""
    dtypes = rest.pop("dtypes", NUMBERS)
    refuses = [(x(2, 3), y(2)), (x(4), y(3))]
    return [
        case(
            op,
            x(3, 5),
            y(3, 5),
            numpy=numpy,
            dtypes=dtypes,
            empty=[(x(0, 3), y(3)), (x(2, 0, 3), y(2, 1, 3))],
            refuses=refuses,
            **rest,
        ),
        case(op, x(4, 3), y(3), numpy=numpy, id="row", **rest),
        case(op, x(3, 1), y(3, 4), numpy=numpy, id="column", **rest),
        case(op, x(2, 1, 3), y(4, 1), numpy=numpy, id="outer", **rest),
        case(op, x(), y(2, 3), numpy=numpy, id="scalar-left", **rest),
        case(op, x(2, 3), y(), numpy=numpy, id="scalar-right", **rest),
        case(op, x(700, 8), y(8), numpy=numpy, grad=False, id="short-rows", **_without(rest)),
        case(op, x(40, 1, 300), y(7, 1), numpy=numpy, grad=False, id="large", **_without(rest)),
    ]


def _without(rest: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in rest.items() if k not in ("grad", "grad2")}


def maximum(x: Any, y: Any) -> Any:
    """Return the larger, NaN where either is NaN."""
    return np.maximum(x, y)


def xlogy(x: Any, y: Any) -> Any:
    """Return x log(y), 0 where x is 0."""
    return np.where(x == 0, 0, x * np.log(np.where(x == 0, 1, y)))


CASES = [
    *broadcasting("Add", np.add, f32, f32, dtypes=OLDER_ADD),
    *broadcasting("AddV2", np.add, f32, f32),
    *broadcasting("Sub", np.subtract, f32, f32),
    *broadcasting("Mul", np.multiply, f32, f32),
    *broadcasting(
        "SquaredDifference",
        lambda x, y: np.abs(x - y) ** 2,
        f32,
        f32,
        dtypes=(*FLOATS, "int32", "int64", *COMPLEX),
    ),
    *broadcasting("Maximum", maximum, distinct, f32, dtypes=REALS),
    *broadcasting("Minimum", np.minimum, distinct, f32, dtypes=REALS),
    *broadcasting("Pow", np.power, positive, f32, dtypes=(*FLOATS, *COMPLEX), not_for=INTEGERS),
    *broadcasting("MulNoNan", np.multiply, f32, positive, dtypes=(*FLOATS, *COMPLEX)),
    *broadcasting("Xlogy", xlogy, positive, positive, dtypes=(*FLOATS, *COMPLEX)),
    *broadcasting("Atan2", np.arctan2, positive, f32, dtypes=FLOATS),
    case(
        "Add", strings("a", "b"), strings("c"), check=lambda z: _equal(z[0], [b"ac", b"bc"]), id="s"
    ),
    case("AddV2", *SPECIAL, numpy=np.add, grad=False, id="special"),
    case("Maximum", *SPECIAL, numpy=np.maximum, dtypes=FLOATS, grad=False, id="special"),
    case("Minimum", *SPECIAL, numpy=np.minimum, dtypes=FLOATS, grad=False, id="special"),
    case("Pow", *SPECIAL, numpy=np.power, dtypes=("float32", "float64"), grad=False, id="special"),
    case(
        "Pow",
        fed([-2.0, -2.0, -2.0, 0.0, -0.0, 2.0, -8.0], "float32"),
        fed([3.0, 2.0, 0.5, -1.0, -3.0, 100.0, 1.0 / 3.0], "float32"),
        numpy=lambda x, y: np.power(x, y),
        dtypes=("float32",),
        not_for=COMPLEX,
        check=lambda z: _equal(np.isnan(z[0]), [False, False, True, False, False, False, True]),
        grad=False,
        id="signs",
    ),
    case(
        "Pow",
        ints(-3, 3, 20),
        ints(0, 4, 20),
        numpy=np.power,
        dtypes=SIGNED,
        refuses=[(fed([2, 2]), fed([1, -1]))],
        grad=False,
        id="int",
    ),
    case(
        "Pow",
        fed([0.0, 2.0], "float64"),
        fed([2.0, 3.0], "float64"),
        numpy=np.power,
        id="zero",
        grad=(0,),
    ),
    case(
        "Mul",
        fed([2**31 - 1]),
        fed([2]),
        numpy=lambda x, y: np.array([-2]),
        grad=False,
        id="wraps",
    ),
    case(
        "MulNoNan",
        fed([np.nan, np.inf, 2.0], "float32"),
        fed([0.0, 0.0, 3.0], "float32"),
        numpy=lambda x, y: np.array([0.0, 0.0, 6.0]),
        dtypes=FLOATS,
        grad=False,
        id="zeros",
    ),
    case(
        "Xlogy",
        fed([0.0, 0.0, 2.0], "float32"),
        fed([0.0, -1.0, 1.0], "float32"),
        numpy=lambda x, y: np.zeros(3),
        dtypes=FLOATS,
        grad=False,
        id="zeros",
    ),
    case("LogicalAnd", bools(3, 4), bools(4), numpy=np.logical_and, empty=[(bools(0), bools(1))]),
    case("LogicalOr", bools(3, 1), bools(3, 4), numpy=np.logical_or, empty=[(bools(0), bools(1))]),
]


def _equal(actual: Any, wanted: Any) -> None:
    np.testing.assert_array_equal(actual, wanted)
