"""Functions of one tensor, element by element.

Most are rows of a table: op, public names, dtypes, gradient, text, an example that is run.
A row's gradient is called with the input, the output and the gradient of the output. Functions
whose gradient is easiest told by their output have gradient ops of their own (`TanhGrad`). The
functions of angles and their inverses are in `trigonometry.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert, shape_rules
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.wrappers import raw

UnaryGradient = Callable[[Tensor, Tensor, Tensor], Any]

ANALYTIC = "{floating, complex}"
SIGNED = "{floating, signed, complex}"


class Row(NamedTuple):
    """An op of one input and one output of the same dtype."""

    op: str
    export: str
    types: str
    gradient: UnaryGradient
    doc: str
    example: str
    shows: str


def conj(x: Tensor) -> Tensor:
    """Return the complex conjugate, which for a real tensor is the tensor itself."""
    return raw.Conj(x) if x.dtype.is_complex else x


def _constant_times(factor: float, x: Tensor) -> Tensor:
    result: Tensor = raw.Mul(convert.to_tensor(factor, x.dtype), x)
    return result


def _zero(x: Tensor, y: Tensor, dy: Tensor) -> Tensor:
    result: Tensor = raw.ZerosLike(x)
    return result


def _none(x: Tensor, y: Tensor, dy: Tensor) -> None:
    return None


def one_minus_square(x: Tensor) -> Tensor:
    """Return 1 - x^2."""
    result: Tensor = raw.Sub(convert.to_tensor(1.0, x.dtype), raw.Square(x))
    return result


def one_plus(x: Tensor) -> Tensor:
    """Return 1 + x."""
    result: Tensor = raw.AddV2(convert.to_tensor(1.0, x.dtype), x)
    return result


def _gaussian(x: Tensor) -> Tensor:
    """Return the derivative of erf: 2/sqrt(pi) exp(-x^2)."""
    return _constant_times(2.0 / math.sqrt(math.pi), raw.Exp(raw.Neg(raw.Square(x))))


ROWS = [
    Row(
        "Abs",
        "",
        "{floating, signed}",
        lambda x, y, dy: raw.Mul(dy, raw.Sign(x)),
        "The absolute value.",
        "ps.abs([-2., 3.])",
        "array([2., 3.], dtype=float32)",
    ),
    Row(
        "Neg",
        "negative math.negative",
        SIGNED,
        lambda x, y, dy: raw.Neg(dy),
        "Minus x.",
        "ps.negative([1., -2.])",
        "array([-1.,  2.], dtype=float32)",
    ),
    Row(
        "Sign",
        "sign math.sign",
        SIGNED,
        _zero,
        "-1, 0 or 1 by the sign of x; x / |x| for complex numbers. NaN stays.",
        "ps.sign([-3., 0., 2.])",
        "array([-1.,  0.,  1.], dtype=float32)",
    ),
    Row(
        "Square",
        "square math.square",
        "number",
        lambda x, y, dy: raw.Mul(dy, _constant_times(2.0, conj(x))),
        "x times x.",
        "ps.square([1., -3.])",
        "array([1., 9.], dtype=float32)",
    ),
    Row(
        "Sqrt",
        "sqrt math.sqrt",
        ANALYTIC,
        lambda x, y, dy: raw.SqrtGrad(y, dy),
        "The square root; NaN below 0.",
        "ps.sqrt([4., 9.])",
        "array([2., 3.], dtype=float32)",
    ),
    Row(
        "Rsqrt",
        "rsqrt math.rsqrt",
        ANALYTIC,
        lambda x, y, dy: raw.RsqrtGrad(y, dy),
        "One over the square root.",
        "ps.rsqrt([4., 0.25])",
        "array([0.5, 2. ], dtype=float32)",
    ),
    Row(
        "Reciprocal",
        "reciprocal math.reciprocal",
        "{floating, signed, complex}",
        lambda x, y, dy: raw.ReciprocalGrad(y, dy),
        "One over x.",
        "ps.reciprocal([2., -4.])",
        "array([ 0.5 , -0.25], dtype=float32)",
    ),
    Row(
        "Inv",
        "",
        "{floating, signed, complex}",
        lambda x, y, dy: raw.ReciprocalGrad(y, dy),
        "One over x: the older name of `Reciprocal`.",
        "ps.raw_ops.Inv([2., -4.])",
        "array([ 0.5 , -0.25], dtype=float32)",
    ),
    Row(
        "Exp",
        "exp math.exp",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, conj(y)),
        "e to the power of x.",
        "ps.exp([0., 1.]).round(4)",
        "array([1.    , 2.7183], dtype=float32)",
    ),
    Row(
        "Expm1",
        "expm1 math.expm1",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, conj(raw.Exp(x))),
        "exp(x) - 1, exact where x is small.",
        "ps.expm1([0., 1.]).round(4)",
        "array([0.    , 1.7183], dtype=float32)",
    ),
    Row(
        "Log",
        "log math.log",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, raw.Reciprocal(conj(x))),
        "The natural logarithm; NaN below 0.",
        "ps.log([1., 10.]).round(4)",
        "array([0.    , 2.3026], dtype=float32)",
    ),
    Row(
        "Log1p",
        "log1p math.log1p",
        ANALYTIC,
        lambda x, y, dy: raw.Mul(dy, raw.Reciprocal(one_plus(conj(x)))),
        "log(1 + x), exact where x is small.",
        "ps.log1p([0., 1.]).round(4)",
        "array([0.    , 0.6931], dtype=float32)",
    ),
    Row(
        "Sigmoid",
        "sigmoid math.sigmoid nn.sigmoid",
        ANALYTIC,
        lambda x, y, dy: raw.SigmoidGrad(conj(y), dy),
        "1 / (1 + exp(-x)): between 0 and 1.",
        "ps.sigmoid([0., 2.]).round(4)",
        "array([0.5   , 0.8808], dtype=float32)",
    ),
    Row(
        "Tanh",
        "tanh math.tanh nn.tanh",
        ANALYTIC,
        lambda x, y, dy: raw.TanhGrad(conj(y), dy),
        "The hyperbolic tangent: between -1 and 1.",
        "ps.tanh([0., 1.]).round(4)",
        "array([0.    , 0.7616], dtype=float32)",
    ),
    Row(
        "Erf",
        "erf math.erf",
        "floating",
        lambda x, y, dy: raw.Mul(dy, _gaussian(x)),
        "The Gauss error function.",
        "ps.erf([0., 1.]).round(4)",
        "array([0.    , 0.8427], dtype=float32)",
    ),
    Row(
        "Erfc",
        "erfc math.erfc",
        "floating",
        lambda x, y, dy: raw.Neg(raw.Mul(dy, _gaussian(x))),
        "1 - erf(x), exact where x is large.",
        "ps.erfc([0., 1.]).round(4)",
        "array([1.    , 0.1573], dtype=float32)",
    ),
    Row(
        "Floor",
        "floor math.floor",
        "floating",
        _none,
        "The largest whole number not above x.",
        "ps.floor([1.5, -1.5])",
        "array([ 1., -2.], dtype=float32)",
    ),
    Row(
        "Ceil",
        "ceil math.ceil",
        "floating",
        _none,
        "The smallest whole number not below x.",
        "ps.ceil([1.5, -1.5])",
        "array([ 2., -1.], dtype=float32)",
    ),
    Row(
        "Round",
        "round math.round",
        SIGNED,
        _none,
        "The nearest whole number, the even one of two.",
        "ps.round([0.5, 1.5, -1.7])",
        "array([ 0.,  2., -2.], dtype=float32)",
    ),
    Row(
        "Rint",
        "rint math.rint",
        "floating",
        _none,
        "The nearest whole number, the even one of two.",
        "ps.rint([0.5, 1.5, -1.7])",
        "array([ 0.,  2., -2.], dtype=float32)",
    ),
]


def text_of(doc: str, example: str, shows: str) -> str:
    """Return a docstring of a sentence and an example that is run."""
    call, dot, rounding = example.partition(".round(4)")
    return f"{doc}\n\n    >>> ps.Session().run({call}){dot}{rounding}\n    {shows}\n    "


def define_unary(row: Row) -> None:
    """Define the op of a row, its gradient included."""
    define_op(
        row.op,
        inputs="x: T",
        outputs="y: T",
        attrs=f"T: {row.types}",
        shape=shape_rules.same,
        export=row.export,
        doc=text_of(row.doc, row.example, row.shows),
    )
    if row.gradient is _none:
        no_gradient(row.op)
        return

    @gradient(row.op)
    def _grad(op: Operation, dy: Tensor) -> Any:
        return row.gradient(op.inputs[0], op.outputs[0], dy)


for _row in ROWS:
    define_unary(_row)


@export("abs math.abs")
def abs(x: Any, name: str | None = None) -> Tensor:
    """Return the absolute value; of a complex tensor the (real) magnitude.

    >>> ps.Session().run(ps.abs([-2, 3]))
    array([2, 3], dtype=int32)
    """
    x = convert.to_tensor(x)
    op = raw.ComplexAbs if x.dtype.is_complex else raw.Abs
    result: Tensor = op(x, name=name or "Abs")
    return result


@export("math.log_sigmoid log_sigmoid")
def log_sigmoid(x: Any, name: str | None = None) -> Tensor:
    """Return log(sigmoid(x)), which does not overflow: -softplus(-x).

    >>> ps.Session().run(ps.log_sigmoid([0.])).round(4)
    array([-0.6931], dtype=float32)
    """
    x = convert.to_tensor(x)
    result: Tensor = raw.Neg(raw.Softplus(raw.Neg(x)), name=name or "LogSigmoid")
    return result


def _define_predicate(op: str, export: str, doc: str, example: str, shows: str) -> None:
    define_op(
        op,
        inputs="x: T",
        outputs="y: bool",
        attrs="T: floating",
        shape=shape_rules.same,
        export=export,
        doc=text_of(doc, example, shows),
    )
    no_gradient(op)


_define_predicate(
    "IsFinite",
    "is_finite math.is_finite debugging.is_finite",
    "Whether an element is neither infinite nor NaN.",
    "ps.is_finite([1., float('inf')])",
    "array([ True, False])",
)
_define_predicate(
    "IsNan",
    "is_nan math.is_nan debugging.is_nan",
    "Whether an element is not a number.",
    "ps.is_nan([1., float('nan')])",
    "array([False,  True])",
)
_define_predicate(
    "IsInf",
    "is_inf math.is_inf debugging.is_inf",
    "Whether an element is plus or minus infinity.",
    "ps.is_inf([1., float('-inf')])",
    "array([False,  True])",
)
define_op(
    "LogicalNot",
    inputs="x: bool",
    outputs="y: bool",
    shape=shape_rules.same,
    export="logical_not math.logical_not",
    doc=text_of("Not x.", "ps.logical_not([True, False])", "array([False,  True])"),
)
no_gradient("LogicalNot")


def _define_gradient_op(op: str, formula: str) -> None:
    define_op(
        op,
        inputs="y: T, dy: T",
        outputs="z: T",
        attrs=f"T: {ANALYTIC}",
        shape=shape_rules.same_as_all,
        doc=f"The gradient of `{op[:-4]}` by its output y: {formula}.",
    )


_define_gradient_op("TanhGrad", "dy (1 - y^2)")
_define_gradient_op("SigmoidGrad", "dy y (1 - y)")
# Where numbers are complex, y here stands for its conjugate, which the kernel forms: these are
# not holomorphic in y, and their own gradients by it take the conjugate of dz.
_define_gradient_op("SqrtGrad", "dy / (2 y)")
_define_gradient_op("RsqrtGrad", "-dy y^3 / 2")
_define_gradient_op("ReciprocalGrad", "-dy y^2")
_define_gradient_op("InvGrad", "-dy y^2")


@gradient("TanhGrad")
def _tanh_grad_grad(op: Operation, dz: Tensor) -> Any:
    y, dy = conj(op.inputs[0]), conj(op.inputs[1])
    return _constant_times(-2.0, raw.Mul(raw.Mul(dz, dy), y)), raw.TanhGrad(y, dz)


@gradient("SigmoidGrad")
def _sigmoid_grad_grad(op: Operation, dz: Tensor) -> Any:
    y, dy = conj(op.inputs[0]), conj(op.inputs[1])
    scaled = raw.Mul(dz, dy)
    slope = raw.Sub(scaled, _constant_times(2.0, raw.Mul(scaled, y)))
    return slope, raw.SigmoidGrad(y, dz)


@gradient("SqrtGrad")
def _sqrt_grad_grad(op: Operation, dz: Tensor) -> Any:
    y = conj(op.inputs[0])
    slope = raw.Neg(raw.Mul(conj(dz), raw.RealDiv(op.outputs[0], y)))
    return slope, raw.SqrtGrad(y, dz)


@gradient("RsqrtGrad")
def _rsqrt_grad_grad(op: Operation, dz: Tensor) -> Any:
    y, scaled = conj(op.inputs[0]), raw.Mul(conj(dz), op.inputs[1])
    slope = _constant_times(-1.5, raw.Mul(scaled, raw.Square(y)))
    return slope, raw.RsqrtGrad(y, dz)


@gradient("ReciprocalGrad", "InvGrad")
def _reciprocal_grad_grad(op: Operation, dz: Tensor) -> Any:
    y, scaled = conj(op.inputs[0]), raw.Mul(conj(dz), op.inputs[1])
    return _constant_times(-2.0, raw.Mul(scaled, y)), raw.ReciprocalGrad(y, dz)
