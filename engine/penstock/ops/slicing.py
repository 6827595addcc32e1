"""Parts of a tensor by begin, end and stride along each dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _slice_shape(ctx: ShapeContext) -> list[Dims]:
    dims, begin, size = ctx.shape(0), ctx.ints(1), ctx.ints(2)
    for i in (1, 2):
        given = ctx.rank_is(i, 1)
        if dims is not None and given is not None and given[0] not in (None, len(dims)):
            ctx.fail(f"input {i} has {given[0]} elements, the input has rank {len(dims)}")
    known = begin if begin is not None else size
    if dims is None:
        if known is None:
            return [None]
        dims = (None,) * len(known)
    begins, sizes = begin or [None] * len(dims), size or [None] * len(dims)
    rows = enumerate(zip(dims, begins, sizes, strict=True))
    return [tuple([_sliced(ctx, i, *row) for i, row in rows])]


def _sliced(
    ctx: ShapeContext, i: int, dim: int | None, begin: int | None, size: int | None
) -> int | None:
    if begin is not None and (begin < 0 or (dim is not None and begin > dim)):
        ctx.fail(f"begin[{i}] = {begin} is not in [0, {'?' if dim is None else dim}]")
    if size is None:
        return None
    if size == -1:
        return None if dim is None or begin is None else dim - begin
    if size < -1 or (dim is not None and size > dim - (begin or 0)):
        ctx.fail(f"size[{i}] = {size} does not fit: begin is {begin}, the dimension has {dim}")
    return size


define_op(
    "Slice",
    inputs="input: T, begin: Index, size: Index",
    outputs="output: T",
    attrs="T: type, Index: index",
    shape=_slice_shape,
    doc="`size[d]` elements from `begin[d]` on along each dimension d; -1 means the rest.",
)


@gradient("Slice")
def _slice_grad(op: Operation, dy: Tensor) -> Any:
    x, begin, _ = op.inputs
    shape, taken = (raw.Shape(t, out_type=begin.dtype) for t in (x, op.outputs[0]))
    after = raw.Sub(raw.Sub(shape, begin), taken)
    return raw.Pad(dy, raw.Pack([begin, after], axis=1)), None, None


@export("slice")
def slice_(input_: Any, begin: Any, size: Any, name: str | None = None) -> Tensor:
    """Return `size[d]` elements from `begin[d]` on along each dimension d; -1 means the rest.

    >>> ps.Session().run(ps.slice([[1, 2, 3], [4, 5, 6]], [1, 0], [1, 2]))
    array([[4, 5]], dtype=int32)
    """
    result: Tensor = raw.Slice(input_, begin, size, name=name)
    return result


# ---- strided slices

_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
MASK_ATTRS = ", ".join(f"{m}: int = 0" for m in _MASKS)


class _Reader:
    """Reads the items of an index one after the other; collects the shape of the result."""

    def __init__(self, ctx: ShapeContext, dims: tuple[int | None, ...], first: int) -> None:
        self.ctx, self.dims = ctx, dims
        self.begin, self.end, self.stride = (ctx.ints(first + i) for i in range(3))
        self.masks = {m: ctx.attr(m) for m in _MASKS}
        self.at = 0
        self.result: list[int | None] = []

    def read(self, count: int) -> Dims:
        for i in range(count):
            if self._has("ellipsis_mask", i):
                later = range(i + 1, count)
                after = sum(not self._has("new_axis_mask", k) for k in later)
                self._take_whole(len(self.dims) - after)
            elif self._has("new_axis_mask", i):
                self.result.append(1)
            else:
                if self.at >= len(self.dims):
                    self.ctx.fail(f"the index has more items than the rank, {len(self.dims)}")
                self._take(i, self.dims[self.at])
                self.at += 1
        self._take_whole(len(self.dims))
        return tuple(self.result)

    def _has(self, mask: str, i: int) -> bool:
        return bool(self.masks[mask] >> i & 1)

    def _take_whole(self, stop: int) -> None:
        self.result += self.dims[self.at : max(stop, self.at)]
        self.at = max(stop, self.at)

    def _take(self, i: int, dim: int | None) -> None:
        begin, end, stride = (
            None if v is None else v[i] for v in (self.begin, self.end, self.stride)
        )
        if stride == 0:
            self.ctx.fail(f"strides[{i}] must not be 0")
        if self._has("shrink_axis_mask", i):
            if dim is not None and begin is not None and not -dim <= begin < dim:
                self.ctx.fail(f"index {begin} of dimension {self.at} is out of range for {dim}")
            return
        free_begin, free_end = self._has("begin_mask", i), self._has("end_mask", i)
        if (begin is None and not free_begin) or (end is None and not free_end) or stride is None:
            self.result.append(None)
        elif dim is None:
            bounds = (None if free_begin else begin, None if free_end else end)
            self.result.append(0 if _is_empty(*bounds, stride) else None)
        else:
            taken = slice(None if free_begin else begin, None if free_end else end, stride)
            self.result.append(len(range(*taken.indices(dim))))


def _is_empty(begin: int | None, end: int | None, stride: int) -> bool:
    """Return True when a slice of a dimension of any size is empty."""
    if begin is None or end is None or (begin < 0) != (end < 0):
        return False
    return end <= begin if stride > 0 else end >= begin


def strided_shape(ctx: ShapeContext, dims: Dims) -> Dims:
    """Return the shape of what inputs 1 to 3 (begin, end, strides) take of a shape."""
    counts = [ctx.rank_is(i, 1) for i in (1, 2, 3)]
    (count,) = shapes.all_equal(counts) or (None,)
    if ctx.attr("ellipsis_mask").bit_count() > 1:
        ctx.fail("only one ellipsis (...) is allowed in an index")
    if dims is None or count is None:
        return None
    return _Reader(ctx, dims, 1).read(count)


define_op(
    "StridedSlice",
    inputs="input: T, begin: Index, end: Index, strides: Index",
    outputs="output: T",
    attrs=f"T: type, Index: {{int16, int32, int64}}, {MASK_ATTRS}",
    shape=lambda ctx: [strided_shape(ctx, ctx.shape(0))],
    doc="What Python's indexing takes: ranges with strides, `...`, new axes, single elements.",
)
define_op(
    "StridedSliceGrad",
    inputs="shape: Index, begin: Index, end: Index, strides: Index, dy: T",
    outputs="output: T",
    attrs=f"T: type, Index: index, {MASK_ATTRS}",
    shape=lambda ctx: [ctx.shape_from(0)],
    doc="Zeros of that shape, with `dy` where StridedSlice would take it from.",
)


def _masks_of(op: Operation) -> dict[str, int]:
    return {m: op.get_attr(m) for m in _MASKS}


@gradient("StridedSlice")
def _strided_slice_grad(op: Operation, dy: Tensor) -> Any:
    x, begin, end, strides = op.inputs
    ends = (begin, end, strides)
    index = [t if t.dtype.name != "int16" else raw.Cast(t, DstT="int32") for t in ends]
    shape = raw.Shape(x, out_type=index[0].dtype)
    if shapes.is_fully_defined(x._dims):
        shape = convert.to_tensor(np.array(x._dims, dtype=index[0].dtype.numpy_dtype))
    return raw.StridedSliceGrad(shape, *index, dy, **_masks_of(op)), None, None, None


@gradient("StridedSliceGrad")
def _strided_slice_grad_grad(op: Operation, dy: Tensor) -> Any:
    begin, end, strides = op.inputs[1:4]
    return None, None, None, None, raw.StridedSlice(dy, begin, end, strides, **_masks_of(op))


@export("strided_slice")
def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
    name: str | None = None,
) -> Tensor:
    """Return `input_[begin:end:strides]` for vectors of these; `x[...]` is the short form.

    >>> ps.Session().run(ps.strided_slice([1, 2, 3, 4, 5], [1], [5], [2]))
    array([2, 4], dtype=int32)
    """
    first = convert.to_tensor(begin)
    steps = raw.OnesLike(first) if strides is None else strides
    result: Tensor = raw.StridedSlice(
        input_,
        first,
        end,
        steps,
        begin_mask=begin_mask,
        end_mask=end_mask,
        ellipsis_mask=ellipsis_mask,
        new_axis_mask=new_axis_mask,
        shrink_axis_mask=shrink_axis_mask,
        name=name,
    )
    return result
