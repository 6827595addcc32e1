"""Elements in order along one axis, and where values belong in a row that is in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes, shapes
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _mirrored(x: Tensor) -> Tensor:
    """Return numbers in the reverse order of those of `x`, without overflow."""
    kind = x.dtype.base_dtype
    if kind.is_floating:
        result: Tensor = raw.Neg(x)
    else:
        limits = np.iinfo(kind.numpy_dtype)
        last = limits.max if limits.min == 0 else -1
        result = raw.Sub(convert.to_tensor(last, kind), x)
    return result


def _sorted(x: Tensor, axis: int, direction: str) -> tuple[Tensor, Tensor]:
    """Return the elements in order along an axis, and where they were."""
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f"direction must be ASCENDING or DESCENDING, not {direction!r}")
    order = None
    if x._dims is not None:
        rank = len(x._dims)
        place = shapes.normalize_axis(axis, rank)
        if place != rank - 1:
            order = list(range(rank))
            order[place], order[-1] = order[-1], order[place]
    elif axis != -1:
        raise ValueError("sorting along an axis other than -1 needs a known rank")
    moved = x if order is None else raw.Transpose(x, order)
    ascending = direction == "ASCENDING"
    count = raw.StridedSlice(raw.Shape(moved), [-1], [0], [1], end_mask=1, shrink_axis_mask=1)
    best = raw.TopKV2(_mirrored(moved) if ascending else moved, count)
    values = _mirrored(best.values) if ascending else best.values
    if order is None:
        return values, best.indices
    return raw.Transpose(values, order), raw.Transpose(best.indices, order)


@export("sort")
def sort(
    values: Any, axis: int = -1, direction: str = "ASCENDING", name: str | None = None
) -> Tensor:
    """Return the elements in ascending (or "DESCENDING") order along an axis.

    >>> ps.Session().run(ps.sort([3, 1, 2]))
    array([1, 2, 3], dtype=int32)
    """
    result: Tensor = raw.Identity(
        _sorted(convert.to_tensor(values), axis, direction)[0], name=name or "sort"
    )
    return result


@export("argsort")
def argsort(
    values: Any,
    axis: int = -1,
    direction: str = "ASCENDING",
    stable: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return the positions that put the elements in order; equal ones always stay as they are.

    >>> ps.Session().run(ps.argsort([3, 1, 2]))
    array([1, 2, 0], dtype=int32)
    """
    result: Tensor = raw.Identity(
        _sorted(convert.to_tensor(values), axis, direction)[1], name=name or "argsort"
    )
    return result


# ---- searching


def _found_shape(ctx: ShapeContext) -> list[Dims]:
    row, values = ctx.rank_is(0, 2), ctx.rank_is(1, 2)
    assert row is not None and values is not None
    shapes.merge(row[:1], values[:1])
    return [values]


for _op, _what in (("LowerBound", "below"), ("UpperBound", "not above")):
    define_op(
        _op,
        inputs="sorted_inputs: T, values: T",
        outputs="output: out_type",
        attrs="T: type, out_type: index = int32",
        shape=_found_shape,
        doc=f"How many elements of the same row of `sorted_inputs` are {_what} each value.",
    )
no_gradient("LowerBound", "UpperBound")


@export("searchsorted")
def searchsorted(
    sorted_sequence: Any,
    values: Any,
    side: str = "left",
    out_type: Any = dtypes.int32,
    name: str | None = None,
) -> Tensor:
    """Return where each value belongs in the sorted row of the same number.

    All dimensions but the last agree. "left" puts a value before equal elements, "right" after.

    >>> ps.Session().run(ps.searchsorted([1, 3, 3, 5], [3, 9]))
    array([1, 4], dtype=int32)
    """
    if side not in ("left", "right"):
        raise ValueError(f"side must be left or right, not {side!r}")
    row = convert.to_tensor(sorted_sequence)
    wanted = convert.to_tensor(values, row.dtype.base_dtype)
    length = raw.StridedSlice(raw.Shape(row), [-1], [0], [1], end_mask=1)
    count = raw.StridedSlice(raw.Shape(wanted), [-1], [0], [1], end_mask=1)
    op = raw.LowerBound if side == "left" else raw.UpperBound
    lines = raw.Reshape(row, raw.ConcatV2([_lines(row), length], 0))
    found = op(
        lines, raw.Reshape(wanted, raw.ConcatV2([_lines(wanted), count], 0)), out_type=out_type
    )
    result: Tensor = raw.Reshape(found, raw.Shape(wanted), name=name)
    return result


def _lines(x: Tensor) -> Tensor:
    """Return the number of rows of `x`, as a vector of one."""
    lead = raw.StridedSlice(raw.Shape(x), [0], [-1], [1], begin_mask=1)
    result: Tensor = raw.Reshape(raw.Prod(lead, [0]), [1])
    return result
