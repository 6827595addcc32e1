"""The gamma function's logarithm and derivatives, Hurwitz' zeta function, the beta function.

Digamma is the derivative of `lgamma`, `polygamma(n, x)` the n-th derivative of digamma; zeta is
what they are made of. By the order of a polygamma or zeta function there is no gradient.
"""

from __future__ import annotations

from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert, shape_rules
from penstock.ops.broadcasting import sum_to_shape_of
from penstock.ops.registry import define_op, gradient
from penstock.ops.unary import Row, define_unary
from penstock.ops.wrappers import raw

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
