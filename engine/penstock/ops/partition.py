"""Outputs whose size depends on values: where elements are true, slices dealt out and merged."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import at_most, define_op, gradient, no_gradient
from penstock.ops.shape import like
from penstock.ops.static_values import constant_value
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _where_shape(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.shape(0)
    return [(None, None if dims is None else len(dims))]


define_op(
    "Where",
    inputs="input: T",
    outputs="index: int64",
    attrs="T: plain = bool",
    shape=_where_shape,
    doc="The positions of the elements that are not zero, a row for each.",
)
no_gradient("Where")


@at_most("Where")
def _where_at_most(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.shape(0)
    return [None if dims is None else (shapes.num_elements(dims), len(dims))]


def _dealt_shape(ctx: ShapeContext) -> list[Dims]:
    data, partitions = ctx.shape(0), ctx.shape(1)
    count = ctx.attr("num_partitions")
    if data is None or partitions is None:
        return [None] * count
    shapes.merge(data[: len(partitions)], partitions)
    return [(None, *data[len(partitions) :])] * count


define_op(
    "DynamicPartition",
    inputs="data: T, partitions: int32",
    outputs="outputs: num_partitions*T",
    attrs="num_partitions: int >= 1, T: type",
    shape=_dealt_shape,
    export="dynamic_partition",
    doc="""The slices of `data`, dealt out to as many lists by the numbers in `partitions`.

    >>> ps.Session().run(ps.dynamic_partition([10, 20, 30], [0, 1, 0], 2))
    [array([10, 30], dtype=int32), array([20], dtype=int32)]
    """,
)


@at_most("DynamicPartition")
def _dealt_at_most(ctx: ShapeContext) -> list[Dims]:
    """Return the shape of a list that gets all slices."""
    data, partitions = ctx.shape(0), ctx.shape(1)
    most: Dims = None
    if data is not None and partitions is not None:
        most = shapes.num_elements(partitions), *data[len(partitions) :]
    return [most] * ctx.attr("num_partitions")


@gradient("DynamicPartition")
def _dynamic_partition_grad(op: Operation, *dy: Tensor) -> Any:
    data, partitions = op.inputs
    shape = raw.Shape(partitions)
    places = raw.Reshape(raw.Range(0, raw.Size(partitions), 1), shape)
    back = raw.DynamicPartition(places, partitions, num_partitions=len(dy))
    return like(raw.Reshape(raw.DynamicStitch(back, list(dy)), raw.Shape(data)), data), None


def _stitched_shape(ctx: ShapeContext) -> list[Dims]:
    count = ctx.attr("N")
    tail: Dims = None
    for indices, data in zip(ctx.shapes[:count], ctx.shapes[count:], strict=True):
        if indices is not None and data is not None:
            shapes.merge(data[: len(indices)], indices)
            tail = shapes.merge(tail, data[len(indices) :])
    known = [ctx.value(i) for i in range(count)]
    rows = None
    if all(v is not None for v in known):
        rows = max((int(v.max()) + 1 for v in known if v is not None and v.size), default=0)
    return [None if tail is None else (rows, *tail)]


for _name, _export in (("DynamicStitch", "dynamic_stitch"), ("ParallelDynamicStitch", "")):
    define_op(
        _name,
        inputs="indices: N*int32, data: N*T",
        outputs="merged: T",
        attrs="N: int >= 1, T: type",
        shape=_stitched_shape,
        export=_export,
        doc="""Rows from several tensors: row indices[k][i] of the result is data[k][i].

        >>> ps.Session().run(ps.dynamic_stitch([[1], [0, 2]], [[20], [10, 30]]))
        array([10, 20, 30], dtype=int32)
        """,
    )


@at_most("DynamicStitch", "ParallelDynamicStitch")
def _stitched_at_most(ctx: ShapeContext) -> list[Dims]:
    """Bound what numbers that were dealt out come back to: the largest there was, and one."""
    (merged,) = _stitched_shape(ctx)
    dealers = {t.op for t in ctx.inputs[: ctx.attr("N")]}
    if merged is None or len(dealers) > 1:
        return [merged]
    rows = _numbers_below(dealers.pop())
    return [(merged[0] if rows is None else rows, *merged[1:])]


def _numbers_below(dealer: Operation) -> int | None:
    """Return what all numbers that a DynamicPartition deals out are below, if that is known."""
    if dealer.type != "DynamicPartition":
        return None
    numbers = dealer.inputs[0]
    while numbers.op.type in ("Reshape", "Identity"):
        numbers = numbers.op.inputs[0]
    value = constant_value(numbers)
    if value is not None:
        return int(value.max()) + 1 if value.size else 0
    if numbers.op.type != "Range":
        return None
    start, _, step = (constant_value(t) for t in numbers.op.inputs)
    counts = start is not None and step is not None and int(start) == 0 and int(step) == 1
    return shapes.num_elements(numbers._dims) if counts else None


@gradient("DynamicStitch")
def _dynamic_stitch_grad(op: Operation, dy: Tensor) -> Any:
    count = op.get_attr("N")
    indices = op.inputs[:count]
    return [*[None] * count, *[raw.GatherV2(dy, i, 0) for i in indices]]


gradient("ParallelDynamicStitch")(_dynamic_stitch_grad)
