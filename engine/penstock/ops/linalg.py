"""Square matrices: Cholesky factors, determinants, inverses, systems of linear equations.

All take stacks of matrices, the last two dimensions. Gradients are written with the same ops,
after Giles, "Collected matrix derivative results for forward and reverse mode AD" (2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import errors, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.control import under
from penstock.ops.infer import ShapeContext
from penstock.ops.matmul import matmul
from penstock.ops.registry import define_op, gradient
from penstock.ops.shape import shape_of
from penstock.ops.wrappers import raw
from penstock.shapes import Dims

_TYPES = "{float16, float32, float64, complex}"


def _square(ctx: ShapeContext) -> Dims:
    dims = ctx.shape(0)
    if dims is None:
        return None
    if len(dims) < 2:
        ctx.fail(f"{ctx.op.inputs[0].name} must be square matrices, not of rank {len(dims)}")
    side = shapes.merge((dims[-1],), (dims[-2],))
    assert side is not None
    return (*dims[:-2], *side, *side)


def _same_square(ctx: ShapeContext) -> list[Dims]:
    return [_square(ctx)]


def _stack(ctx: ShapeContext) -> list[Dims]:
    dims = _square(ctx)
    return [None if dims is None else dims[:-2]] * len(ctx.op.outputs)


def _solution(ctx: ShapeContext, broadcasts: bool) -> list[Dims]:
    matrix, rhs = _square(ctx), ctx.shape(1)
    if rhs is not None and len(rhs) < 2:
        ctx.fail(f"rhs must have at least 2 dimensions, not {len(rhs)}")
    if matrix is None or rhs is None:
        return [None]
    rows = shapes.merge((matrix[-1],), (rhs[-2],))
    join = shapes.broadcast if broadcasts else shapes.merge
    assert rows is not None
    return [shapes.concatenate(join(matrix[:-2], rhs[:-2]), (*rows, rhs[-1]))]


define_op(
    "Cholesky",
    inputs="input: T",
    outputs="output: T",
    attrs=f"T: {_TYPES}",
    shape=_same_square,
    export="cholesky linalg.cholesky",
    doc="""The lower triangular L with L Lᴴ = A, of positive definite matrices.

    The upper triangle is not read. Raises `InvalidArgumentError` when a matrix is not
    positive definite. TensorFlow op: Cholesky.

    >>> ps.Session().run(ps.linalg.cholesky([[4., 2.], [2., 5.]]))
    array([[2., 0.],
           [1., 2.]], dtype=float32)
    """,
)
define_op(
    "MatrixInverse",
    inputs="input: T",
    outputs="output: T",
    attrs=f"adjoint: bool = False, T: {_TYPES}",
    shape=_same_square,
    export="matrix_inverse linalg.inv",
    doc="""The inverse of each matrix, or of its conjugate transpose (`adjoint`).

    Raises `InvalidArgumentError` for a singular matrix. TensorFlow op: MatrixInverse.

    >>> ps.Session().run(ps.linalg.inv([[2., 0.], [0., 4.]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float32)
    """,
)
define_op(
    "MatrixDeterminant",
    inputs="input: T",
    outputs="output: T",
    attrs=f"T: {_TYPES}",
    shape=_stack,
    export="matrix_determinant linalg.det",
    doc="""The determinant of each matrix. TensorFlow op: MatrixDeterminant.

    >>> float(ps.Session().run(ps.linalg.det([[2., 1.], [1., 3.]])))
    5.0
    """,
)
define_op(
    "LogMatrixDeterminant",
    inputs="input: T",
    outputs="sign: T, log_abs_determinant: T",
    attrs=f"T: {_TYPES}",
    shape=_stack,
    export="linalg.slogdet",
    doc="""Sign and logarithm of the modulus of each determinant: no overflow for large matrices.

    A singular matrix has sign 0 and logarithm -inf. TensorFlow op: LogMatrixDeterminant.

    >>> sign, log = ps.Session().run(ps.linalg.slogdet([[0., 1.], [1., 0.]]))
    >>> float(sign), float(log)
    (-1.0, 0.0)
    """,
)
define_op(
    "MatrixSolve",
    inputs="matrix: T, rhs: T",
    outputs="output: T",
    attrs=f"adjoint: bool = False, T: {_TYPES}",
    shape=lambda ctx: _solution(ctx, broadcasts=False),
    export="matrix_solve linalg.solve",
    doc="""The X with A X = B, or Aᴴ X = B (`adjoint`); batch dimensions must agree.

    Raises `InvalidArgumentError` for a singular matrix. TensorFlow op: MatrixSolve.

    >>> ps.Session().run(ps.linalg.solve([[2., 0.], [0., 4.]], [[2.], [2.]]))
    array([[1. ],
           [0.5]], dtype=float32)
    """,
)
define_op(
    "MatrixTriangularSolve",
    inputs="matrix: T, rhs: T",
    outputs="output: T",
    attrs="lower: bool = True, adjoint: bool = False, T: {floating, complex}",
    shape=lambda ctx: _solution(ctx, broadcasts=True),
    export="matrix_triangular_solve linalg.triangular_solve",
    doc="""The X with A X = B for triangular A, of which only that triangle is read.

    `lower` tells the triangle, `adjoint` asks for Aᴴ X = B; batch dimensions broadcast. Raises
    `InvalidArgumentError` for a zero on the diagonal. TensorFlow op: MatrixTriangularSolve.

    >>> ps.Session().run(ps.linalg.triangular_solve([[2., 9.], [1., 1.]], [[2.], [2.]]))
    array([[1.],
           [1.]], dtype=float32)
    """,
)


def _triangle(x: Tensor, lower: bool, diagonal: float = 1.0) -> Tensor:
    """Return `x` with zeros in the other triangle and the diagonal times `diagonal`."""
    size = raw.StridedSlice(raw.Shape(x), [-1], [0], [1], shrink_axis_mask=1)
    index = raw.Range(0, size, 1)
    rows, columns = raw.ExpandDims(index, 1), raw.ExpandDims(index, 0)
    keeps = raw.GreaterEqual(rows, columns) if lower else raw.LessEqual(rows, columns)
    mask = raw.Cast(keeps, DstT=x.dtype)
    if diagonal != 1.0:
        mask = mask - (1.0 - diagonal) * raw.Cast(raw.Equal(rows, columns), DstT=x.dtype)
    result: Tensor = raw.Mul(x, mask)
    return result


def _conj(x: Tensor) -> Tensor:
    result: Tensor = raw.Conj(x) if x.dtype.is_complex else x
    return result


def _over_matrices(factor: Tensor, matrices: Tensor) -> Tensor:
    result: Tensor = raw.ExpandDims(raw.ExpandDims(factor, -1), -1) * matrices
    return result


@gradient("Cholesky")
def _cholesky_grad(op: Operation, dl: Tensor) -> Tensor:
    factor = op.outputs[0]
    middle = _triangle(matmul(factor, dl, adjoint_a=True), lower=True, diagonal=0.5)
    left = raw.MatrixTriangularSolve(factor, middle, adjoint=True)  # L^-H middle
    other = raw.MatrixTriangularSolve(factor, _adjoint(left), adjoint=True)  # (left L^-1)^H
    result: Tensor = 0.5 * (other + _adjoint(other))
    return result


def _adjoint(x: Tensor) -> Tensor:
    rank = raw.Rank(x)
    lead = raw.Range(0, rank - 2, 1)
    order = raw.ConcatV2([lead, raw.Pack([rank - 1, rank - 2])], 0)
    if x._dims is not None:
        n = len(x._dims)
        order = np.array([*range(n - 2), n - 1, n - 2], dtype=np.int32)
    result: Tensor = _conj(raw.Transpose(x, order))
    return result


@gradient("MatrixInverse")
def _inverse_grad(op: Operation, dy: Tensor) -> Tensor:
    y = op.outputs[0]
    if op.get_attr("adjoint"):
        return -matmul(y, matmul(dy, y, adjoint_a=True))
    return -matmul(y, matmul(dy, y, adjoint_b=True), adjoint_a=True)


@gradient("MatrixDeterminant")
def _determinant_grad(op: Operation, dy: Tensor) -> Tensor:
    inverse = raw.MatrixInverse(op.inputs[0], adjoint=True)
    return _over_matrices(dy * _conj(op.outputs[0]), inverse)


@gradient("LogMatrixDeterminant")
def _log_determinant_grad(op: Operation, _: Any, dlog: Tensor) -> Tensor:
    return _over_matrices(dlog, raw.MatrixInverse(op.inputs[0], adjoint=True))


def _matrix_grad(adjoint: bool, drhs: Tensor, x: Tensor) -> Tensor:
    if adjoint:
        return -matmul(x, drhs, adjoint_b=True)
    return -matmul(drhs, x, adjoint_b=True)


@gradient("MatrixSolve")
def _solve_grad(op: Operation, dx: Tensor) -> Any:
    adjoint = op.get_attr("adjoint")
    drhs = raw.MatrixSolve(op.inputs[0], dx, adjoint=not adjoint)
    return _matrix_grad(adjoint, drhs, op.outputs[0]), drhs


@gradient("MatrixTriangularSolve")
def _triangular_solve_grad(op: Operation, dx: Tensor) -> Any:
    matrix, rhs = op.inputs
    adjoint, lower = op.get_attr("adjoint"), op.get_attr("lower")
    drhs = raw.MatrixTriangularSolve(matrix, dx, lower=lower, adjoint=not adjoint)
    dmatrix = _triangle(_matrix_grad(adjoint, drhs, op.outputs[0]), lower)
    return _sum_stack(dmatrix, matrix, rhs), _sum_stack(drhs, rhs, matrix)


def _sum_stack(dx: Tensor, x: Tensor, other: Tensor) -> Tensor:
    """Return `dx` summed over the batch dimensions along which `x` was broadcast."""
    if x._dims is not None and other._dims is not None and x._dims[:-2] == other._dims[:-2]:
        return dx
    lead = [raw.StridedSlice(raw.Shape(t), [0], [-2], [1], begin_mask=1) for t in (x, other)]
    axes, _ = raw.BroadcastGradientArgs(*lead)
    result: Tensor = raw.Reshape(raw.Sum(dx, axes), shape_of(x))
    return result


@export("cholesky_solve linalg.cholesky_solve")
def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Tensor:
    """Return the X with A X = B, given the Cholesky factor of A.

    >>> ps.Session().run(ps.linalg.cholesky_solve([[2., 0.], [1., 2.]], [[4.], [2.]]))
    array([[1.],
           [0.]], dtype=float32)
    """
    with under("cholesky_solve", name, chol, rhs):
        factor = convert.to_tensor(chol, name="chol")
        y = raw.MatrixTriangularSolve(factor, rhs)
        result: Tensor = raw.MatrixTriangularSolve(factor, y, adjoint=True)
    return result


@export("linalg.logdet")
def logdet(matrix: Any, name: str | None = None) -> Tensor:
    """Return the logarithm of the determinant of positive definite matrices.

    >>> round(float(ps.Session().run(ps.linalg.logdet([[4., 2.], [2., 5.]]))), 4)
    2.7726
    """
    with under("logdet", name, matrix):
        factor = raw.Cholesky(matrix)
        diagonal = raw.Sum(factor * _unit_like(factor), [-1])
        logs = raw.Log(raw.Real(diagonal) if factor.dtype.is_complex else diagonal)
        total = 2.0 * raw.Sum(logs, [-1])
        result: Tensor = raw.Cast(total, DstT=factor.dtype)
    return result


def _unit_like(x: Tensor) -> Tensor:
    ones = raw.OnesLike(x)
    return _triangle(_triangle(ones, lower=True), lower=False)


@export("matrix_solve_ls linalg.lstsq")
def lstsq(
    matrix: Any, rhs: Any, l2_regularizer: float = 0.0, fast: bool = True, name: str | None = None
) -> Tensor:
    """Return the X that makes ||A X - B||² + `l2_regularizer` ||X||² least.

    For matrices with more columns than rows, the smallest such X. Solved through the normal
    equations: the condition number counts squared. Raises `UnimplementedError` for ``fast=False``.

    >>> x = ps.linalg.lstsq([[1.], [1.]], [[1.], [3.]])
    >>> float(ps.Session().run(x)[0, 0])
    2.0
    """
    if not fast:
        raise errors.UnimplementedError(None, None, "lstsq: only fast=True is supported")
    with under("matrix_solve_ls", name, matrix, rhs):
        a = convert.to_tensor(matrix, name="matrix")
        b = convert.to_tensor(rhs, a.dtype, name="rhs")
        if a._dims is None or None in a._dims[-2:]:
            raise ValueError("lstsq: the size of the matrix must be known")
        rows, columns = a._dims[-2:]
        assert rows is not None and columns is not None
        wide = rows < columns
        gram = matmul(a, a, adjoint_b=True) if wide else matmul(a, a, adjoint_a=True)
        gram = gram + l2_regularizer * _unit_like(gram)
        factor = raw.Cholesky(gram)
        if wide:
            return matmul(a, cholesky_solve(factor, b), adjoint_a=True)
        return cholesky_solve(factor, matmul(a, b, adjoint_a=True))
