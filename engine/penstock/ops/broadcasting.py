"""Gradient helpers for ops that broadcast: sum a gradient back to an input's shape."""

from __future__ import annotations

from penstock import shapes
from penstock.graph.tensor import Tensor
from penstock.ops.wrappers import raw


def sum_to_shapes_of(
    x: Tensor, dx: Tensor | None, y: Tensor, dy: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """Return `dx` and `dy`, of the broadcast shape, summed to the shapes of `x` and `y`.

    Nothing is added where the static shapes show that nothing was broadcast.
    """
    if x._dims is not None and x._dims == y._dims and shapes.is_fully_defined(x._dims):
        return dx, dy
    axes = _static_axes(x, y)
    if axes is not None:
        return _sum_static(dx, axes[0], x), _sum_static(dy, axes[1], y)
    shape_x, shape_y = raw.Shape(x), raw.Shape(y)
    over_x, over_y = raw.BroadcastGradientArgs(shape_x, shape_y)
    dx = None if dx is None else raw.Reshape(raw.Sum(dx, over_x), shape_x)
    dy = None if dy is None else raw.Reshape(raw.Sum(dy, over_y), shape_y)
    return dx, dy


def sum_to_shape_of(dx: Tensor, x: Tensor) -> Tensor:
    """Return `dx` summed to the shape of `x`, which broadcast to the shape of `dx`."""
    result, _ = sum_to_shapes_of(x, dx, dx, None)
    assert result is not None
    return result


def _static_axes(x: Tensor, y: Tensor) -> tuple[list[int], list[int]] | None:
    """Return the axes over which each was broadcast, or None when shapes do not tell."""
    a, b = x._dims, y._dims
    if not (shapes.is_fully_defined(a) and shapes.is_fully_defined(b)):
        return None
    assert a is not None and b is not None
    rank = max(len(a), len(b))
    wide_a = (1,) * (rank - len(a)) + a
    wide_b = (1,) * (rank - len(b)) + b
    over_a = [i for i in range(rank) if i < rank - len(a) or (wide_a[i] == 1 and wide_b[i] != 1)]
    over_b = [i for i in range(rank) if i < rank - len(b) or (wide_b[i] == 1 and wide_a[i] != 1)]
    return over_a, over_b


def _sum_static(gradient: Tensor | None, axes: list[int], x: Tensor) -> Tensor | None:
    if gradient is None or not axes:
        return gradient
    summed: Tensor = raw.Sum(gradient, axes)
    assert x._dims is not None
    reshaped: Tensor = summed if summed._dims == x._dims else raw.Reshape(summed, list(x._dims))
    return reshaped
