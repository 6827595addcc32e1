"""Reductions over the axes that a host vector names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    NUMBERS,
    REALS,
    checked_axis,
    kernel,
    product,
    require,
    shape_text,
)


def reduced_axes(axes: Any, rank: int) -> tuple[int, ...]:
    """Return the axes that a host array names, counted from the front and checked."""
    require(
        axes.ndim <= 1,
        f"the axes to reduce must be a scalar or a vector, got shape {shape_text(axes.shape)}",
    )
    found: list[int] = []
    for given in axes.reshape(-1):
        axis = checked_axis(int(given), rank)
        require(axis not in found, f"axis {axis} is named twice among those to reduce")
        found.append(axis)
    return tuple(found)


Reduce = Callable[[Any, Array, tuple[int, ...], bool], Array]


def _sum(xp: Any, x: Array, axes: tuple[int, ...], keep: bool) -> Array:
    return xp.sum(x, axis=axes, keepdims=keep, dtype=x.dtype)


def _prod(xp: Any, x: Array, axes: tuple[int, ...], keep: bool) -> Array:
    return xp.prod(x, axis=axes, keepdims=keep, dtype=x.dtype)


def _mean(xp: Any, x: Array, axes: tuple[int, ...], keep: bool) -> Array:
    count = product(x.shape[axis] for axis in axes)
    if x.dtype.kind not in "iu":
        return _sum(xp, x, axes, keep) / x.dtype.type(count)
    kind = np.uint64 if x.dtype.kind == "u" else np.int64
    total = xp.sum(x, axis=axes, keepdims=keep, dtype=kind)
    if count == 0:
        return xp.zeros_like(total)
    quotient = total // kind(count)
    return quotient + ((total % kind(count) != 0) & (total < 0)).astype(kind)


def _norm(xp: Any, x: Array, axes: tuple[int, ...], keep: bool) -> Array:
    return xp.sqrt(_sum(xp, xp.conj(x) * x, axes, keep))


def _extreme(greatest: bool) -> Reduce:
    def reduce(xp: Any, x: Array, axes: tuple[int, ...], keep: bool) -> Array:
        if all(x.shape[axis] for axis in axes):
            return (xp.max if greatest else xp.min)(x, axis=axes, keepdims=keep)
        if x.dtype.kind in "iu":
            limits = np.iinfo(x.dtype)
            value: float = limits.min if greatest else limits.max
        else:
            value = -np.inf if greatest else np.inf
        sizes = enumerate(x.shape)
        shape = tuple(1 if d in axes else n for d, n in sizes if keep or d not in axes)
        return xp.full(shape, value, dtype=x.dtype)

    return reduce


def _register(op: str, reduce: Reduce, **types: Any) -> None:
    @kernel(op, host=["reduction_indices"], wide=True, **types)
    def compute(xp: Any, node: KernelNode, x: Array, axes: Any) -> Array:
        over = reduced_axes(axes, x.ndim)
        return reduce(xp, x, over, bool(node.attrs.get("keep_dims", False)))


_register("Sum", _sum, T=NUMBERS)
_register("Prod", _prod, T=NUMBERS)
_register("Mean", _mean, T=NUMBERS)
_register("EuclideanNorm", _norm, T=NUMBERS)
_register("Max", _extreme(True), T=REALS)
_register("Min", _extreme(False), T=REALS)
_register("All", lambda xp, x, axes, keep: xp.all(x, axis=axes, keepdims=keep))
_register("Any", lambda xp, x, axes, keep: xp.any(x, axis=axes, keepdims=keep))
