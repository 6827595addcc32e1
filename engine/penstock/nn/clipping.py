"""Clipping: keep values, or the size of gradients, within bounds.

A gradient may be `IndexedSlices` everywhere here: its values are clipped, its rows stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import errors, shapes
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import control, convert, reduction
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw


@export("clip_by_value")
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """Return `t` with values below `clip_value_min` and above `clip_value_max` set to them.

    The bounds are numbers or tensors that broadcast to the shape of `t`; `ShapeError`
    (a ValueError) when they would enlarge it.

    >>> ps.Session().run(ps.clip_by_value([-3., 0.5, 7.], -1., 1.))
    array([-1. ,  0.5,  1. ], dtype=float32)
    """
    with control.under("clip_by_value", name) as scope:
        values = _values(t)
        low = raw.Minimum(values, clip_value_max)
        clipped = raw.Maximum(low, clip_value_min, name=scope)
        if not shapes.compatible(clipped._dims, values._dims):
            raise errors.ShapeError(
                None,
                None,
                f"clip_by_value: the bounds make shape {shapes.render(clipped._dims)} of "
                f"{shapes.render(values._dims)}",
            )
        return _like(t, clipped)


@export("clip_by_norm")
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """Return `t` scaled down so that its Euclidean norm is at most `clip_norm`.

    With `axes` the norm is taken along these, for each slice by itself.

    >>> ps.Session().run(ps.clip_by_norm([3., 4.], 1.))
    array([0.6, 0.8], dtype=float32)
    """
    with control.under("clip_by_norm", name) as scope:
        values = _values(t)
        limit = convert.to_tensor(clip_norm, values.dtype.base_dtype)
        squares = reduction.reduce_sum(values * values, axes, keepdims=True)
        # The square root has no derivative at 0: zeros take another way around it.
        some = raw.Greater(squares, raw.ZerosLike(squares))
        safe = raw.SelectV2(some, squares, raw.OnesLike(squares))
        norm = raw.SelectV2(some, raw.Sqrt(safe), squares)
        clipped = raw.RealDiv(values * limit, raw.Maximum(norm, limit), name=scope)
        if not shapes.compatible(clipped._dims, values._dims):
            raise errors.ShapeError(
                None, None, f"clip_by_norm: clip_norm has shape {shapes.render(limit._dims)}"
            )
        return _like(t, clipped)


@export("clip_by_average_norm")
def clip_by_average_norm(t: Any, clip_norm: Any, name: str | None = None) -> Any:
    """Return `t` scaled so that its norm over its number of elements is at most `clip_norm`."""
    with control.under("clip_by_average_norm", name) as scope:
        values = _values(t)
        dtype = values.dtype.base_dtype
        limit = convert.to_tensor(clip_norm, dtype)
        count = raw.Cast(raw.Size(values), DstT=dtype)
        inverse = raw.Rsqrt(reduction.reduce_sum(values * values)) * count
        factor = raw.Minimum(inverse, 1.0 / limit)
        return _like(t, raw.Mul(values * limit, factor, name=scope))


@export("global_norm linalg.global_norm")
def global_norm(t_list: Sequence[Any], name: str | None = None) -> Tensor:
    """Return the Euclidean norm of all tensors taken together; None entries are left out.

    >>> print(ps.Session().run(ps.global_norm([[3.], None, [[4.]]])))
    5.0
    """
    _check_list(t_list)
    with control.under("global_norm", name) as scope:
        halves = [raw.L2Loss(_values(t)) for t in t_list if t is not None]
        if not halves:
            raise ValueError("global_norm: every entry of t_list is None")
        total = reduction.reduce_sum(raw.Pack(halves, axis=0))
        two = convert.to_tensor(np.array(2), total.dtype.base_dtype)
        result: Tensor = raw.Sqrt(total * two, name=scope)
    return result


@export("clip_by_global_norm")
def clip_by_global_norm(
    t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Any]:
    """Return tensors scaled down together so that their `global_norm` is at most `clip_norm`.

    Returns (list of tensors, norm before). None entries stay. An infinite norm makes all
    results NaN, so that it is seen. `use_norm` is the norm when it is known already.

    >>> clipped, norm = ps.clip_by_global_norm([[3.], [4.]], 1.)
    >>> ps.Session().run([clipped, norm])
    [[array([0.6], dtype=float32), array([0.8], dtype=float32)], np.float32(5.0)]
    """
    _check_list(t_list)
    norm = global_norm(t_list, name) if use_norm is None else convert.to_tensor(use_norm)
    with control.under("clip_by_global_norm", name):
        limit = convert.to_tensor(clip_norm, norm.dtype.base_dtype)
        factor = limit * raw.Minimum(1.0 / norm, 1.0 / limit)
        factor = factor + (norm - norm)  # 0, or NaN when the norm is infinite
        clipped: dict[int, Any] = {}
        for t in t_list:
            if t is not None and id(t) not in clipped:
                values = _values(t)
                scale = raw.Cast(factor, DstT=values.dtype.base_dtype)
                clipped[id(t)] = _like(t, values * scale)
        return [None if t is None else clipped[id(t)] for t in t_list], norm


def _values(t: Any) -> Tensor:
    return t.values if isinstance(t, IndexedSlices) else convert.to_tensor(t)


def _like(t: Any, values: Tensor) -> Any:
    return t.with_values(values) if isinstance(t, IndexedSlices) else values


def _check_list(t_list: Any) -> None:
    if not isinstance(t_list, (list, tuple)):
        raise TypeError(f"t_list must be a list of tensors, not {t_list!r}")
