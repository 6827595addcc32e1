"""Assertions in a graph: `Assert`, and the comparisons that use it.

Each returns an operation that fails, when it runs, with `InvalidArgumentError` and the values;
what is known to be wrong while building raises at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import errors
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import control, convert, static_values
from penstock.ops.infer import ShapeContext
from penstock.ops.reduction import reduce_all
from penstock.ops.registry import define_op, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _assert_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 0)
    return []


define_op(
    "Assert",
    inputs="condition: bool, data: T...",
    attrs="T: list(type) >= 1, summarize: int = 3",
    shape=_assert_shape,
    stateful=True,
    doc="Fail with `InvalidArgumentError` and the data unless the condition holds.",
)
no_gradient("Assert")


@export("Assert debugging.Assert")
def Assert(
    condition: Any, data: Any, summarize: int | None = None, name: str | None = None
) -> Operation:
    """Return an operation that fails unless `condition` holds; the message shows `data`.

    `data` is a list of tensors or values, of which `summarize` elements each (3 by default)
    are shown. Put it under `control_dependencies` to run it before something else.

    >>> x = ps.placeholder(ps.float32)
    >>> with ps.control_dependencies([ps.Assert(x > 0., [x])]):
    ...     y = ps.sqrt(x)
    >>> print(ps.Session().run(y, {x: 4.0}))
    2.0
    """
    result: Operation = raw.Assert(
        condition, list(data), summarize=3 if summarize is None else summarize, name=name
    )
    return result


def _compare(
    op: str, sign: str, x: Any, y: Any, data: Any, summarize: int | None, message: str | None
) -> Operation:
    """Return an assertion that `x sign y` holds for all elements."""
    left = convert.to_tensor(x, name="x")
    right = convert.to_tensor(y, left.dtype.base_dtype, name="y")
    said = [message] if message else []
    rule = f"Condition x {sign} y did not hold element-wise:"
    holds = _known(op, left, right)
    if holds:
        return control.group(name="static_checks_determined_all_ok")
    if holds is False:
        values = [f"{t.name} = {static_values.constant_value(t)}" for t in (left, right)]
        raise errors.InvalidArgumentError(None, None, "\n".join([*said, rule, *values]))
    shown = (
        [*said, rule, f"x ({left.name}) = ", left, f"y ({right.name}) = ", right]
        if data is None
        else [*said, *data]
    )
    return Assert(reduce_all(getattr(raw, op)(left, right)), shown, summarize)


_NUMPY = {
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
}


def _known(op: str, left: Tensor, right: Tensor) -> bool | None:
    """Return whether the comparison holds, None when that is not known while building."""
    values = [static_values.constant_value(t) for t in (left, right)]
    if values[0] is None or values[1] is None:
        return None
    try:
        return bool(np.all(_NUMPY[op](values[0], values[1])))
    except ValueError:  # shapes that do not broadcast: the op says so
        return None


@export("assert_equal debugging.assert_equal")
def assert_equal(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x == y`` everywhere.

    >>> ps.Session().run(ps.assert_equal(ps.constant([1, 2]), [1, 2])) is None
    True
    """
    with control.under("assert_equal", name, x, y):
        return _compare("Equal", "==", x, y, data, summarize, message)


@export("assert_none_equal debugging.assert_none_equal")
def assert_none_equal(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x != y`` everywhere."""
    with control.under("assert_none_equal", name, x, y):
        return _compare("NotEqual", "!=", x, y, data, summarize, message)


@export("assert_less debugging.assert_less")
def assert_less(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x < y`` everywhere."""
    with control.under("assert_less", name, x, y):
        return _compare("Less", "<", x, y, data, summarize, message)


@export("assert_less_equal debugging.assert_less_equal")
def assert_less_equal(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x <= y`` everywhere."""
    with control.under("assert_less_equal", name, x, y):
        return _compare("LessEqual", "<=", x, y, data, summarize, message)


@export("assert_greater debugging.assert_greater")
def assert_greater(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x > y`` everywhere."""
    with control.under("assert_greater", name, x, y):
        return _compare("Greater", ">", x, y, data, summarize, message)


@export("assert_greater_equal debugging.assert_greater_equal")
def assert_greater_equal(
    x: Any,
    y: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x >= y`` everywhere."""
    with control.under("assert_greater_equal", name, x, y):
        return _compare("GreaterEqual", ">=", x, y, data, summarize, message)


def _with_zero(
    op: str, sign: str, x: Any, data: Any, summarize: int | None, message: str | None
) -> Operation:
    value = convert.to_tensor(x, name="x")
    zero = convert.to_tensor(np.zeros((), value.dtype.base_dtype.numpy_dtype))
    return _compare(op, sign, value, zero, data, summarize, message)


@export("assert_positive debugging.assert_positive")
def assert_positive(
    x: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x > 0`` everywhere."""
    with control.under("assert_positive", name, x):
        return _with_zero("Greater", ">", x, data, summarize, message)


@export("assert_negative debugging.assert_negative")
def assert_negative(
    x: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x < 0`` everywhere."""
    with control.under("assert_negative", name, x):
        return _with_zero("Less", "<", x, data, summarize, message)


@export("assert_non_negative debugging.assert_non_negative")
def assert_non_negative(
    x: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x >= 0`` everywhere."""
    with control.under("assert_non_negative", name, x):
        return _with_zero("GreaterEqual", ">=", x, data, summarize, message)


@export("assert_non_positive debugging.assert_non_positive")
def assert_non_positive(
    x: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless ``x <= 0`` everywhere."""
    with control.under("assert_non_positive", name, x):
        return _with_zero("LessEqual", "<=", x, data, summarize, message)


@export("assert_rank debugging.assert_rank")
def assert_rank(
    x: Any,
    rank: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless `x` has that rank; `ValueError` if known not to."""
    with control.under("assert_rank", name, x):
        return _check_rank("Equal", "rank", x, rank, data, summarize, message)


@export("assert_rank_at_least debugging.assert_rank_at_least")
def assert_rank_at_least(
    x: Any,
    rank: Any,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Return an operation that fails unless `x` has that rank or a higher one."""
    with control.under("assert_rank_at_least", name, x):
        return _check_rank("GreaterEqual", "rank at least", x, rank, data, summarize, message)


def _check_rank(
    op: str,
    what: str,
    x: Any,
    rank: Any,
    data: Any,
    summarize: int | None,
    message: str | None,
) -> Operation:
    value = convert.to_tensor(x, name="x")
    wanted = convert.to_tensor(rank, name="rank")
    said = [message] if message else []
    known, number = value.shape.ndims, static_values.constant_value(wanted)
    if known is not None and number is not None:
        if _NUMPY[op](known, number):
            return control.group(name="static_checks_determined_all_ok")
        text = f"tensor {value.name} must have {what} {number}, its shape is {value.shape}"
        raise errors.ShapeError(None, None, ". ".join([*said, text]))
    shown = [*said, f"Tensor {value.name} must have {what}", wanted, "Received shape: "]
    shown = [*shown, raw.Shape(value)] if data is None else [*said, *data]
    return Assert(getattr(raw, op)(raw.Rank(value), wanted), shown, summarize)
