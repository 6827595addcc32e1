"""Vectors and matrices as such: cross product, norms, trace."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.shape import one_of
from penstock.ops.unary import abs as magnitude
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _cross_shape(ctx: ShapeContext) -> list[Dims]:
    dims = shapes.merge(ctx.shape(0), ctx.shape(1))
    if dims is not None and (not dims or dims[-1] not in (None, 3)):
        ctx.fail(f"the innermost dimension must have size 3: shape {list(dims)}")
    return [dims]


define_op(
    "Cross",
    inputs="a: T, b: T",
    outputs="product: T",
    attrs="T: real",
    shape=_cross_shape,
    export="cross linalg.cross",
    doc="""The cross products of vectors of three numbers, the innermost dimension.

    >>> ps.Session().run(ps.cross([1., 0., 0.], [0., 1., 0.]))
    array([0., 0., 1.], dtype=float32)
    """,
)


@gradient("Cross")
def _cross_grad(op: Operation, dy: Tensor) -> Any:
    a, b = op.inputs
    return raw.Cross(b, dy), raw.Cross(dy, a)


@export("trace linalg.trace")
def trace(x: Any, name: str | None = None) -> Tensor:
    """Return the sum of the main diagonal of each innermost matrix.

    >>> int(ps.Session().run(ps.trace([[1, 2], [3, 4]])))
    5
    """
    x = convert.to_tensor(x)
    result: Tensor = raw.Sum(raw.MatrixDiagPart(x), [-1], name=name or "Trace")
    return result


@export("norm linalg.norm")
def norm(
    tensor: Any,
    ord: Any = "euclidean",
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    keep_dims: bool | None = None,
) -> Tensor:
    """Return the norm of vectors along `axis`, of matrices along two axes, or of all elements.

    `ord` is "euclidean", a positive number p (the p-th root of the sum of p-th powers) or
    `numpy.inf` (the largest magnitude). For matrices: "euclidean" or "fro", 1 (the largest sum
    of a column) or `numpy.inf` (of a row).

    >>> float(ps.Session().run(ps.norm([3.0, 4.0])))
    5.0
    """
    keep = bool(one_of("keepdims", keepdims, "keep_dims", keep_dims))
    x = convert.to_tensor(tensor)
    axes = None if axis is None else [int(a) for a in np.atleast_1d(axis)]
    if axes is not None and (isinstance(axis, list | tuple) and len(axes) not in (1, 2)):
        raise ValueError(f"norm: axis must be a number or a pair of them, not {axis!r}")
    if axes is not None and len(set(axes)) != len(axes):
        raise ValueError(f"norm: the axes of a matrix must differ, got {axis!r}")
    if axes is not None and len(axes) == 2:
        return _matrix_norm(x, ord, axes, keep, name)
    over = raw.Range(0, raw.Rank(x), 1) if axes is None else axes
    return _vector_norm(x, ord, over, keep, name)


def _vector_norm(x: Tensor, order: Any, axes: Any, keep: bool, name: str | None) -> Tensor:
    result: Tensor
    if order == "euclidean" or order == 2:
        result = raw.Sqrt(_sum_of_squares(x, axes, keep), name=name)
    elif order == np.inf:
        result = raw.Max(magnitude(x), axes, keep_dims=keep, name=name)
    elif order == 1:
        result = raw.Sum(magnitude(x), axes, keep_dims=keep, name=name)
    elif isinstance(order, int | float) and order > 0:
        size = magnitude(x)
        power = convert.to_tensor(float(order), size.dtype)
        total = raw.Sum(raw.Pow(size, power), axes, keep_dims=keep)
        result = raw.Pow(total, convert.to_tensor(1.0 / order, size.dtype), name=name)
    else:
        raise ValueError(f"norm: ord {order!r} is no norm of vectors")
    return result


def _matrix_norm(x: Tensor, order: Any, axes: list[int], keep: bool, name: str | None) -> Tensor:
    result: Tensor
    if order in ("euclidean", "fro"):
        return raw.Sqrt(_sum_of_squares(x, axes, keep), name=name)  # type: ignore[no-any-return]
    if order == 1 or order == np.inf:
        summed, largest = axes if order == 1 else reversed(axes)
        sums = raw.Sum(magnitude(x), [summed], keep_dims=True)
        best = raw.Max(sums, [largest], keep_dims=True)
        result = raw.Sum(best, axes, keep_dims=keep, name=name)
        return result
    raise ValueError(f"norm: ord {order!r} is no norm of matrices that penstock computes")


def _sum_of_squares(x: Tensor, axes: Any, keep: bool) -> Tensor:
    square = raw.Mul(x, raw.Conj(x)) if x.dtype.is_complex else raw.Square(x)
    total: Tensor = raw.Sum(square, axes, keep_dims=keep)
    return total
