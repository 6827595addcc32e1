"""Values from nowhere: zeros, ones, fills, ranges, identity matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes, errors, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.identity import same
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.shape import shape_of
from penstock.ops.wrappers import raw
from penstock.shapes import Dims

define_op(
    "ZerosLike",
    inputs="x: T",
    outputs="y: T",
    attrs="T: type",
    shape=same,
    doc="Zeros in the shape and dtype of `x`.",
)
define_op(
    "OnesLike",
    inputs="x: T",
    outputs="y: T",
    attrs="T: plain",
    shape=same,
    doc="Ones in the shape and dtype of `x`.",
)
no_gradient("ZerosLike", "OnesLike")


def _vector_spells_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 1)
    values = ctx.ints(0)
    if values is not None and any(v is not None and v < 0 for v in values):
        ctx.fail(f"a shape cannot have negative dimensions: {values}")
    return [None if values is None else tuple(values)]


def _fill_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(1, 0)
    return _vector_spells_shape(ctx)


define_op(
    "Fill",
    inputs="dims: index_type, value: T",
    outputs="output: T",
    attrs="T: type, index_type: index = int32",
    shape=_fill_shape,
    doc="A tensor of shape `dims` whose elements are all `value`.",
)
define_op(
    "Empty",
    inputs="shape: int32",
    outputs="output: dtype",
    attrs="dtype: type, init: bool = False",
    shape=_vector_spells_shape,
    stateful=True,
    doc="A tensor of that shape whose elements are unspecified (here: zero).",
)
no_gradient("Empty")


@gradient("Fill")
def _fill_grad(_: Operation, dy: Tensor) -> Any:
    return None, raw.Sum(dy, raw.Range(0, raw.Rank(dy), 1))


@export("fill")
def fill(dims: Any, value: Any, name: str | None = None, layout: Any = None) -> Tensor:
    """Return a tensor of shape `dims` whose elements are all `value`.

    >>> ps.Session().run(ps.fill([2, 2], 7))
    array([[7, 7],
           [7, 7]], dtype=int32)
    """
    result: Tensor = raw.Fill(dims, value, name=name)
    return result


_LARGEST_CONSTANT = 1000


def _filled(shape: Any, number: int, dtype: Any, name: str) -> Tensor:
    kind = dtypes.as_dtype(dtype).base_dtype
    value = b"" if kind is dtypes.string else number
    one = np.array(value, dtype=kind.numpy_dtype)
    dims = None if isinstance(shape, Tensor) else _static_dims(shape)
    count = shapes.num_elements(dims)
    if dims is not None and count is not None and count < _LARGEST_CONSTANT:
        return convert.add_constant(np.full(dims, one, dtype=one.dtype), name)
    index = (
        shape if dims is None else np.array(dims, dtype=np.int64 if _is_large(dims) else np.int32)
    )
    result: Tensor = raw.Fill(index, convert.add_constant(one, name + "/Const"), name=name)
    return result


def _static_dims(shape: Any) -> Dims:
    """Return the sizes that `shape` names, or None when it holds tensors."""
    if isinstance(shape, (list, tuple)) and any(isinstance(d, Tensor) for d in shape):
        return None
    if hasattr(shape, "_as_tensor"):
        return None
    dims = shapes.to_dims(shape)
    if not shapes.is_fully_defined(dims):
        raise errors.ShapeError(
            None, None, f"a tensor cannot be made in shape {shapes.render(dims)}: not fully known"
        )
    return dims


def _is_large(dims: Dims) -> bool:
    return any(d is not None and d > 0x7FFFFFFF for d in dims or ())


@export("zeros")
def zeros(
    shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None
) -> Tensor:
    """Return a tensor of zeros (False, empty strings).

    >>> ps.Session().run(ps.zeros([2, 2], ps.int32))
    array([[0, 0],
           [0, 0]], dtype=int32)
    """
    return _filled(shape, 0, dtype, name or "zeros")


@export("ones")
def ones(
    shape: Any, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None
) -> Tensor:
    """Return a tensor of ones (True).

    >>> ps.Session().run(ps.ones([3]))
    array([1., 1., 1.], dtype=float32)
    """
    return _filled(shape, 1, dtype, name or "ones")


def _filled_like(
    tensor: Any, number: int, op: str, dtype: Any, name: str, optimize: bool
) -> Tensor:
    x = convert.to_tensor(tensor)
    kind = x.dtype.base_dtype if dtype is None else dtypes.as_dtype(dtype)
    if optimize and shapes.is_fully_defined(x._dims):
        return _filled(x._dims, number, kind, name)
    if kind is x.dtype.base_dtype:
        return getattr(raw, op)(x, name=name)  # type: ignore[no-any-return]
    return _filled(shape_of(x), number, kind, name)


@export("zeros_like")
def zeros_like(
    tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True
) -> Tensor:
    """Return zeros in the shape of `tensor`, of its dtype or of `dtype`.

    >>> ps.Session().run(ps.zeros_like([[1, 2]]))
    array([[0, 0]], dtype=int32)
    """
    return _filled_like(tensor, 0, "ZerosLike", dtype, name or "zeros_like", optimize)


@export("ones_like")
def ones_like(
    tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True
) -> Tensor:
    """Return ones in the shape of `tensor`, of its dtype or of `dtype`.

    >>> ps.Session().run(ps.ones_like([1, 2], dtype=ps.float32))
    array([1., 1.], dtype=float32)
    """
    return _filled_like(tensor, 1, "OnesLike", dtype, name or "ones_like", optimize)


# ---- ranges


def _range_shape(ctx: ShapeContext) -> list[Dims]:
    for i in range(3):
        ctx.rank_is(i, 0)
    ends = [ctx.value(i) for i in range(3)]
    if any(e is None for e in ends):
        return [(None,)]
    start, limit, delta = (e.item() for e in ends if e is not None)
    if delta == 0:
        ctx.fail("delta must not be 0")
    if (limit - start) * delta < 0:
        ctx.fail(f"the range from {start} to {limit} by {delta} runs the wrong way")
    if isinstance(delta, int):
        return [(max(0, -((start - limit) // delta)),)]
    return [(int(np.ceil(abs((limit - start) / delta))),)]


define_op(
    "Range",
    inputs="start: Tidx, limit: Tidx, delta: Tidx",
    outputs="output: Tidx",
    attrs="Tidx: {floating, signed, uint16, uint32, uint64} = int32",
    shape=_range_shape,
    doc="start, start + delta, … up to but not including limit.",
)


def _lin_space_shape(ctx: ShapeContext) -> list[Dims]:
    for i in range(3):
        ctx.rank_is(i, 0)
    num = ctx.scalar(2)
    if num is not None and num <= 0:
        ctx.fail(f"num must be positive, got {num}")
    return [(num,)]


define_op(
    "LinSpace",
    inputs="start: T, stop: T, num: Tidx",
    outputs="output: T",
    attrs="T: floating, Tidx: index = int32",
    shape=_lin_space_shape,
    doc="`num` evenly spaced numbers from start to stop, both included.",
)
no_gradient("Range", "LinSpace")

_RANGE_ORDER = (dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64)


@export("range")
def range_(
    start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range"
) -> Tensor:
    """Return start, start + delta, … below `limit`; `range(n)` counts from 0.

    >>> ps.Session().run(ps.range(1, 10, 3))
    array([1, 4, 7], dtype=int32)
    """
    if limit is None:
        start, limit = 0, start
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    ends = [
        convert.to_tensor(v, None if isinstance(v, Tensor) else wanted)
        for v in (start, limit, delta)
    ]
    if wanted is None:
        present = [e.dtype.base_dtype for e in ends]
        wanted = max(present, key=lambda d: _RANGE_ORDER.index(d) if d in _RANGE_ORDER else -1)
    ends = [e if e.dtype.base_dtype is wanted else raw.Cast(e, DstT=wanted) for e in ends]
    result: Tensor = raw.Range(*ends, name=name)
    return result


@export("linspace lin_space")
def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Tensor:
    """Return `num` evenly spaced numbers from `start` to `stop`, both included.

    Where these are no scalars the numbers run along a new dimension, `axis`.

    >>> ps.Session().run(ps.linspace(0., 1., 5))
    array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    first = convert.to_tensor(start)
    last = convert.to_tensor(stop, first.dtype.base_dtype)
    if first._dims == () and last._dims == () and axis in (0, -1):
        result: Tensor = raw.LinSpace(first, last, num, name=name)
        return result
    return _spaced_along(first, last, num, axis, name)


