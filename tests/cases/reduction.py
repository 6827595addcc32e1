"""Rows of reductions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import (
    COMPLEX,
    FLOAT2,
    INTEGERS,
    NUMBERS,
    REALS,
    Case,
    bools,
    case,
    const,
    distinct,
    f32,
    fed,
    uniform,
)

REFUSES = [
    (f32(2, 3), const(2)),
    (f32(2, 3), const([-3])),
    (f32(2, 3), const([1, -1])),
    (f32(2, 3), const([[0]])),
]


def over(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fn` over axes given as an array."""

    def reference(x: Any, axes: Any, keep_dims: bool = False) -> Any:
        names = tuple(np.atleast_1d(axes).astype(int))
        return fn(x, axis=names, keepdims=keep_dims) if names else fn(x[..., None], axis=-1)

    return reference


def wrapped_mean(x: Any, axis: Any, keepdims: bool = False) -> Any:
    """Return the mean; of integers rounded towards 0."""
    mean = np.mean(x, axis=axis, keepdims=keepdims)
    return np.trunc(mean) if x.dtype.kind in "iu" else mean


def norm(x: Any, axis: Any, keepdims: bool = False) -> Any:
    """Return the square root of the sum of squares, which wraps around where numbers are whole."""
    total = np.sum(x * np.conj(x), axis=axis, keepdims=keepdims, dtype=x.dtype)
    return np.sqrt(np.maximum(total.real, 0))


def rows(
    op: str, fn: Callable[..., Any], dtypes: tuple[str, ...], made: Any, tol: float
) -> list[Any]:
    """Return the rows that every reduction has: the axes that take different paths."""
    several = [
        ("last", (4, 70), 1, {}),
        ("first", (90, 5), [0], {}),
        ("middle", (2, 3, 4), [1], {"keep_dims": True}),
        ("outer", (3, 2, 2, 2), [0, -1], {}),
        ("none", (2, 3), np.array([], np.int32), {}),
    ]
    first = case(
        op,
        made(3, 4),
        const([0, 1]),
        numpy=over(fn),
        dtypes=dtypes,
        tol=tol,
        refuses=REFUSES,
        grad2=op not in ("Max", "Min"),
    )
    others = [
        case(
            op,
            made(*shape),
            const(axes),
            numpy=over(fn),
            attrs=attrs,
            dtypes=FLOAT2,
            tol=3 * tol,
            grad=shape[0] < 10 and shape[1] < 10,
            grad2=op not in ("Max", "Min"),
            id=name,
        )
        for name, shape, axes, attrs in several
    ]
    return [first, *others]


def small(*shape: int) -> Any:
    """Return an input whose products stay moderate."""
    return uniform(0.8, 1.3, *shape)


def empty(op: str, value: float) -> Case:
    """Return the row of a reduction of no numbers at all; integers have no such value."""
    return case(
        op,
        f32(0, 3),
        const(0),
        numpy=lambda *_: np.full(3, value),
        grad=False,
        not_for=(*INTEGERS, *COMPLEX),
        id="empty",
    )


CASES = [
    *rows("Sum", np.sum, NUMBERS, f32, 3.0),
    *rows("Mean", wrapped_mean, (*REALS, "complex64"), f32, 3.0),
    *rows("Prod", np.prod, (*FLOAT2, "int64", "complex128"), small, 10.0),
    *rows("Max", np.max, REALS, distinct, 1.0),
    *rows("Min", np.min, REALS, distinct, 1.0),
    *rows("EuclideanNorm", norm, FLOAT2, f32, 3.0),
    case(
        "Prod",
        fed([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0]], "float64"),
        const(1, "int32"),
        numpy=over(np.prod),
        dtypes=["float64"],
        grad2=False,
        id="zeros",
    ),
    case("Max", fed([1.0, np.nan, 2.0]), const(0), numpy=over(np.max), grad=False, id="nan"),
    case(
        "Sum", f32(100, 300), const([0, 1]), numpy=over(np.sum), tol=100.0, grad=False, id="large"
    ),
    case("Sum", f32(700, 90), const(0), numpy=over(np.sum), tol=100.0, grad=False, id="columns"),
    case("Sum", f32(0, 3), const(0), numpy=over(np.sum), grad=False, id="empty"),
    empty("Mean", np.nan),
    case("Prod", f32(0, 3), const(0), numpy=over(np.prod), grad=False, id="empty"),
    empty("Max", -np.inf),
    empty("Min", np.inf),
    case("Sum", f32(2, 3), fed(1), numpy=over(np.sum), id="fed-axis"),
    case(
        "Sum",
        fed([2**31 - 1, 1], "int32"),
        const(0),
        numpy=lambda *_: -(2**31),
        grad=False,
        id="wraps",
    ),
    *[
        case(
            op,
            bools(4, 5),
            const(axes),
            numpy=over(fn),
            empty=[(bools(0, 5), const(0))] if axes == 0 else [],
            refuses=[(bools(2, 3), const(2))],
            id=str(axes),
        )
        for op, fn in (("All", np.all), ("Any", np.any))
        for axes in (0, 1)
    ],
]
