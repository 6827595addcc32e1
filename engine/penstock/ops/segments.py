"""Rows put together by segment: largest, smallest, product, mean, and sums of picked rows.

Segment ids are sorted and start at 0 (rows without an id are 0, products 1), except in the
`unsorted` ops, where a negative id drops its data. `sparse` ops pick rows of `data` first. The
sums themselves are in `scatter.py`.
"""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.scatter import of_segments, sorted_shape, unsorted_shape
from penstock.ops.shape import like
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _define_sorted(kind: str, types: str, what: str, example: str) -> None:
    name = f"segment_{kind.lower()}"
    define_op(
        f"Segment{kind}",
        inputs="data: T, segment_ids: Tindices",
        outputs="output: T",
        attrs=f"T: {types}, Tindices: index",
        shape=sorted_shape,
        export=f"{name} math.{name}",
        doc=f"""Row s: the {what} of the rows of `data` whose segment id is s; the ids are sorted.

        Rows that no id names are {1 if kind == "Prod" else 0}.

        >>> ps.Session().run(ps.{name}([3., 1., 2.], [0, 0, 2]))
        {example}
        """,
    )


_define_sorted("Max", "real", "largest elements", "array([3., 0., 2.], dtype=float32)")
_define_sorted("Min", "real", "smallest elements", "array([1., 0., 2.], dtype=float32)")
_define_sorted("Mean", "number", "mean", "array([2., 0., 2.], dtype=float32)")
_define_sorted("Prod", "number", "product", "array([3., 1., 2.], dtype=float32)")


def _define_unsorted(kind: str, types: str, what: str, nothing: str, example: str) -> None:
    name = f"unsorted_segment_{kind.lower()}"
    define_op(
        f"UnsortedSegment{kind}",
        inputs="data: T, segment_ids: Tindices, num_segments: Tnumsegments",
        outputs="output: T",
        attrs=f"T: {types}, Tindices: index, Tnumsegments: index = int32",
        shape=unsorted_shape,
        export=f"{name} math.{name}",
        doc=f"""Row s: the {what} of the slices of `data` whose segment id is s.

        Negative ids drop their data; rows that no id names are {nothing}.

        >>> ps.Session().run(ps.{name}([3., 1., 2.], [1, 0, 1], 2))
        {example}
        """,
    )


_define_unsorted(
    "Max", "real", "largest elements", "the least number", "array([1., 3.], dtype=float32)"
)
_define_unsorted(
    "Min", "real", "smallest elements", "the greatest number", "array([1., 2.], dtype=float32)"
)
_define_unsorted("Prod", "number", "product", "1", "array([1., 6.], dtype=float32)")


# ---- gradients of these


def _column(counts: Tensor, of: Tensor) -> Tensor:
    """Return a vector, one number for each row of `of`, as it broadcasts with `of`."""
    ones = raw.OnesLike(raw.StridedSlice(raw.Shape(of), [1], [0], [1], end_mask=1))
    result: Tensor = raw.Reshape(counts, raw.ConcatV2([raw.Shape(counts), ones], 0))
    return result


@gradient("SegmentMean")
def _segment_mean_grad(op: Operation, dy: Tensor) -> Any:
    ids = op.inputs[1]
    one = convert.to_tensor(1, dy.dtype)
    counts = raw.SegmentSum(raw.Fill(raw.Shape(ids), one), ids)
    # A row without an id has no count, and nobody takes its gradient.
    share = raw.RealDiv(one, raw.GatherV2(counts, ids, 0))
    return raw.Mul(raw.GatherV2(dy, ids, 0), _column(share, op.inputs[0])), None


@gradient("SegmentMax", "SegmentMin")
def _segment_extreme_grad(op: Operation, dy: Tensor) -> Any:
    """Share each gradient equally among the elements that gave the value."""
    data, ids = op.inputs
    chosen = raw.Cast(raw.Equal(data, raw.GatherV2(op.outputs[0], ids, 0)), DstT=dy.dtype)
    count = raw.GatherV2(raw.SegmentSum(chosen, ids), ids, 0)
    share = raw.DivNoNan(raw.GatherV2(dy, ids, 0), count)
    return raw.Mul(chosen, share), None


@gradient("UnsortedSegmentMax", "UnsortedSegmentMin")
def _unsorted_extreme_grad(op: Operation, dy: Tensor) -> Any:
    data, ids, size = op.inputs
    best, kept = of_segments(op.outputs[0], ids)
    equal = raw.LogicalAnd(raw.Equal(data, best), kept)
    chosen = raw.Cast(equal, DstT=dy.dtype)
    count, _ = of_segments(raw.UnsortedSegmentSum(chosen, ids, size), ids)
    slope, _ = of_segments(dy, ids)
    return like(raw.Mul(chosen, raw.DivNoNan(slope, count)), data), None, None