def _spaced_along(first: Tensor, last: Tensor, num: Any, axis: int, name: str | None) -> Tensor:
    """Return evenly spaced numbers along a new dimension of tensors of known rank."""
    if first._dims is None or last._dims is None:
        raise ValueError("linspace needs start and stop of known rank")
    shape = raw.BroadcastArgs(raw.Shape(first), raw.Shape(last))
    rank = max(len(first._dims), len(last._dims))
    place = shapes.normalize_axis(axis, rank + 1)
    first, last = (raw.ExpandDims(raw.BroadcastTo(x, shape), place) for x in (first, last))
    count = raw.Cast(convert.to_tensor(num), DstT="int32")
    steps = raw.Maximum(raw.Sub(count, 1), 1)
    number = raw.Reshape(raw.Range(0, count, 1), [-1 if d == place else 1 for d in range(rank + 1)])
    step = raw.RealDiv(raw.Sub(last, first), raw.Cast(steps, DstT=first.dtype))
    middle = raw.AddV2(first, raw.Mul(step, raw.Cast(number, DstT=first.dtype)))
    # The end is exact, whatever the steps add up to.
    at_end = raw.LogicalAnd(raw.Equal(number, steps), raw.GreaterEqual(number, 1))
    result: Tensor = raw.SelectV2(at_end, last, middle, name=name)
    return result


@export("eye linalg.eye")
def eye(
    num_rows: Any,
    num_columns: Any = None,
    batch_shape: Any = None,
    dtype: Any = dtypes.float32,
    name: str | None = None,
) -> Tensor:
    """Return an identity matrix, or a batch of them.

    >>> ps.Session().run(ps.eye(2))
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    kind = dtypes.as_dtype(dtype)
    on, off = (convert.to_tensor(v, kind) for v in (1, 0))
    columns = num_rows if num_columns is None else num_columns
    if batch_shape is None:
        return raw.OneHot(range_(num_rows), columns, on, off, name=name or "eye")  # type: ignore[no-any-return]
    matrix = raw.OneHot(range_(num_rows), columns, on, off)
    shape = raw.ConcatV2([convert.to_tensor(batch_shape, dtypes.int32), shape_of(matrix)], 0)
    result: Tensor = raw.BroadcastTo(matrix, shape, name=name or "eye")
    return result
