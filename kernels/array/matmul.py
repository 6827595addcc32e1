"""Products of matrices, one or batches of them."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    ANALYTIC,
    INDEX,
    UNSIGNED,
    broadcast_shape,
    kernel,
    require,
    shape_text,
)


def _require_inner(a: Array, b: Array) -> None:
    require(
        a.shape[-1] == b.shape[-2],
        f"inner dimensions differ: {a.shape[-1]} columns of input 0 {shape_text(a.shape)}, "
        f"{b.shape[-2]} rows of input 1 {shape_text(b.shape)}",
    )


@kernel("MatMul", wide=True, T=ANALYTIC | INDEX | UNSIGNED)
def _matmul(xp: Any, node: KernelNode, a: Array, b: Array) -> Array:
    for i, x in enumerate((a, b)):
        require(x.ndim == 2, f"input {i} must be a matrix, got shape {shape_text(x.shape)}")
    a = a.T if node.attrs.get("transpose_a", False) else a
    b = b.T if node.attrs.get("transpose_b", False) else b
    _require_inner(a, b)
    return xp.matmul(a, b)


def _adjoint(xp: Any, x: Array) -> Array:
    return xp.conj(xp.swapaxes(x, -1, -2))


@kernel("BatchMatMul", "BatchMatMulV2", wide=True, T=ANALYTIC | INDEX | UNSIGNED | {dtypes.int16})
def _batch_matmul(xp: Any, node: KernelNode, x: Array, y: Array) -> Array:
    for i, operand in enumerate((x, y)):
        require(
            operand.ndim >= 2,
            f"input {i} must have at least 2 dimensions, got shape {shape_text(operand.shape)}",
        )
    x = _adjoint(xp, x) if node.attrs.get("adj_x", False) else x
    y = _adjoint(xp, y) if node.attrs.get("adj_y", False) else y
    require(
        node.op != "BatchMatMul" or x.shape[:-2] == y.shape[:-2],
        f"batch dimensions differ: {shape_text(x.shape)} and {shape_text(y.shape)}",
    )
    broadcast_shape(x.shape[:-2], y.shape[:-2])
    _require_inner(x, y)
    return xp.matmul(x, y)
