"""Division and remainder, for integers and floats, and its variants that avoid NaN."""

from __future__ import annotations

from typing import Any

from penstock.exports import export, export_value
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.binary import define_binary, one_where_not_zero
from penstock.ops.broadcasting import sum_to_shapes_of
from penstock.ops.overloads import true_divide
from penstock.ops.registry import gradient, no_gradient
from penstock.ops.unary import conj
from penstock.ops.wrappers import raw

define_binary(
    "RealDiv",
    "number",
    """x / y elementwise, with broadcasting.

    >>> ps.Session().run(ps.realdiv([1., 3.], 2.))
    array([0.5, 1.5], dtype=float32)
    """,
    export="realdiv",
)
define_binary("Div", "number", "x / y; integers are cut off towards 0. See `RealDiv`.")


@gradient("RealDiv", "Div")
def _real_div_grad(op: Operation, dz: Tensor) -> Any:
    x, y = conj(op.inputs[0]), conj(op.inputs[1])
    dx = raw.RealDiv(dz, y)
    dy = raw.Mul(dz, raw.RealDiv(raw.RealDiv(raw.Neg(x), y), y))
    return sum_to_shapes_of(op.inputs[0], dx, op.inputs[1], dy)


export_value("truediv math.truediv", true_divide)


@export("divide math.divide")
def divide(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return x / y in Python 3's sense: integers are converted to floats first.

    >>> ps.Session().run(ps.divide([1, 3], 2))
    array([0.5, 1.5])
    """
    return true_divide(x, y, name)


@export("div")
def div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return x / y in Python 2's sense: integers give the floor of the quotient.

    >>> ps.Session().run(ps.div([7, -7], 2))
    array([ 3, -4], dtype=int32)
    """
    if isinstance(y, Tensor) and not isinstance(x, Tensor):
        x = convert.to_tensor(x, y.dtype.base_dtype)
    x = convert.to_tensor(x)
    y = convert.to_tensor(y, x.dtype.base_dtype)
    op = raw.FloorDiv if x.dtype.is_integer else raw.RealDiv
    result: Tensor = op(x, y, name=name or "div")
    return result


define_binary(
    "FloorDiv",
    "number",
    """The floor of x / y elementwise, with broadcasting: Python's `//`.

    >>> ps.Session().run(ps.floordiv([7, -7], 2))
    array([ 3, -4], dtype=int32)
    """,
    export="floordiv math.floordiv floor_div",
)
define_binary(
    "TruncateDiv",
    "number",
    """x / y of integers, cut off towards 0: C's `/`.

    >>> ps.Session().run(ps.truncatediv([7, -7], 2))
    array([ 3, -3], dtype=int32)
    """,
    export="truncatediv",
)
no_gradient("FloorDiv", "TruncateDiv")

define_binary(
    "FloorMod",
    "real",
    """What `floordiv` leaves, with the sign of y: Python's `%`.

    >>> ps.Session().run(ps.mod([7, -7], 3))
    array([1, 2], dtype=int32)
    """,
    export="floormod math.floormod mod math.mod",
)
define_binary(
    "TruncateMod",
    "{floating, int32, int64}",
    """What `truncatediv` leaves, with the sign of x: C's `%`.

    >>> ps.Session().run(ps.truncatemod([7, -7], 3))
    array([ 1, -1], dtype=int32)
    """,
    export="truncatemod",
)
define_binary("Mod", "{floating, int32, int64}", "The older name of `TruncateMod`.")


@gradient("FloorMod", "TruncateMod", "Mod")
def _mod_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    quotient = raw.Rint(raw.RealDiv(raw.Sub(x, op.outputs[0]), y))
    return sum_to_shapes_of(x, dz, y, raw.Neg(raw.Mul(dz, quotient)))


define_binary(
    "DivNoNan",
    "{floating, complex}",
    """x / y, and 0 where y is 0.

    >>> ps.Session().run(ps.div_no_nan([1., 2.], [0., 4.]))
    array([0. , 0.5], dtype=float32)
    """,
    export="div_no_nan math.divide_no_nan",
)


@gradient("DivNoNan")
def _div_no_nan_grad(op: Operation, dz: Tensor) -> Any:
    x, y = conj(op.inputs[0]), conj(op.inputs[1])
    dy = raw.Mul(dz, raw.DivNoNan(raw.DivNoNan(raw.Neg(x), y), y))
    return sum_to_shapes_of(op.inputs[0], raw.DivNoNan(dz, y), op.inputs[1], dy)


define_binary(
    "Xdivy",
    "{floating, complex}",
    """x / y, and 0 where x is 0, even if y is.

    >>> ps.Session().run(ps.math.xdivy([0., 2.], [0., 4.]))
    array([0. , 0.5], dtype=float32)
    """,
    export="math.xdivy",
)


@gradient("Xdivy")
def _xdivy_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    dx = raw.Mul(dz, conj(raw.Xdivy(one_where_not_zero(x), y)))
    dy = raw.Mul(dz, conj(raw.Xdivy(raw.Neg(x), raw.Square(y))))
    return sum_to_shapes_of(x, dx, y, dy)
