"""Tensors joined along an axis, and cut along one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import dtypes, errors, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.static_values import partial_ints
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _concat_shape(ctx: ShapeContext, parts: Sequence[Dims], axis_input: int) -> list[Dims]:
    ctx.rank_is(axis_input, 0)
    known = [p for p in parts if p is not None]
    if not known:
        return [None]
    rank = len(known[0])
    for dims in known:
        if len(dims) != rank:
            ctx.fail(f"inputs have ranks {rank} and {len(dims)}")
    if rank == 0:
        ctx.fail("scalars cannot be concatenated", "use tf.stack")
    axis = ctx.scalar(axis_input)
    if axis is None:
        return [(None,) * rank]
    place = shapes.normalize_axis(axis, rank)
    rest = shapes.all_equal([(*dims[:place], None, *dims[place + 1 :]) for dims in known]) or ()
    sizes = [None if dims is None else dims[place] for dims in parts]
    total = None if None in sizes else sum(n for n in sizes if n is not None)
    return [(*rest[:place], total, *rest[place + 1 :])]


define_op(
    "Concat",
    inputs="concat_dim: int32, values: N*T",
    outputs="output: T",
    attrs="N: int >= 2, T: type",
    shape=lambda ctx: _concat_shape(ctx, ctx.shapes[1:], 0),
    doc="`values` joined along an axis (older form, axis first).",
)
define_op(
    "ConcatV2",
    inputs="values: N*T, axis: Tidx",
    outputs="output: T",
    attrs="N: int >= 2, T: type, Tidx: index = int32",
    shape=lambda ctx: _concat_shape(ctx, ctx.shapes[:-1], len(ctx.inputs) - 1),
    doc="`values` joined along `axis`.",
)
define_op(
    "ConcatOffset",
    inputs="concat_dim: int32, shape: N*shape_type",
    outputs="offset: N*shape_type",
    attrs="N: int >= 2, shape_type: index = int32",
    shape=lambda ctx: ctx.shapes[1:],
    doc="Where each of the tensors of these shapes starts in their concatenation.",
)
no_gradient("ConcatOffset")


def _concat_parts(axis: Tensor, values: Sequence[Tensor], dy: Any) -> list[Any]:
    """Return the pieces of `dy` that belong to each input of a concatenation."""
    if isinstance(dy, IndexedSlices):
        dy = convert.to_tensor(dy)
    known = partial_ints(axis)
    ranks = [len(v._dims) for v in values if v._dims is not None]
    if known is not None and known[0] is not None and ranks:
        place = shapes.normalize_axis(known[0], ranks[0])
        sizes = [None if v._dims is None else v._dims[place] for v in values]
        if None not in sizes:
            return list(
                raw.SplitV(dy, np.array(sizes, dtype=np.int32), axis, num_split=len(values))
            )
    sizes_along = [raw.GatherV2(raw.Shape(v), _place_in(axis, v), 0) for v in values]
    lengths = raw.Pack(sizes_along)
    index = raw.Cast(axis, DstT="int32") if axis.dtype is not dtypes.int32 else axis
    return list(raw.SplitV(dy, lengths, index, num_split=len(values)))


def _place_in(axis: Tensor, value: Tensor) -> Tensor:
    index = axis if axis.dtype is dtypes.int32 else raw.Cast(axis, DstT="int32")
    result: Tensor = raw.FloorMod(index, raw.Rank(value))
    return result


@gradient("ConcatV2")
def _concat_v2_grad(op: Operation, dy: Any) -> Any:
    axis = op.inputs[-1]
    index = axis if axis.dtype is dtypes.int32 else raw.Cast(axis, DstT="int32")
    return [*_concat_parts(index, op.inputs[:-1], dy), None]


@gradient("Concat")
def _concat_grad(op: Operation, dy: Any) -> Any:
    return [None, *_concat_parts(op.inputs[0], op.inputs[1:], dy)]


@export("concat")
def concat(values: Any, axis: Any, name: str = "concat") -> Tensor:
    """Return `values` (a list of tensors) joined along `axis`.

    >>> ps.Session().run(ps.concat([[[1], [2]], [[3], [4]]], 1))
    array([[1, 3],
           [2, 4]], dtype=int32)
    """
    if not isinstance(values, (list, tuple)):
        values = [values]
    if len(values) == 1:
        return raw.Identity(values[0], name=name)  # type: ignore[no-any-return]
    result: Tensor = raw.ConcatV2(list(values), axis, name=name)
    return result


# ---- stacking


def _pack_shape(ctx: ShapeContext) -> list[Dims]:
    dims = shapes.all_equal(ctx.shapes)
    if dims is None:
        return [None]
    place = shapes.normalize_axis(ctx.attr("axis"), len(dims) + 1)
    return [(*dims[:place], len(ctx.inputs), *dims[place:])]


define_op(
    "Pack",
    inputs="values: N*T",
    outputs="output: T",
    attrs="N: int >= 1, T: type, axis: int = 0",
    shape=_pack_shape,
    doc="Tensors of one shape, put side by side along a new axis.",
)


@gradient("Pack")
def _pack_grad(op: Operation, dy: Tensor) -> Any:
    return list(raw.Unpack(dy, num=op.get_attr("N"), axis=op.get_attr("axis")))


@export("stack")
def stack(values: Any, axis: int = 0, name: str = "stack") -> Tensor:
    """Return tensors of one shape, put side by side along a new axis.

    >>> ps.Session().run(ps.stack([[1, 2], [3, 4]], axis=1))
    array([[1, 3],
           [2, 4]], dtype=int32)
    """
    if isinstance(values, Tensor):
        values = unstack(values)
    if isinstance(values, np.ndarray):
        values = list(values)
    result: Tensor = raw.Pack(values, axis=axis, name=name)
    return result


@export("parallel_stack")
def parallel_stack(values: Any, name: str = "parallel_stack") -> Tensor:
    """Return tensors of one shape stacked along a new first axis (the same as `stack`)."""
    return stack(values, 0, name)


def _unpack_shape(ctx: ShapeContext) -> list[Dims]:
    dims, count = ctx.shape(0), ctx.attr("num")
    if dims is None:
        return [None] * count
    place = shapes.normalize_axis(ctx.attr("axis"), len(dims))
    if dims[place] not in (None, count):
        ctx.fail(f"dimension {place} has size {dims[place]}, not num = {count}")
    return [dims[:place] + dims[place + 1 :]] * count


define_op(
    "Unpack",
    inputs="value: T",
    outputs="output: num*T",
    attrs="num: int >= 0, T: type, axis: int = 0",
    shape=_unpack_shape,
    doc="The slices of a tensor along an axis, as separate tensors.",
)


@gradient("Unpack")
def _unpack_grad(op: Operation, *dy: Tensor) -> Any:
    return raw.Pack(list(dy), axis=op.get_attr("axis"))


@export("unstack")
def unstack(
    value: Any, num: int | None = None, axis: int = 0, name: str = "unstack"
) -> list[Tensor]:
    """Return the slices of `value` along `axis` as a list of tensors.

    `num` is needed where the size along `axis` is not known while building.

    >>> ps.Session().run(ps.unstack([[1, 2], [3, 4]], axis=1))
    [array([1, 3], dtype=int32), array([2, 4], dtype=int32)]
    """
    x = convert.to_tensor(value)
    if num is None:
        if x._dims is None:
            raise ValueError(f'unstack needs num: the shape of "{x.name}" is not known')
        num = x._dims[shapes.normalize_axis(axis, len(x._dims))]
        if num is None:
            raise ValueError(f'unstack needs num: axis {axis} of "{x.name}" is not known')
    return list(raw.Unpack(x, num=num, axis=axis, name=name))


# ---- splitting


def _split_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 0)
    dims, axis, parts = ctx.shape(1), ctx.scalar(0), ctx.attr("num_split")
    if dims is None:
        return [None] * parts
    if axis is None:
        return [(None,) * len(dims)] * parts
    place = shapes.normalize_axis(axis, len(dims))
    size = dims[place]
    if size is not None and size % parts:
        ctx.fail(f"cannot split dimension {place} of size {size} into {parts} equal parts")
    part = None if size is None else size // parts
    return [(*dims[:place], part, *dims[place + 1 :])] * parts


define_op(
    "Split",
    inputs="split_dim: int32, value: T",
    outputs="output: num_split*T",
    attrs="num_split: int >= 1, T: type",
    shape=_split_shape,
    doc="`value` cut into equal parts along an axis.",
)


def _split_v_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(2, 0)
    dims, sizes, axis = ctx.shape(0), ctx.ints(1), ctx.scalar(2)
    parts = ctx.attr("num_split")
    if sizes is not None and len(sizes) != parts:
        ctx.fail(f"size_splits has {len(sizes)} elements, num_split is {parts}")
    if dims is None:
        return [None] * parts
    if axis is None:
        return [(None,) * len(dims)] * parts
    place = shapes.normalize_axis(axis, len(dims))
    total, lengths = dims[place], list(sizes or [None] * parts)
    if lengths.count(-1) > 1:
        ctx.fail("size_splits may hold only one -1")
    if total is not None and None not in lengths:
        given = sum(n for n in lengths if n is not None and n >= 0)
        if given > total or (-1 not in lengths and given != total):
            ctx.fail(f"sizes {lengths} do not make up the dimension's {total}")
        lengths = [total - given if n == -1 else n for n in lengths]
    return [(*dims[:place], None if n == -1 else n, *dims[place + 1 :]) for n in lengths]


define_op(
    "SplitV",
    inputs="value: T, size_splits: Tlen, split_dim: int32",
    outputs="output: num_split*T",
    attrs="num_split: int >= 1, T: type, Tlen: {int8, int32, int64} = int64",
    shape=_split_v_shape,
    doc="`value` cut into parts of given sizes along an axis; one size may be -1.",
)


@gradient("Split")
def _split_grad(op: Operation, *dy: Tensor) -> Any:
    return None, concat(list(dy), op.inputs[0])


@gradient("SplitV")
def _split_v_grad(op: Operation, *dy: Tensor) -> Any:
    return concat(list(dy), op.inputs[2]), None, None


@export("split")
def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str = "split"
) -> list[Tensor]:
    """Return `value` cut along `axis`: into so many equal parts, or into parts of these sizes.

    >>> ps.Session().run(ps.split([1, 2, 3, 4], 2))
    [array([1, 2], dtype=int32), array([3, 4], dtype=int32)]
    >>> ps.Session().run(ps.split([1, 2, 3], [1, 2]))
    [array([1], dtype=int32), array([2, 3], dtype=int32)]
    """
    if isinstance(num_or_size_splits, (int, np.integer, shapes.Dimension)):
        return list(raw.Split(axis, value, num_split=int(num_or_size_splits), name=name))
    sizes = convert.to_tensor(num_or_size_splits)
    if sizes._dims == ():
        raise errors.ShapeError(
            None, None, "split takes a Python int or a vector of sizes, not a scalar tensor"
        )
    if num is None:
        num = None if sizes._dims is None else sizes._dims[0]
        if num is None:
            raise ValueError("split needs num: the number of sizes is not known")
    return list(raw.SplitV(value, sizes, axis, num_split=num, name=name))


@export("meshgrid")
def meshgrid(*args: Any, indexing: str = "xy", name: str = "meshgrid") -> list[Tensor]:
    """Return coordinate grids of vectors, as NumPy's meshgrid does.

    >>> ps.Session().run(ps.meshgrid([1, 2], [3, 4]))[0]
    array([[1, 2],
           [1, 2]], dtype=int32)
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing is 'xy' or 'ij', not {indexing!r}")
    vectors = [raw.Reshape(convert.to_tensor(a), [-1]) for a in args]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[0], order[1] = 1, 0
    shape = raw.Pack([raw.Size(vectors[i]) for i in order])
    grids = []
    for i, vector in enumerate(vectors):
        place = [1] * len(order)
        place[order.index(i)] = -1
        grids.append(raw.BroadcastTo(raw.Reshape(vector, place), shape, name=name))
    return grids