def _others_product(data: Tensor, ids: Tensor, size: Tensor) -> Tensor:
    """Return for each element the product of the other elements of its segment.

    A segment with one zero has a slope there only; with two it has none.
    """
    zero, one = raw.ZerosLike(data), raw.OnesLike(data)
    is_zero = raw.Equal(data, zero)
    filled = raw.SelectV2(is_zero, one, data)
    zeros = raw.UnsortedSegmentSum(raw.Cast(is_zero, DstT="int32"), ids, size)
    count, kept = of_segments(zeros, ids)
    product, _ = of_segments(raw.UnsortedSegmentProd(filled, ids, size), ids)
    others = raw.SelectV2(is_zero, raw.Sub(count, raw.OnesLike(count)), count)
    has_slope = raw.LogicalAnd(kept, raw.Equal(others, raw.ZerosLike(others)))
    result: Tensor = raw.SelectV2(has_slope, raw.RealDiv(product, filled), zero)
    return result


@gradient("UnsortedSegmentProd")
def _unsorted_prod_grad(op: Operation, dy: Tensor) -> Any:
    data, ids, size = op.inputs
    taken, _ = of_segments(dy, ids)
    others = _others_product(data, ids, size)
    others = raw.Conj(others) if dy.dtype.is_complex else others
    return like(raw.Mul(taken, others), data), None, None


@gradient("SegmentProd")
def _segment_prod_grad(op: Operation, dy: Tensor) -> Any:
    data, ids = op.inputs
    rows = raw.StridedSlice(raw.Shape(op.outputs[0]), [0], [1], [1], shrink_axis_mask=1)
    others = _others_product(data, ids, rows)
    others = raw.Conj(others) if dy.dtype.is_complex else others
    return raw.Mul(raw.GatherV2(dy, ids, 0), others), None


# ---- picked rows


def _picked_shape(ctx: ShapeContext) -> list[Dims]:
    data, indices, ids = ctx.shapes[:3]
    shapes.merge(ctx.rank_is(1, 1), ctx.rank_is(2, 1))
    shapes.merge(indices, ids)
    rows = None
    if len(ctx.inputs) == 4:
        ctx.rank_is(3, 0)
        given = ctx.ints(3)
        rows = None if given is None else given[0]
        if rows is not None and rows < 0:
            ctx.fail(f"num_segments must not be negative, got {rows}")
    if data == ():
        ctx.fail("data is a scalar: it has no rows")
    return [None if data is None else (rows, *data[1:])]


def _grad_shape(ctx: ShapeContext) -> list[Dims]:
    data = ctx.shape(0)
    shapes.merge(ctx.rank_is(1, 1), ctx.rank_is(2, 1))
    ctx.rank_is(3, 0)
    rows = ctx.ints(3)
    if rows is not None and rows[0] is not None and rows[0] < 0:
        ctx.fail(f"output_dim0 must not be negative, got {rows[0]}")
    if data == ():
        ctx.fail("the gradient is a scalar: it has no rows")
    return [None if data is None else (rows[0] if rows else None, *data[1:])]


_INDEX_TYPES = "Tidx: index = int32, Tsegmentids: index = int32"


def _define_picked(kind: str, types: str, what: str) -> None:
    for suffix in ("", "WithNumSegments"):
        more = ", num_segments: Tnumsegments" if suffix else ""
        type_of_more = ", Tnumsegments: index = int32" if suffix else ""
        define_op(
            f"SparseSegment{kind}{suffix}",
            inputs=f"data: T, indices: Tidx, segment_ids: Tsegmentids{more}",
            outputs="output: T",
            attrs=f"T: {types}, Tidx: index = int32{type_of_more}, "
            "Tsegmentids: index = int32, sparse_gradient: bool = False",
            shape=_picked_shape,
            doc=f"Row s: the {what} of the rows of `data` at `indices` whose segment id is s.",
        )
    define_op(
        f"SparseSegment{kind}Grad",
        inputs="grad: T, indices: Tidx, segment_ids: Tsegmentids, output_dim0: int32",
        outputs="output: T",
        attrs=f"T: floating, {_INDEX_TYPES}",
        shape=_grad_shape,
        doc=f"The gradient of `SparseSegment{kind}` for data of `output_dim0` rows.",
    )


_define_picked("Sum", "real", "sum")
_define_picked("Mean", "floating", "mean")
_define_picked("SqrtN", "floating", "sum, divided by the square root of their number,")


def _picked_grad(op: Operation, dy: Tensor) -> Any:
    data, indices, ids = op.inputs[:3]
    kind = op.type.removesuffix("WithNumSegments")
    rows = raw.StridedSlice(raw.Shape(data), [0], [1], [1], shrink_axis_mask=1)
    slope = getattr(raw, f"{kind}Grad")(dy, indices, ids, rows)
    return like(slope, data), *([None] * (len(op.inputs) - 1))


def _picked_grad_grad(op: Operation, dy: Tensor) -> Any:
    """Pick, sum and scale as the forward op does: the gradient is linear."""
    grad, indices, ids = op.inputs[:3]
    rows = raw.StridedSlice(raw.Shape(grad), [0], [1], [1], shrink_axis_mask=1)
    # Ids of a gradient need not be sorted, so the rows are put together without the sparse op.
    total = raw.UnsortedSegmentSum(raw.GatherV2(dy, indices, 0), ids, rows)
    if not op.type.startswith("SparseSegmentSum"):
        one = convert.to_tensor(1, dy.dtype)
        counts = raw.UnsortedSegmentSum(raw.Fill(raw.Shape(ids), one), ids, rows)
        counts = raw.Maximum(counts, one)
        scale = counts if "Mean" in op.type else raw.Sqrt(counts)
        total = raw.RealDiv(total, _column(scale, total))
    return like(total, grad), None, None, None


