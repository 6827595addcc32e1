"""Along one axis: where the largest or smallest element is, running sums and products."""

from __future__ import annotations

from typing import Any

from penstock import dtypes, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.identity import same
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.shape import one_of
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _without_axis(ctx: ShapeContext) -> list[Dims]:
    dims, axis = ctx.shape(0), ctx.scalar(1)
    if dims is None:
        return [None]
    if axis is None:
        return [(None,) * max(0, len(dims) - 1)]
    place = shapes.normalize_axis(axis, len(dims))
    if dims[place] == 0:
        ctx.fail(f"axis {axis} has size 0: there is no element to find")
    return [dims[:place] + dims[place + 1 :]]


define_op(
    "ArgMax",
    inputs="input: T, dimension: Tidx",
    outputs="output: output_type",
    attrs="T: {real, bool}, Tidx: {int16, int32, int64} = int32, "
    "output_type: {int16, uint16, int32, int64} = int64",
    shape=_without_axis,
    doc="Where along `dimension` the largest element is; the first of equal ones.",
)
define_op(
    "ArgMin",
    inputs="input: T, dimension: Tidx",
    outputs="output: output_type",
    attrs="T: {real, bool}, Tidx: index = int32, output_type: index = int64",
    shape=_without_axis,
    doc="Where along `dimension` the smallest element is; the first of equal ones.",
)
no_gradient("ArgMax", "ArgMin")


@export("argmax math.argmax")
def argmax(
    input: Any,
    axis: Any = None,
    name: str | None = None,
    dimension: Any = None,
    output_type: Any = dtypes.int64,
) -> Tensor:
    """Return where along `axis` (0 by default) the largest element is.

    >>> ps.Session().run(ps.argmax([[1, 5], [3, 4]], axis=1))
    array([1, 1])
    """
    place = one_of("axis", axis, "dimension", dimension)
    result: Tensor = raw.ArgMax(
        input, 0 if place is None else place, output_type=output_type, name=name
    )
    return result


@export("argmin math.argmin")
def argmin(
    input: Any,
    axis: Any = None,
    name: str | None = None,
    dimension: Any = None,
    output_type: Any = dtypes.int64,
) -> Tensor:
    """Return where along `axis` (0 by default) the smallest element is.

    >>> ps.Session().run(ps.argmin([[1, 5], [3, 4]], axis=0))
    array([0, 1])
    """
    place = one_of("axis", axis, "dimension", dimension)
    result: Tensor = raw.ArgMin(
        input, 0 if place is None else place, output_type=output_type, name=name
    )
    return result


@export("arg_max")
def arg_max(
    input: Any, dimension: Any, output_type: Any = dtypes.int64, name: str | None = None
) -> Tensor:
    """Return where along `dimension` the largest element is (older name of `argmax`)."""
    return argmax(input, dimension, name, None, output_type)


@export("arg_min")
def arg_min(
    input: Any, dimension: Any, output_type: Any = dtypes.int64, name: str | None = None
) -> Tensor:
    """Return where along `dimension` the smallest element is (older name of `argmin`)."""
    return argmin(input, dimension, name, None, output_type)


# ---- running sums and products


def _axis_in_range(ctx: ShapeContext) -> list[Dims]:
    dims, axis = ctx.shape(0), ctx.scalar(1)
    if dims is not None and axis is not None:
        shapes.normalize_axis(axis, len(dims))
    return same(ctx)


for _name, _doc in (("Cumsum", "Running sums"), ("Cumprod", "Running products")):
    define_op(
        _name,
        inputs="x: T, axis: Tidx",
        outputs="out: T",
        attrs="exclusive: bool = False, reverse: bool = False, T: number, Tidx: index = int32",
        shape=_axis_in_range,
        doc=f"{_doc} along `axis`; `exclusive` leaves the element itself out.",
    )


@export("cumsum math.cumsum")
def cumsum(
    x: Any,
    axis: Any = 0,
    exclusive: bool = False,
    reverse: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return running sums along `axis`; `exclusive` leaves out the element itself.

    >>> ps.Session().run(ps.cumsum([1, 2, 3]))
    array([1, 3, 6], dtype=int32)
    """
    result: Tensor = raw.Cumsum(x, axis, exclusive=exclusive, reverse=reverse, name=name)
    return result


@export("cumprod math.cumprod")
def cumprod(
    x: Any,
    axis: Any = 0,
    exclusive: bool = False,
    reverse: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return running products along `axis`; `exclusive` leaves out the element itself.

    >>> ps.Session().run(ps.cumprod([1, 2, 3], exclusive=True))
    array([1, 1, 2], dtype=int32)
    """
    result: Tensor = raw.Cumprod(x, axis, exclusive=exclusive, reverse=reverse, name=name)
    return result


def _sum_back(op: Operation, value: Tensor) -> Tensor:
    result: Tensor = raw.Cumsum(
        value,
        op.inputs[1],
        exclusive=op.get_attr("exclusive"),
        reverse=not op.get_attr("reverse"),
    )
    return result


@gradient("Cumsum")
def _cumsum_grad(op: Operation, dy: Tensor) -> Any:
    return _sum_back(op, dy), None


@gradient("Cumprod")
def _cumprod_grad(op: Operation, dy: Tensor) -> Any:
    return raw.RealDiv(_sum_back(op, raw.Mul(op.outputs[0], dy)), op.inputs[0]), None
