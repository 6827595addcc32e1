"""Matrix products: of two matrices, and of stacks of matrices with broadcasting."""

from __future__ import annotations

from typing import Any

from penstock import errors, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.shape import shape_of
from penstock.ops.wrappers import raw
from penstock.shapes import Dims

_MATMUL_TYPES = "{floating, int32, int64, unsigned, complex}"


def _inner(ctx: ShapeContext, a: int | None, b: int | None) -> None:
    if a is not None and b is not None and a != b:
        ctx.fail(f"inner dimensions differ: {a} and {b}")


def _matmul_shape(ctx: ShapeContext) -> list[Dims]:
    a, b = ctx.rank_is(0, 2), ctx.rank_is(1, 2)
    assert a is not None and b is not None
    rows, left = reversed(a) if ctx.attr("transpose_a") else a
    right, columns = reversed(b) if ctx.attr("transpose_b") else b
    _inner(ctx, left, right)
    return [(rows, columns)]


define_op(
    "MatMul",
    inputs="a: T, b: T",
    outputs="product: T",
    attrs=f"transpose_a: bool = False, transpose_b: bool = False, T: {_MATMUL_TYPES}, "
    "grad_a: bool = False, grad_b: bool = False",
    shape=_matmul_shape,
    doc="The product of two matrices, each transposed first on request.",
)


def _batch_shape(ctx: ShapeContext, broadcast: bool) -> list[Dims]:
    x, y = ctx.shape(0), ctx.shape(1)
    for i, dims in enumerate((x, y)):
        if dims is not None and len(dims) < 2:
            ctx.fail(f"input {i} must have at least 2 dimensions, not {len(dims)}")
    if x is None or y is None:
        return [None]
    rows, left = reversed(x[-2:]) if ctx.attr("adj_x") else x[-2:]
    right, columns = reversed(y[-2:]) if ctx.attr("adj_y") else y[-2:]
    _inner(ctx, left, right)
    join = shapes.broadcast if broadcast else shapes.merge
    return [shapes.concatenate(join(x[:-2], y[:-2]), (rows, columns))]


_BATCH_ATTRS = (
    "adj_x: bool = False, adj_y: bool = False, grad_x: bool = False, grad_y: bool = False"
)
define_op(
    "BatchMatMul",
    inputs="x: T, y: T",
    outputs="output: T",
    attrs="T: {floating, int32, int64, complex}, " + _BATCH_ATTRS,
    shape=lambda ctx: _batch_shape(ctx, broadcast=False),
    doc="Products of matrices, the last two dimensions; the others must agree.",
)
define_op(
    "BatchMatMulV2",
    inputs="x: T, y: T",
    outputs="output: T",
    attrs="T: {floating, int16, int32, int64, unsigned, complex}, " + _BATCH_ATTRS,
    shape=lambda ctx: _batch_shape(ctx, broadcast=True),
    doc="Products of matrices, the last two dimensions; the others broadcast.",
)


def _conj(x: Tensor) -> Tensor:
    result: Tensor = raw.Conj(x) if x.dtype.is_complex else x
    return result


@gradient("MatMul")
def _matmul_grad(op: Operation, dy: Tensor) -> Any:
    a, b = (_conj(t) for t in op.inputs)
    flips = (op.get_attr("transpose_a"), op.get_attr("transpose_b"))
    if flips == (False, False):
        return raw.MatMul(dy, b, transpose_b=True), raw.MatMul(a, dy, transpose_a=True)
    if flips == (False, True):
        return raw.MatMul(dy, b), raw.MatMul(dy, a, transpose_a=True)
    if flips == (True, False):
        return raw.MatMul(b, dy, transpose_b=True), raw.MatMul(a, dy)
    both = {"transpose_a": True, "transpose_b": True}
    return raw.MatMul(b, dy, **both), raw.MatMul(dy, a, **both)


