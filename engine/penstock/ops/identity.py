"""Ops that pass their input on: identities, checks, the same bytes as another dtype."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def same(ctx: ShapeContext) -> list[Dims]:
    """Give the output the shape of the first input."""
    return [ctx.shape(0)]


define_op(
    "Identity",
    inputs="input: T",
    outputs="output: T",
    attrs="T: type",
    shape=same,
    export="identity",
    doc="""The same value, as another tensor: a place to rename, pin or wait at.

    >>> ps.Session().run(ps.identity([1., 2.]))
    array([1., 2.], dtype=float32)
    """,
)
define_op(
    "Snapshot",
    inputs="input: T",
    outputs="output: T",
    attrs="T: type",
    shape=same,
    doc="The same value.",
)
define_op(
    "GuaranteeConst",
    inputs="input: T",
    outputs="output: T",
    attrs="T: type",
    shape=same,
    stateful=True,
    export="guarantee_const",
    doc="""The same value, which the caller promises never changes.

    >>> int(ps.Session().run(ps.guarantee_const(3)))
    3
    """,
)
define_op(
    "IdentityN",
    inputs="input: T...",
    outputs="output: T...",
    attrs="T: list(type) >= 1",
    shape=lambda ctx: ctx.shapes,
    export="identity_n",
    doc="""The same values of several tensors.

    >>> [v.item() for v in ps.Session().run(ps.identity_n([1, 2.5]))]
    [1, 2.5]
    """,
)
define_op(
    "StopGradient",
    inputs="input: T",
    outputs="output: T",
    attrs="T: type",
    shape=same,
    export="stop_gradient",
    doc="""The same value; no gradient passes.

    >>> x = ps.placeholder(ps.float32)
    >>> ps.gradients(ps.stop_gradient(x * x), x)
    [None]
    """,
)
define_op(
    "PreventGradient",
    inputs="input: T",
    outputs="output: T",
    attrs="T: type, message: string = ''",
    shape=same,
    doc="The same value; asking for a gradient through it is an error with `message`.",
)


def _promised_shape(ctx: ShapeContext) -> list[Dims]:
    promised = ctx.attr("shape")._dims
    shapes.merge(promised, ctx.shape(0))  # the default must keep the promise
    return [promised]


define_op(
    "PlaceholderWithDefault",
    inputs="input: dtype",
    outputs="output: dtype",
    attrs="dtype: type, shape: shape",
    shape=_promised_shape,
    export="placeholder_with_default",
    doc="""A tensor that a run may feed, and that is `input` otherwise.

    >>> x = ps.placeholder_with_default(1., shape=[])
    >>> [float(ps.Session().run(x)), float(ps.Session().run(x, {x: 2.}))]
    [1.0, 2.0]
    """,
)
no_gradient("StopGradient")


@gradient("Identity", "Snapshot", "GuaranteeConst", "PlaceholderWithDefault")
def _identity_grad(_: Operation, dy: Tensor) -> Any:
    return dy


@gradient("IdentityN")
def _identity_n_grad(_: Operation, *dy: Tensor) -> Any:
    return list(dy)


@gradient("PreventGradient")
def _prevented_grad(op: Operation, _: Tensor) -> Any:
    message = op.get_attr("message").decode(errors="replace")
    raise LookupError(f'"{op.name}" has no gradient: {message}')


define_op(
    "EnsureShape",
    inputs="input: T",
    outputs="output: T",
    attrs="shape: shape, T: type",
    shape=lambda ctx: [shapes.merge(ctx.shape(0), ctx.attr("shape")._dims)],
    doc="`input`, which the run refuses unless it has that shape.",
)


@gradient("EnsureShape")
def _ensure_shape_grad(_: Operation, dy: Tensor) -> Any:
    return dy


@export("ensure_shape")
def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Tensor:
    """Return `x` with a static shape that each run checks.

    >>> ps.ensure_shape(ps.placeholder(ps.float32), [None, 3]).shape.as_list()
    [None, 3]
    """
    result: Tensor = raw.EnsureShape(x, shape=shape, name=name)
    return result


define_op(
    "CheckNumerics",
    inputs="tensor: T",
    outputs="output: T",
    attrs="T: floating, message: string",
    shape=same,
    stateful=True,
    export="check_numerics debugging.check_numerics",
    doc="""`tensor`, or `InvalidArgumentError` with `message` if it holds NaN or infinity.

    >>> ps.Session().run(ps.check_numerics([1., 2.], "loss"))
    array([1., 2.], dtype=float32)
    """,
)


@gradient("CheckNumerics")
def _check_numerics_grad(op: Operation, dy: Tensor) -> Any:
    message = op.get_attr("message").decode(errors="replace")
    return raw.CheckNumerics(dy, f"Not a number (NaN) or infinity in the gradient: {message}")


@export("verify_tensor_all_finite debugging.assert_all_finite")
def verify_tensor_all_finite(
    t: Any = None,
    msg: str | None = None,
    name: str | None = None,
    x: Any = None,
    message: str | None = None,
) -> Tensor:
    """Return `t`, or raise while running, with `msg`, if it holds NaN or infinity."""
    result: Tensor = raw.CheckNumerics(t if x is None else x, msg or message or "", name=name)
    return result


def _bitcast_shape(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.shape(0)
    have, want = ctx.dtype(0).size, ctx.attr("type").size
    if dims is None or have == want:
        return [dims]
    if have > want:
        return [(*dims, have // want)]
    if not dims or dims[-1] not in (None, want // have):
        ctx.fail(f"a bitcast to {ctx.attr('type').name} needs a last dimension of {want // have}")
    return [dims[:-1]]


define_op(
    "Bitcast",
    inputs="input: T",
    outputs="output: type",
    attrs="T: number, type: number",
    shape=_bitcast_shape,
    export="bitcast",
    doc="""The same bytes read as another dtype.

    >>> int(ps.Session().run(ps.bitcast(1.0, ps.int32)))
    1065353216
    """,
)
no_gradient("Bitcast")
