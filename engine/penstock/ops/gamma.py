"""The gamma function's logarithm and derivatives, zeta, incomplete gamma and beta functions.

Digamma is the derivative of `lgamma`, `polygamma(n, x)` the n-th derivative of digamma; zeta is
what they are made of. By the order of a polygamma or zeta function there is no gradient.
"""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert, shape_rules
from penstock.ops.broadcasting import sum_to_shape_of, sum_to_shapes_of
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.unary import Row, define_unary
from penstock.ops.wrappers import raw
from penstock.shapes import Dims

for _row in (
    Row(
        "Lgamma",
        "lgamma math.lgamma",
        "floating",
        lambda x, y, dy: raw.Mul(dy, raw.Digamma(x)),
        "The logarithm of the absolute value of the gamma function; infinite at 0, -1, -2, ...",
        "ps.lgamma([1., 5., 0.5]).round(4)",
        "array([0.    , 3.1781, 0.5724], dtype=float32)",
    ),
    Row(
        "Digamma",
        "digamma math.digamma",
        "floating",
        lambda x, y, dy: raw.Mul(dy, _polygamma_of(1, x)),
        "The derivative of `lgamma`; NaN at 0, -1, -2, ...",
        "ps.digamma([1., 5.]).round(4)",
        "array([-0.5772,  1.5061], dtype=float32)",
    ),
):
    define_unary(_row)


def _polygamma_of(order: int, x: Tensor) -> Tensor:
    """Return polygamma of an order; for 16-bit floats by way of float32."""
    result: Tensor
    if x.dtype.size == 2:
        wide = raw.Cast(x, DstT="float32")
        result = raw.Cast(raw.Polygamma(convert.to_tensor(order, wide.dtype), wide), DstT=x.dtype)
    else:
        result = raw.Polygamma(convert.to_tensor(order, x.dtype), x)
    return result


define_op(
    "Polygamma",
    inputs="a: T, x: T",
    outputs="z: T",
    attrs="T: float2",
    shape=shape_rules.broadcast,
    export="polygamma math.polygamma",
    doc="""The a-th derivative of `digamma` at x; NaN unless a is 0, 1, 2, ...

    >>> ps.Session().run(ps.polygamma([0., 1.], [1., 1.])).round(4)
    array([-0.5772,  1.6449], dtype=float32)
    """,
)
define_op(
    "Zeta",
    inputs="x: T, q: T",
    outputs="z: T",
    attrs="T: float2",
    shape=shape_rules.broadcast,
    export="zeta math.zeta",
    doc="""Hurwitz' zeta function: the sum of (q + k)^-x over k = 0, 1, ...; NaN for x below 1.

    >>> ps.Session().run(ps.zeta([2., 4.], [1., 1.])).round(4)
    array([1.6449, 1.0823], dtype=float32)
    """,
)


@gradient("Polygamma")
def _polygamma_grad(op: Operation, dy: Tensor) -> Any:
    a, x = op.inputs
    slope = raw.Polygamma(raw.AddV2(a, convert.to_tensor(1, a.dtype)), x)
    return None, sum_to_shape_of(raw.Mul(dy, slope), x)


@gradient("Zeta")
def _zeta_grad(op: Operation, dy: Tensor) -> Any:
    x, q = op.inputs
    next_zeta = raw.Zeta(raw.AddV2(x, convert.to_tensor(1, x.dtype)), q)
    slope = raw.Neg(raw.Mul(x, next_zeta))
    return None, sum_to_shape_of(raw.Mul(dy, slope), q)


@export("lbeta math.lbeta")
def lbeta(x: Any, name: str | None = None) -> Tensor:
    """Return the logarithm of the beta function of the numbers along the last dimension.

    It is the sum of their `lgamma`, minus that of their sum; no numbers at all give -inf.

    >>> ps.Session().run(ps.lbeta([[1., 2.], [3., 3.]])).round(4)
    array([-0.6931, -3.4012], dtype=float32)
    """
    x = convert.to_tensor(x)
    of_sum = raw.Lgamma(raw.Sum(x, [-1]))
    result: Tensor = raw.Sub(raw.Sum(raw.Lgamma(x), [-1]), of_sum, name=name or "lbeta")
    return result