def _batch_grads(op: Operation, dy: Tensor) -> tuple[Tensor, Tensor]:
    x, y = op.inputs
    product = getattr(raw, op.type)
    flips = (op.get_attr("adj_x"), op.get_attr("adj_y"))
    if flips == (False, False):
        return product(dy, y, adj_y=True), product(x, dy, adj_x=True)
    if flips == (False, True):
        return product(dy, y), product(dy, x, adj_x=True)
    if flips == (True, False):
        return product(y, dy, adj_y=True), product(x, dy)
    return product(y, dy, adj_x=True, adj_y=True), product(dy, x, adj_x=True, adj_y=True)


@gradient("BatchMatMul")
def _batch_matmul_grad(op: Operation, dy: Tensor) -> Any:
    return _batch_grads(op, dy)


@gradient("BatchMatMulV2")
def _batch_matmul_v2_grad(op: Operation, dy: Tensor) -> Any:
    x, y = op.inputs
    dx, dy_in = _batch_grads(op, dy)
    if x._dims is not None and y._dims is not None:
        lead_x, lead_y = x._dims[:-2], y._dims[:-2]
        if lead_x == lead_y and shapes.is_fully_defined(lead_x):
            return dx, dy_in
    over_x, over_y = raw.BroadcastGradientArgs(_lead(x), _lead(y))
    return (
        raw.Reshape(raw.Sum(dx, over_x), shape_of(x)),
        raw.Reshape(raw.Sum(dy_in, over_y), shape_of(y)),
    )


def _lead(x: Tensor) -> Any:
    """Return all dimensions of `x` but the last two, as a tensor."""
    return raw.StridedSlice(raw.Shape(x), [0], [-2], [1], begin_mask=1)


@export("matmul linalg.matmul")
def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    output_type: Any = None,
    grad_a: bool = False,
    grad_b: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return the matrix product of `a` and `b`; of stacks of matrices for rank 3 or more.

    Either operand is transposed, or transposed and conjugated (`adjoint_…`), first on request.
    `a_is_sparse` and `b_is_sparse` are hints that change nothing here.

    >>> ps.Session().run(ps.matmul([[1., 2.], [3., 4.]], [[1.], [1.]]))
    array([[3.],
           [7.]], dtype=float32)
    """
    if transpose_a and adjoint_a:
        raise ValueError("matmul: only one of transpose_a and adjoint_a can be True")
    if transpose_b and adjoint_b:
        raise ValueError("matmul: only one of transpose_b and adjoint_b can be True")
    x, y = _operands(a, b)
    if output_type is not None and output_type != x.dtype:
        raise errors.UnimplementedError(
            None, None, f"matmul: output_type other than the operands' {x.dtype.name}"
        )
    marks = {"grad_a": grad_a, "grad_b": grad_b}
    result: Tensor
    if any(t._dims is None or len(t._dims) > 2 for t in (x, y)):
        # The batched op knows adjoints only: conjugating twice leaves a plain transpose.
        result = raw.BatchMatMulV2(
            _conj(x) if transpose_a else x,
            _conj(y) if transpose_b else y,
            adj_x=transpose_a or adjoint_a,
            adj_y=transpose_b or adjoint_b,
            grad_x=grad_a,
            grad_y=grad_b,
            name=name or "MatMul",
        )
        return result
    result = raw.MatMul(
        _conj(x) if adjoint_a else x,
        _conj(y) if adjoint_b else y,
        transpose_a=transpose_a or adjoint_a,
        transpose_b=transpose_b or adjoint_b,
        name=name,
        **marks,
    )
    return result


def _operands(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Return both as tensors; one that is no tensor takes the other's dtype."""
    if not isinstance(a, Tensor) and isinstance(b, Tensor):
        y = convert.to_tensor(b)
        return convert.to_tensor(a, y.dtype.base_dtype), y
    x = convert.to_tensor(a)
    return x, convert.to_tensor(b, None if isinstance(b, Tensor) else x.dtype.base_dtype)
