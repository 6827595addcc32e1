"""What shape a tensor has, and the same elements in another shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes, shapes
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def shape_of(x: Tensor) -> Any:
    """Return the shape of `x` for use in a gradient: a constant where it is known."""
    dims = x._dims
    if dims is not None and all(d is not None and d < 1 << 31 for d in dims):
        return np.array(dims, dtype=np.int32)
    return raw.Shape(x)


def like(dx: Tensor, x: Tensor) -> Tensor:
    """Return `dx` in the shape of `x`, with as many elements; as it is where that is known."""
    if dx._dims == x._dims and shapes.is_fully_defined(x._dims):
        return dx
    result: Tensor = raw.Reshape(dx, shape_of(x))
    return result


def _vectors_of_ranks(ctx: ShapeContext) -> list[Dims]:
    return [(None if dims is None else len(dims),) for dims in ctx.shapes]


define_op(
    "Shape",
    inputs="input: T",
    outputs="output: out_type",
    attrs="T: type, out_type: index = int32",
    shape=_vectors_of_ranks,
    doc="The sizes of the dimensions of `input`, as a vector.",
)
define_op(
    "ShapeN",
    inputs="input: N*T",
    outputs="output: N*out_type",
    attrs="N: int >= 1, T: type, out_type: index = int32",
    shape=_vectors_of_ranks,
    doc="The shapes of several tensors.",
)
define_op(
    "Size",
    inputs="input: T",
    outputs="output: out_type",
    attrs="T: type, out_type: index = int32",
    shape=lambda ctx: [()],
    doc="How many elements `input` has.",
)
define_op(
    "Rank",
    inputs="input: T",
    outputs="output: int32",
    attrs="T: type",
    shape=lambda ctx: [()],
    doc="How many dimensions `input` has.",
)
no_gradient("Shape", "ShapeN", "Size", "Rank")


def _known_index(value: Any, out_type: DType, name: str) -> Tensor:
    return convert.add_constant(np.array(value, dtype=out_type.numpy_dtype), name)


@export("shape")
def shape(input: Any, name: str | None = None, out_type: Any = None) -> Tensor:
    """Return the shape of `input` as an int32 vector (or int64, by `out_type`).

    It is a constant where the static shape is fully known.

    >>> ps.Session().run(ps.shape([[1, 2, 3], [4, 5, 6]]))
    array([2, 3], dtype=int32)
    """
    x = convert.to_tensor(input)
    out = dtypes.as_dtype(out_type or dtypes.int32)
    if shapes.is_fully_defined(x._dims):
        return _known_index(x._dims, out, name or "Shape")
    result: Tensor = raw.Shape(x, out_type=out, name=name)
    return result


@export("shape_n")
def shape_n(input: Any, out_type: Any = dtypes.int32, name: str | None = None) -> list[Tensor]:
    """Return the shapes of several tensors of one dtype.

    >>> ps.Session().run(ps.shape_n([[1, 2], [3]]))
    [array([2], dtype=int32), array([1], dtype=int32)]
    """
    result: list[Tensor] = raw.ShapeN(input, out_type=out_type, name=name)
    return result


@export("size")
def size(input: Any, name: str | None = None, out_type: Any = None) -> Tensor:
    """Return how many elements `input` has.

    >>> int(ps.Session().run(ps.size([[1, 2, 3], [4, 5, 6]])))
    6
    """
    x = convert.to_tensor(input)
    out = dtypes.as_dtype(out_type or dtypes.int32)
    if shapes.is_fully_defined(x._dims):
        return _known_index(shapes.num_elements(x._dims), out, name or "Size")
    result: Tensor = raw.Size(x, out_type=out, name=name)
    return result


@export("rank")
def rank(input: Any, name: str | None = None) -> Tensor:
    """Return how many dimensions `input` has.

    >>> int(ps.Session().run(ps.rank([[1, 2], [3, 4]])))
    2
    """
    x = convert.to_tensor(input)
    if x._dims is not None:
        return _known_index(len(x._dims), dtypes.int32, name or "Rank")
    result: Tensor = raw.Rank(x, name=name)
    return result


# ---- the same elements in another shape


def _reshape_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(1, 1)
    wanted = ctx.ints(1)
    if wanted is None:
        return [None]
    unknown = [i for i, d in enumerate(wanted) if d == -1]
    if any(d is not None and d < -1 for d in wanted):
        ctx.fail(f"a shape cannot have negative dimensions: {wanted}")
    if len(unknown) > 1:
        ctx.fail(f"only one dimension may be -1, got {wanted}")
    dims: list[int | None] = [None if d == -1 else d for d in wanted]
    elements = shapes.num_elements(ctx.shape(0))
    if elements is None:
        return [tuple(dims)]
    known = shapes.num_elements(tuple([d for i, d in enumerate(dims) if i not in unknown]))
    if known is not None:
        if unknown and known > 0 and elements % known == 0:
            dims[unknown[0]] = elements // known
        elif unknown or known != elements:
            ctx.fail(f"cannot reshape {elements} elements into shape {wanted}")
    return [tuple(dims)]


define_op(
    "Reshape",
    inputs="tensor: T, shape: Tshape",
    outputs="output: T",
    attrs="T: type, Tshape: index = int32",
    shape=_reshape_shape,
    export="reshape manip.reshape",
    doc="""The elements of `tensor` in another shape; one size may be -1 (what is left).

    >>> ps.Session().run(ps.reshape([1, 2, 3, 4], [2, -1]))
    array([[1, 2],
           [3, 4]], dtype=int32)
    """,
)


@gradient("Reshape")
def _reshape_grad(op: Operation, dy: Tensor) -> Any:
    return like(dy, op.inputs[0]), None


def _expand_dims_shape(ctx: ShapeContext) -> list[Dims]:
    axis, dims = ctx.value(1), ctx.shape(0)
    if axis is not None and axis.size != 1:
        ctx.fail(f"axis must be a single number, got {axis.tolist()}")
    if dims is None:
        return [None]
    if axis is None:
        return [(None,) * (len(dims) + 1)]
    place = shapes.normalize_axis(int(axis.ravel()[0]), len(dims) + 1)
    return [(*dims[:place], 1, *dims[place:])]


define_op(
    "ExpandDims",
    inputs="input: T, dim: Tdim",
    outputs="output: T",
    attrs="T: type, Tdim: index = int32",
    shape=_expand_dims_shape,
    doc="`input` with a dimension of size 1 more, at `dim`.",
)


gradient("ExpandDims")(_reshape_grad)


@export("expand_dims")
def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """Return `input` with a dimension of size 1 more, at `axis`.

    >>> ps.expand_dims([1, 2], 0).shape.as_list()
    [1, 2]
    """
    axis = one_of("axis", axis, "dim", dim)
    if axis is None:
        raise ValueError("expand_dims needs an axis")
    result: Tensor = raw.ExpandDims(input, axis, name=name)
    return result


def one_of(name: str, value: Any, old_name: str, old_value: Any) -> Any:
    """Return whichever of an argument and its older spelling was given."""
    if old_value is None:
        return value
    if value is not None:
        raise ValueError(f"give {name} or its older name {old_name}, not both")
    return old_value


def _squeeze_shape(ctx: ShapeContext) -> list[Dims]:
    dims, wanted = ctx.shape(0), ctx.attr("squeeze_dims")
    if dims is None:
        return [None]
    if not wanted:
        return [None if None in dims else tuple([d for d in dims if d != 1])]
    drop = {shapes.normalize_axis(d, len(dims)) for d in wanted}
    for d in sorted(drop):
        if dims[d] not in (1, None):
            ctx.fail(f"cannot squeeze dimension {d}: its size is {dims[d]}, not 1")
    return [tuple([d for i, d in enumerate(dims) if i not in drop])]


define_op(
    "Squeeze",
    inputs="input: T",
    outputs="output: T",
    attrs="T: type, squeeze_dims: list(int) >= 0 = []",
    shape=_squeeze_shape,
    doc="`input` without dimensions of size 1: those in `squeeze_dims`, or all.",
)


@gradient("Squeeze")
def _squeeze_grad(op: Operation, dy: Tensor) -> Any:
    return like(dy, op.inputs[0])


@export("squeeze")
def squeeze(
    input: Any, axis: Any = None, name: str | None = None, squeeze_dims: Any = None
) -> Tensor:
    """Return `input` without its dimensions of size 1, or without those in `axis`.

    >>> ps.squeeze([[[1], [2]]]).shape.as_list()
    [2]
    """
    axis = one_of("axis", axis, "squeeze_dims", squeeze_dims)
    if axis is None:
        axis = []
    elif not isinstance(axis, (list, tuple, np.ndarray)):
        axis = [axis]
    result: Tensor = raw.Squeeze(input, squeeze_dims=[int(d) for d in axis], name=name)
    return result


# ---- broadcasting


def _broadcast_to_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(1, 1)
    wanted, dims = ctx.shape_from(1), ctx.shape(0)
    if wanted is None or dims is None:
        return [wanted]
    if len(dims) > len(wanted):
        ctx.fail(f"cannot broadcast to {shapes.render(wanted)}, which has fewer dimensions")
    for d, (have, want) in enumerate(zip(reversed(dims), reversed(wanted), strict=False)):
        if have not in (None, 1) and want is not None and have != want:
            ctx.fail(f"cannot broadcast size {have} to {want} (dimension {d} from the end)")
    return [wanted]


define_op(
    "BroadcastTo",
    inputs="input: T, shape: Tidx",
    outputs="output: T",
    attrs="T: type, Tidx: index = int32",
    shape=_broadcast_to_shape,
    export="broadcast_to",
    doc="""`input` repeated along dimensions of size 1, and along new ones, up to `shape`.

    >>> ps.Session().run(ps.broadcast_to([1, 2], [2, 2]))
    array([[1, 2],
           [1, 2]], dtype=int32)
    """,
)


@gradient("BroadcastTo")
def _broadcast_to_grad(op: Operation, dy: Tensor) -> Any:
    x = op.inputs[0]
    wide = raw.Shape(dy, out_type="int32")
    over, _ = raw.BroadcastGradientArgs(raw.Shape(x), wide)
    return like(raw.Sum(dy, over), x), None


def _broadcast_args_shape(ctx: ShapeContext) -> list[Dims]:
    lengths = [ctx.rank_is(i, 1) for i in range(2)]
    known = [d[0] for d in lengths if d is not None]
    return [(None if None in known else max(d for d in known if d is not None),)]


define_op(
    "BroadcastArgs",
    inputs="s0: T, s1: T",
    outputs="r0: T",
    attrs="T: index = int32",
    shape=_broadcast_args_shape,
    doc="The shape that two shapes, given as vectors, broadcast to.",
)
no_gradient("BroadcastArgs")


@export("broadcast_dynamic_shape")
def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Tensor:
    """Return the shape that two shapes, given as vectors, broadcast to.

    >>> ps.Session().run(ps.broadcast_dynamic_shape([2, 1], [3]))
    array([2, 3], dtype=int32)
    """
    result: Tensor = raw.BroadcastArgs(shape_x, shape_y)
    return result


@export("broadcast_static_shape")
def broadcast_static_shape(shape_x: Any, shape_y: Any) -> shapes.TensorShape:
    """Return what two static shapes broadcast to; `ValueError` when they do not.

    >>> ps.broadcast_static_shape(ps.TensorShape([2, 1]), ps.TensorShape([3])).as_list()
    [2, 3]
    """
    return shapes.TensorShape(shapes.broadcast(shapes.to_dims(shape_x), shapes.to_dims(shape_y)))
