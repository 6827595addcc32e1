"""Slices placed or combined by index: ScatterNd, TensorScatter*."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.indices import flat_rows, require_updates, scattered
from penstock.kernels.array.table import NUMBERS, PLAIN, REALS, host_shape, kernel, product


def _combined(xp: Any, combine: str, target: Array, indices: Array, updates: Array) -> Array:
    shape = target.shape
    rows = flat_rows(xp, indices, shape)
    depth = indices.shape[-1]
    tail = shape[depth:]
    require_updates(indices.shape[:-1], tail, updates)
    matrix = target.reshape(product(shape[:depth]), product(tail))
    values = updates.reshape(rows.size, product(tail))
    return scattered(xp, combine, matrix, rows, values).reshape(shape)


@kernel("ScatterNd", host=["shape"], wide=True, T=PLAIN)
def _scatter_nd(xp: Any, node: KernelNode, indices: Array, updates: Array, shape: Any) -> Array:
    target = xp.zeros(host_shape(shape), dtype=updates.dtype)
    combine = "Or" if updates.dtype.kind == "b" else "Add"
    return _combined(xp, combine, target, indices, updates)


def _register(name: str, types: Any, wide: bool) -> None:
    @kernel(f"TensorScatter{name}", wide=wide, T=types)
    def compute(xp: Any, node: KernelNode, target: Array, indices: Array, updates: Array) -> Array:
        return _combined(xp, name, target, indices, updates)


_register("Update", PLAIN, False)
_register("Add", NUMBERS, True)
_register("Sub", NUMBERS, True)
_register("Min", REALS, True)
_register("Max", REALS, True)
