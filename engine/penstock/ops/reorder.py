"""Elements that change places along a dimension: rolled, or reversed up to a length."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.shape import one_of
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _rolled_shape(ctx: ShapeContext) -> list[Dims]:
    dims, axes = ctx.shape(0), ctx.ints(2)
    if dims == ():
        ctx.fail("the input is a scalar: it has no dimension to roll")
    for i in (1, 2):
        rank = ctx.shape(i)
        if rank is not None and len(rank) > 1:
            ctx.fail(f"input {i} must be a scalar or a vector, not of rank {len(rank)}")
    shapes.merge(ctx.shape(1), ctx.shape(2))
    if dims is not None and axes is not None:
        for axis in axes:
            if axis is not None:
                shapes.normalize_axis(axis, len(dims))
    return [dims]


define_op(
    "Roll",
    inputs="input: T, shift: Tshift, axis: Taxis",
    outputs="output: T",
    attrs="T: type, Tshift: index, Taxis: index",
    shape=_rolled_shape,
    export="roll manip.roll",
    doc="""`input` moved by `shift` places along `axis`; what leaves at the end enters in front.

    Both may be vectors of one length; shifts along an axis named twice add up.

    >>> ps.Session().run(ps.roll([0, 1, 2, 3, 4], 2, 0))
    array([3, 4, 0, 1, 2], dtype=int32)
    """,
)


@gradient("Roll")
def _roll_grad(op: Operation, dy: Tensor) -> Any:
    _, shift, axis = op.inputs
    return raw.Roll(dy, raw.Neg(shift), axis), None, None


def _reversed_shape(ctx: ShapeContext) -> list[Dims]:
    dims, lengths = ctx.shape(0), ctx.rank_is(1, 1)
    seq, batch = ctx.attr("seq_dim"), ctx.attr("batch_dim")
    if seq == batch:
        ctx.fail(f"seq_dim and batch_dim are both {seq}")
    if dims is None or lengths is None:
        return [dims]
    for what, place in (("seq_dim", seq), ("batch_dim", batch)):
        if not 0 <= place < len(dims):
            ctx.fail(f"{what} {place} is out of range for rank {len(dims)}")
    count = shapes.merge(dims[batch : batch + 1], lengths)
    assert count is not None
    known = ctx.ints(1)
    size = dims[seq]
    if known is not None and size is not None:
        for n in known:
            if n is not None and not 0 <= n <= size:
                ctx.fail(f"a sequence length of {n} is not in [0, {size}]")
    return [(*dims[:batch], count[0], *dims[batch + 1 :])]


define_op(
    "ReverseSequence",
    inputs="input: T, seq_lengths: Tlen",
    outputs="output: T",
    attrs="seq_dim: int, batch_dim: int = 0, T: type, Tlen: index = int64",
    shape=_reversed_shape,
    doc="Each slice of `batch_dim` with its first `seq_lengths[i]` places of `seq_dim` reversed.",
)


@gradient("ReverseSequence")
def _reverse_sequence_grad(op: Operation, dy: Tensor) -> Any:
    dims = {name: op.get_attr(name) for name in ("seq_dim", "batch_dim")}
    return raw.ReverseSequence(dy, op.inputs[1], **dims), None


@export("reverse_sequence")
def reverse_sequence(
    input: Any,
    seq_lengths: Any,
    seq_axis: int | None = None,
    batch_axis: int | None = None,
    name: str | None = None,
    seq_dim: int | None = None,
    batch_dim: int | None = None,
) -> Tensor:
    """Return each slice i of `batch_axis` (0) with its first `seq_lengths[i]` places reversed.

    >>> ps.Session().run(ps.reverse_sequence([[1, 2, 3], [4, 5, 6]], [2, 3], seq_axis=1))
    array([[2, 1, 3],
           [6, 5, 4]], dtype=int32)
    """
    seq = one_of("seq_axis", seq_axis, "seq_dim", seq_dim)
    batch = one_of("batch_axis", batch_axis, "batch_dim", batch_dim)
    if seq is None:
        raise ValueError("reverse_sequence needs seq_axis")
    result: Tensor = raw.ReverseSequence(
        input, seq_lengths, seq_dim=seq, batch_dim=0 if batch is None else batch, name=name
    )
    return result