for _kind in ("Sum", "Mean", "SqrtN"):
    for _suffix in ("", "WithNumSegments"):
        gradient(f"SparseSegment{_kind}{_suffix}")(_picked_grad)
    gradient(f"SparseSegment{_kind}Grad")(_picked_grad_grad)


def _sparse_segment(
    kind: str,
    data: Any,
    indices: Any,
    segment_ids: Any,
    name: str | None,
    num_segments: Any,
    sparse_gradient: bool,
) -> Tensor:
    inputs = [data, indices, segment_ids]
    if num_segments is not None:
        kind, inputs = f"{kind}WithNumSegments", [*inputs, num_segments]
    op = getattr(raw, f"SparseSegment{kind}")
    result: Tensor = op(*inputs, sparse_gradient=sparse_gradient, name=name)
    return result


@export("sparse_segment_sum")
def sparse_segment_sum(
    data: Any,
    indices: Any,
    segment_ids: Any,
    name: str | None = None,
    num_segments: Any = None,
    sparse_gradient: bool = False,
) -> Tensor:
    """Return the sums of the rows of `data` at `indices`, by their sorted segment ids.

    `num_segments` says how many rows there are where the last ids have none.

    >>> ps.Session().run(ps.sparse_segment_sum([[1, 2], [3, 4]], [0, 1, 1], [0, 0, 1]))
    array([[4, 6],
           [3, 4]], dtype=int32)
    """
    return _sparse_segment("Sum", data, indices, segment_ids, name, num_segments, sparse_gradient)


@export("sparse_segment_mean")
def sparse_segment_mean(
    data: Any,
    indices: Any,
    segment_ids: Any,
    name: str | None = None,
    num_segments: Any = None,
    sparse_gradient: bool = False,
) -> Tensor:
    """Return the means of the rows of `data` at `indices`, by their sorted segment ids.

    >>> ps.Session().run(ps.sparse_segment_mean([[1.], [3.]], [0, 1, 1], [0, 0, 1]))
    array([[2.],
           [3.]], dtype=float32)
    """
    return _sparse_segment("Mean", data, indices, segment_ids, name, num_segments, sparse_gradient)


@export("sparse_segment_sqrt_n")
def sparse_segment_sqrt_n(
    data: Any,
    indices: Any,
    segment_ids: Any,
    name: str | None = None,
    num_segments: Any = None,
    sparse_gradient: bool = False,
) -> Tensor:
    """Return sums by segment as `sparse_segment_sum`, divided by the root of their number of rows.

    >>> ps.Session().run(ps.sparse_segment_sqrt_n([[2.]], [0, 0, 0, 0], [0, 0, 0, 0]))
    array([[4.]], dtype=float32)
    """
    return _sparse_segment("SqrtN", data, indices, segment_ids, name, num_segments, sparse_gradient)


@export("unsorted_segment_mean math.unsorted_segment_mean")
def unsorted_segment_mean(
    data: Any, segment_ids: Any, num_segments: Any, name: str | None = None
) -> Tensor:
    """Return the means of the slices of `data` by segment id; 0 where there are none.

    >>> ps.Session().run(ps.unsorted_segment_mean([1., 2., 4.], [1, 0, 1], 3))
    array([2. , 2.5, 0. ], dtype=float32)
    """
    x, ids = convert.to_tensor(data), convert.to_tensor(segment_ids)
    total = raw.UnsortedSegmentSum(x, ids, num_segments)
    result: Tensor = raw.RealDiv(total, _counts(x, ids, num_segments, total), name=name)
    return result


@export("unsorted_segment_sqrt_n math.unsorted_segment_sqrt_n")
def unsorted_segment_sqrt_n(
    data: Any, segment_ids: Any, num_segments: Any, name: str | None = None
) -> Tensor:
    """Return the sums of `data` by segment id, divided by the root of the number of slices.

    >>> ps.Session().run(ps.unsorted_segment_sqrt_n([1., 2., 3.], [1, 0, 0], 2)).round(4)
    array([3.5355, 1.    ], dtype=float32)
    """
    x, ids = convert.to_tensor(data), convert.to_tensor(segment_ids)
    total = raw.UnsortedSegmentSum(x, ids, num_segments)
    root = raw.Sqrt(_counts(x, ids, num_segments, total))
    result: Tensor = raw.RealDiv(total, root, name=name)
    return result


def _counts(x: Tensor, ids: Tensor, num_segments: Any, total: Tensor) -> Tensor:
    """Return the number of slices of each segment, 1 for none, broadcasting with `total`."""
    one = convert.to_tensor(1, x.dtype)
    counts = raw.UnsortedSegmentSum(raw.Fill(raw.Shape(ids), one), ids, num_segments)
    return _column(raw.Maximum(counts, one), total)
