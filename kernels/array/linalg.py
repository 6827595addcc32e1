"""Linear algebra of stacks of small matrices, by the array module's own library."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    COMPLEX,
    FLOAT2,
    broadcast_shape,
    kernel,
    require,
    shape_text,
)

_TYPES = FLOAT2 | COMPLEX
_SINGULAR = "the matrix is not invertible"


def _require_square(x: Array, what: str) -> None:
    require(
        x.ndim >= 2 and x.shape[-1] == x.shape[-2],
        f"{what} must be square matrices (the last two dimensions), got shape "
        f"{shape_text(x.shape)}",
    )


def _adjoint(xp: Any, x: Array) -> Array:
    return xp.conj(xp.swapaxes(x, -1, -2))


def _require_regular(xp: Any, x: Array) -> None:
    if x.size:
        sign = xp.linalg.slogdet(x)[0]
        require(not bool((sign == 0).any()), _SINGULAR)


@kernel("MatrixInverse", wide=True, T=_TYPES | {dtypes.float16})
def _inverse(xp: Any, node: KernelNode, x: Array) -> Array:
    _require_square(x, "the input")
    x = _adjoint(xp, x) if node.attrs.get("adjoint", False) else x
    _require_regular(xp, x)
    return xp.linalg.inv(x) if x.size else x


def _require_rhs(a: Array, b: Array) -> None:
    _require_square(a, "the matrix")
    require(
        b.ndim >= 2 and b.shape[-2] == a.shape[-1],
        f"rhs must have {a.shape[-1]} rows, got shape {shape_text(b.shape)}",
    )


@kernel("MatrixSolve", T=_TYPES)
def _solve(xp: Any, node: KernelNode, a: Array, b: Array) -> Array:
    _require_rhs(a, b)
    require(
        a.shape[:-2] == b.shape[:-2],
        f"batch dimensions differ: {shape_text(a.shape)} and {shape_text(b.shape)}",
    )
    a = _adjoint(xp, a) if node.attrs.get("adjoint", False) else a
    _require_regular(xp, a)
    return xp.linalg.solve(a, b) if b.size else b


@kernel("MatrixTriangularSolve", T=_TYPES)
def _triangular_solve(xp: Any, node: KernelNode, a: Array, b: Array) -> Array:
    _require_rhs(a, b)
    batch = broadcast_shape(a.shape[:-2], b.shape[:-2])
    lower = node.attrs.get("lower", True)
    triangle = xp.tril(a) if lower else xp.triu(a)
    require(not bool((xp.diagonal(a, 0, -2, -1) == 0).any()), _SINGULAR)
    if node.attrs.get("adjoint", False):
        triangle, lower = _adjoint(xp, triangle), not lower
    size = a.shape[-1]
    x = xp.broadcast_to(b, (*batch, *b.shape[-2:])).copy()
    for i in range(size) if lower else range(size - 1, -1, -1):
        solved = slice(0, i) if lower else slice(i + 1, size)
        row = triangle[..., i : i + 1, solved]
        known = xp.matmul(row, x[..., solved, :])[..., 0, :]
        x[..., i, :] = (x[..., i, :] - known) / triangle[..., i, i, None]
    return x


@kernel("Cholesky", T=_TYPES)
def _cholesky(xp: Any, node: KernelNode, x: Array) -> Array:
    _require_square(x, "the input")
    if x.size == 0:
        return x
    factor = xp.zeros(x.shape, dtype=x.dtype)
    for i in range(x.shape[-1]):  # row by row: the upper half is not read
        for j in range(i + 1):
            known = xp.sum(factor[..., i, :j] * xp.conj(factor[..., j, :j]), axis=-1)
            rest = x[..., i, j] - known
            if i == j:
                square = rest.real
                fine = bool(((square > 0) & xp.isfinite(square)).all())
                require(fine, "the matrix is not positive definite")
                factor[..., i, i] = xp.sqrt(square)
            else:
                factor[..., i, j] = rest / factor[..., j, j]
    return factor


@kernel("MatrixDeterminant", T=_TYPES)
def _determinant(xp: Any, node: KernelNode, x: Array) -> Array:
    _require_square(x, "the input")
    if x.size == 0:
        return xp.ones(x.shape[:-2], dtype=x.dtype)
    return xp.linalg.det(x)


@kernel("LogMatrixDeterminant", T=_TYPES)
def _log_determinant(xp: Any, node: KernelNode, x: Array) -> Any:
    _require_square(x, "the input")
    if x.size == 0:
        return xp.ones(x.shape[:-2], dtype=x.dtype), xp.zeros(x.shape[:-2], dtype=x.dtype)
    sign, logarithm = xp.linalg.slogdet(x)
    return sign, xp.asarray(logarithm)