# ---- incomplete functions


def _define_incomplete_gamma(op: str, name: str, types: str, doc: str, shows: str) -> None:
    example = f"\n\n>>> ps.Session().run(ps.{name}([1.0, 2.0], [0.5, 3.0])).round(4)\n{shows}\n"
    define_op(
        op,
        inputs="a: T, x: T",
        outputs="z: T",
        attrs=f"T: {types}",
        shape=shape_rules.broadcast,
        export=f"{name} math.{name}" if name else "",
        doc=doc + (example if name else ""),
    )


_define_incomplete_gamma(
    "Igamma",
    "igamma",
    "floating",
    "The lower incomplete gamma function of order `a` at `x`, divided by gamma(a): 0 to 1.",
    "array([0.3935, 0.8009], dtype=float32)",
)
_define_incomplete_gamma(
    "Igammac",
    "igammac",
    "floating",
    "The upper incomplete gamma function of order `a` at `x`, divided by gamma(a): 1 - igamma.",
    "array([0.6065, 0.1991], dtype=float32)",
)
_define_incomplete_gamma(
    "IgammaGradA", "", "float2", "The derivative of the lower incomplete gamma function by `a`.", ""
)


def _gamma_density(a: Tensor, x: Tensor) -> Tensor:
    """Return the derivative of `igamma` by x: x^(a - 1) e^-x / gamma(a)."""
    power = raw.Xlogy(raw.Sub(a, convert.to_tensor(1, a.dtype)), x)
    result: Tensor = raw.Exp(raw.Sub(raw.Sub(power, x), raw.Lgamma(a)))
    return result


def _gamma_slope(a: Tensor, x: Tensor) -> Tensor:
    kind = a.dtype
    if kind.size == 2:
        a, x = (raw.Cast(t, DstT="float32") for t in (a, x))
    slope = raw.IgammaGradA(a, x)
    result: Tensor = raw.Cast(slope, DstT=kind) if kind.size == 2 else slope
    return result


@gradient("Igamma", "Igammac")
def _incomplete_gamma_grad(op: Operation, dy: Tensor) -> Any:
    a, x = op.inputs
    dy = dy if op.type == "Igamma" else raw.Neg(dy)
    return sum_to_shapes_of(
        a, raw.Mul(dy, _gamma_slope(a, x)), x, raw.Mul(dy, _gamma_density(a, x))
    )


@gradient("IgammaGradA")
def _gamma_slope_grad(op: Operation, dy: Tensor) -> Any:
    raise LookupError(f'"{op.name}": igamma has no second derivative by a')


def _betainc_shape(ctx: ShapeContext) -> list[Dims]:
    whole = [dims for dims in ctx.shapes if dims != ()]
    return [shapes.all_equal(whole) if whole else ()]


define_op(
    "Betainc",
    inputs="a: T, b: T, x: T",
    outputs="z: T",
    attrs="T: float2",
    shape=_betainc_shape,
    export="betainc math.betainc",
    doc="""The incomplete beta function at `x`, divided by beta(a, b): 0 to 1.

    Scalars stand for all elements. There is a gradient by `x` only.

    >>> ps.Session().run(ps.betainc(1.0, 2.0, [0.25, 0.5]))
    array([0.4375, 0.75  ], dtype=float32)
    """,
)


@gradient("Betainc")
def _betainc_grad(op: Operation, dy: Tensor) -> Any:
    a, b, x = op.inputs
    one = convert.to_tensor(1, x.dtype)
    of_beta = raw.Sub(raw.Lgamma(raw.AddV2(a, b)), raw.AddV2(raw.Lgamma(a), raw.Lgamma(b)))
    powers = raw.AddV2(raw.Xlogy(raw.Sub(a, one), x), raw.Xlogy(raw.Sub(b, one), raw.Sub(one, x)))
    slope = raw.Mul(dy, raw.Exp(raw.AddV2(of_beta, powers)))
    return None, None, sum_to_shape_of(slope, x)
