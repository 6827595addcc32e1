"""Indices that arrive in device memory: checked, and turned into rows of a flattened tensor.

An index out of range is the user's mistake and raises, as on the CPU; the check waits for the
device. Where one index occurs several times its updates apply one after the other: `rounds` tells
which updates can go together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.kernel_api import Array
from penstock.kernels.array.table import product, require, shape_text


def position_text(shape: tuple[int, ...], flat: int) -> str:
    """Return `[1, 2]` for flat position 5 of shape [2, 3]; nothing for a scalar."""
    return shape_text(np.unravel_index(flat, shape)) if shape else ""  # type: ignore[arg-type]


def checked_indices(xp: Any, indices: Array, limit: int) -> Array:
    """Return the indices as int64, each in [0, limit)."""
    wide = indices.astype(np.int64)
    bad = (wide < 0) | (wide >= limit)
    if bool(bad.any()):
        at = int(xp.argmax(bad))
        require(
            False,
            f"indices{position_text(indices.shape, at)} = {int(wide.reshape(-1)[at])} is not in "
            f"[0, {limit})",
        )
    return wide


def flat_rows(xp: Any, indices: Array, shape: tuple[int, ...]) -> Array:
    """Return, for each vector of indices, its row of a tensor of `shape` seen as a matrix."""
    require(indices.ndim >= 1, "indices must have at least one dimension")
    depth = indices.shape[-1]
    require(
        depth <= len(shape),
        f"the last dimension of indices is {depth}, more than the rank of shape "
        f"{shape_text(shape)}",
    )
    limits = xp.asarray(np.array(shape[:depth], dtype=np.int64))
    wide = indices.astype(np.int64)
    bad = (wide < 0) | (wide >= limits)
    if bool(bad.any()):
        at = int(xp.argmax(bad))
        require(
            False,
            f"indices{position_text(indices.shape, at)} = {int(wide.reshape(-1)[at])} is not in "
            f"[0, {shape[at % depth]})",
        )
    strides = np.array([product(shape[d + 1 : depth]) for d in range(depth)], dtype=np.int64)
    rows = xp.sum(wide * xp.asarray(strides), axis=-1)
    return rows.reshape(-1)


def rounds(xp: Any, rows: Array) -> list[Array]:
    """Return positions in `rows`, in groups without a row twice, earlier ones first."""
    count = rows.shape[0]
    if count == 0:
        return []
    order = xp.argsort(rows * count + xp.arange(count))
    ordered = rows[order]
    occurrence = xp.arange(count) - xp.searchsorted(ordered, ordered)
    last = int(occurrence.max())
    if last == 0:
        return [xp.arange(count)]
    return [order[occurrence == k] for k in range(last + 1)]


def require_updates(
    lead: tuple[int, ...], tail: tuple[int, ...], updates: Array, scalar: bool = False
) -> None:
    """Raise unless `updates` has shape `lead` + `tail` (or, if allowed, is a scalar)."""
    require(
        updates.shape == lead + tail or (scalar and updates.ndim == 0),
        f"updates must have shape {shape_text(lead + tail)} (that of the indices, then that of a "
        f"slice), got {shape_text(updates.shape)}",
    )


Combine = Callable[[Any, Array, Array], Array]


def _divided(xp: Any, x: Array, y: Array) -> Array:
    if x.dtype.kind not in "iu":
        return x / y
    require(not bool((y == 0).any()), "integer division by zero")
    quotient = x // y
    return quotient + ((x % y != 0) & ((x < 0) != (y < 0))).astype(x.dtype)


COMBINE: dict[str, Combine] = {
    "Update": lambda xp, x, y: y,
    "Add": lambda xp, x, y: x + y,
    "Sub": lambda xp, x, y: x - y,
    "Mul": lambda xp, x, y: x * y,
    "Div": _divided,
    "Min": lambda xp, x, y: xp.minimum(x, y),
    "Max": lambda xp, x, y: xp.maximum(x, y),
    "Or": lambda xp, x, y: x | y,
}
_AT_ONCE = {"Add": "add", "Sub": "subtract"}


def scattered(xp: Any, combine: str, target: Array, rows: Array, updates: Array) -> Array:
    """Return a copy of `target`, a matrix, with `updates` (rows of it) combined into `rows`."""
    result = target.copy()
    if updates.size == 0 or target.size == 0:
        return result
    if combine in _AT_ONCE and result.dtype.kind != "c" and result.dtype.itemsize >= 4:
        getattr(xp, _AT_ONCE[combine]).at(result, rows, updates)
        return result
    for group in rounds(xp, rows):
        at = rows[group]
        result[at] = COMBINE[combine](xp, result[at], updates[group])
    return result
