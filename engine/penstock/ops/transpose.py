"""Dimensions in another order."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.static_values import partial_ints
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _transposed_shape(ctx: ShapeContext) -> list[Dims]:
    (count,) = ctx.rank_is(1, 1) or (None,)
    dims, perm = ctx.shape(0), ctx.ints(1)
    if dims is None:
        return [None if count is None else (None,) * count]
    if count is not None and count != len(dims):
        ctx.fail(f"perm has {count} elements, the input has rank {len(dims)}")
    if perm is None or any(p is None for p in perm):
        return [(None,) * len(dims)]
    order = [shapes.normalize_axis(p, len(dims)) for p in perm if p is not None]
    if len(set(order)) != len(order):
        ctx.fail(f"perm names a dimension twice: {perm}")
    return [tuple([dims[p] for p in order])]


define_op(
    "Transpose",
    inputs="x: T, perm: Tperm",
    outputs="y: T",
    attrs="T: type, Tperm: index = int32",
    shape=_transposed_shape,
    doc="`x` with its dimensions in the order `perm`.",
)
define_op(
    "ConjugateTranspose",
    inputs="x: T, perm: Tperm",
    outputs="y: T",
    attrs="T: type, Tperm: index = int32",
    shape=_transposed_shape,
    doc="The complex conjugate of `x` with its dimensions in the order `perm`.",
)


def _inverse(perm: Tensor) -> Any:
    order = partial_ints(perm)
    if order is None or any(p is None for p in order):
        return raw.InvertPermutation(perm)
    places = [p % len(order) for p in order if p is not None]
    return np.argsort(np.array(places, dtype=np.int32)).astype(np.int32)


@gradient("Transpose")
def _transpose_grad(op: Operation, dy: Tensor) -> Any:
    return raw.Transpose(dy, _inverse(op.inputs[1])), None


@gradient("ConjugateTranspose")
def _conjugate_transpose_grad(op: Operation, dy: Tensor) -> Any:
    return raw.ConjugateTranspose(dy, _inverse(op.inputs[1])), None


@export("transpose")
def transpose(a: Any, perm: Any = None, name: str = "transpose", conjugate: bool = False) -> Tensor:
    """Return `a` with its dimensions in the order `perm`; reversed by default.

    >>> ps.Session().run(ps.transpose([[1, 2], [3, 4]]))
    array([[1, 3],
           [2, 4]], dtype=int32)
    """
    x = convert.to_tensor(a)
    if perm is None:
        perm = _reversed_axes(x)
    op = raw.ConjugateTranspose if conjugate and x.dtype.is_complex else raw.Transpose
    result: Tensor = op(x, perm, name=name)
    return result


def _reversed_axes(x: Tensor) -> Any:
    if x._dims is not None:
        return np.arange(len(x._dims), dtype=np.int32)[::-1].copy()
    return raw.Sub(raw.Sub(raw.Rank(x), 1), raw.Range(0, raw.Rank(x), 1))


@export("matrix_transpose linalg.transpose")
def matrix_transpose(a: Any, name: str = "matrix_transpose", conjugate: bool = False) -> Tensor:
    """Return `a` with its last two dimensions exchanged.

    >>> ps.matrix_transpose(ps.zeros([5, 2, 3])).shape.as_list()
    [5, 3, 2]
    """
    x = convert.to_tensor(a)
    if x._dims is None:
        rank = raw.Rank(x)
        lead = raw.Range(0, raw.Sub(rank, 2), 1)
        last = raw.Pack([raw.Sub(rank, 1), raw.Sub(rank, 2)])
        return transpose(x, raw.ConcatV2([lead, last], 0), name, conjugate)
    rank_known = len(x._dims)
    if rank_known < 2:
        raise ValueError(f"matrix_transpose needs rank 2 or more, got {shapes.render(x._dims)}")
    order = [*range(rank_known - 2), rank_known - 1, rank_known - 2]
    return transpose(x, np.array(order, dtype=np.int32), name, conjugate)
