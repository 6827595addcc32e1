"""The distinct elements of a vector, and the elements of one vector that another lacks.

Both keep the order of first occurrence. 0 and -0 are equal; a NaN differs from every other.
"""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import at_most, define_op, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _unique_shape(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.rank_is(0, 1)
    return [(None,), dims, (None,)][: len(ctx.op.outputs)]


define_op(
    "Unique",
    inputs="x: T",
    outputs="y: T, idx: out_idx",
    attrs="T: type, out_idx: index = int32",
    shape=_unique_shape,
    export="unique",
    doc="""The distinct elements `y` of the vector `x`, in the order in which they occur first.

    `idx` tells for each element of `x` where it is in `y`: x = gather(y, idx).

    >>> ps.Session().run(tuple(ps.unique([7, 3, 7])))
    (array([7, 3], dtype=int32), array([0, 1, 0], dtype=int32))
    """,
)
define_op(
    "UniqueWithCounts",
    inputs="x: T",
    outputs="y: T, idx: out_idx, count: out_idx",
    attrs="T: type, out_idx: index = int32",
    shape=_unique_shape,
    export="unique_with_counts",
    doc="""As `unique`; `count` tells how often each element of `y` occurs in `x`.

    >>> ps.Session().run(ps.unique_with_counts([7, 3, 7]).count)
    array([2, 1], dtype=int32)
    """,
)


def _list_diff_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 1)
    ctx.rank_is(1, 1)
    return [(None,), (None,)]


define_op(
    "ListDiff",
    inputs="x: T, y: T",
    outputs="out: T, idx: out_idx",
    attrs="T: type, out_idx: index = int32",
    shape=_list_diff_shape,
    doc="The elements of the vector `x` that do not occur in `y`, and their positions in `x`.",
)
no_gradient("Unique", "UniqueWithCounts", "ListDiff")


@at_most("Unique", "UniqueWithCounts", "ListDiff")
def _all_distinct(ctx: ShapeContext) -> list[Dims]:
    return [ctx.shape(0)] * len(ctx.op.outputs)


@export("setdiff1d")
def setdiff1d(x: Any, y: Any, index_dtype: Any = dtypes.int32, name: str | None = None) -> Any:
    """Return the elements of the vector `x` that `y` lacks, and their positions in `x`.

    >>> ps.Session().run(ps.setdiff1d([1, 2, 3, 2], [2]).out)
    array([1, 3], dtype=int32)
    """
    return raw.ListDiff(x, y, out_idx=index_dtype, name=name)
