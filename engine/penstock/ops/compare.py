"""Comparisons of two tensors with broadcasting: a bool for each element, and no gradient."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.ops import shape_rules
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, no_gradient
from penstock.shapes import Dims


def _equality_shape(ctx: ShapeContext) -> list[Dims]:
    if ctx.attr("incompatible_shape_error"):
        return shape_rules.broadcast(ctx)
    if not all(shapes.is_fully_defined(dims) for dims in ctx.shapes):
        return [None]
    try:
        return shape_rules.broadcast(ctx)
    except ValueError:
        return [()]


def _define(name: str, export: str, doc: str, **rest: Any) -> None:
    rest.setdefault("attrs", "T: real")
    rest.setdefault("shape", shape_rules.broadcast)
    define_op(name, inputs="x: T, y: T", outputs="z: bool", export=export, doc=doc, **rest)
    no_gradient(name)


_define(
    "Equal",
    "equal math.equal",
    """Whether x equals y elementwise, with broadcasting; NaN equals nothing.

    With `incompatible_shape_error=False` shapes that do not broadcast give a scalar False.

    >>> ps.Session().run(ps.equal([1, 2], 2))
    array([False,  True])
    """,
    attrs="T: type, incompatible_shape_error: bool = True",
    shape=_equality_shape,
    commutative=True,
)
_define(
    "NotEqual",
    "not_equal math.not_equal",
    """Whether x differs from y elementwise, with broadcasting; NaN differs from everything.

    With `incompatible_shape_error=False` shapes that do not broadcast give a scalar True.

    >>> ps.Session().run(ps.not_equal([1, 2], 2))
    array([ True, False])
    """,
    attrs="T: type, incompatible_shape_error: bool = True",
    shape=_equality_shape,
    commutative=True,
)
_define(
    "Less",
    "less math.less",
    """Whether x < y elementwise, with broadcasting.

    >>> ps.Session().run(ps.less([1, 2, 3], 2))
    array([ True, False, False])
    """,
)
_define(
    "LessEqual",
    "less_equal math.less_equal",
    """Whether x <= y elementwise, with broadcasting.

    >>> ps.Session().run(ps.less_equal([1, 2, 3], 2))
    array([ True,  True, False])
    """,
)
_define(
    "Greater",
    "greater math.greater",
    """Whether x > y elementwise, with broadcasting.

    >>> ps.Session().run(ps.greater([1, 2, 3], 2))
    array([False, False,  True])
    """,
)
_define(
    "GreaterEqual",
    "greater_equal math.greater_equal",
    """Whether x >= y elementwise, with broadcasting.

    >>> ps.Session().run(ps.greater_equal([1, 2, 3], 2))
    array([False,  True,  True])
    """,
)


def _one_shape(ctx: ShapeContext) -> list[Dims]:
    return [shapes.merge(ctx.shape(0), ctx.shape(1))]


_define(
    "ApproximateEqual",
    "approximate_equal math.approximate_equal",
    """Whether |x - y| < tolerance elementwise; x and y have one shape.

    >>> ps.Session().run(ps.approximate_equal([1., 2.], [1.000001, 2.1]))
    array([ True, False])
    """,
    attrs="T: number, tolerance: float = 1e-5",
    shape=_one_shape,
    commutative=True,
)
