"""Variables: handles and values are the runtime's; updates replace a value by a new one.

A value that somebody has read never changes: every update computes a fresh array and assigns it.
Updates on one device are serialised by the device.
"""

from __future__ import annotations

from typing import Any

from penstock import errors
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.indices import (
    checked_indices,
    flat_rows,
    require_updates,
    scattered,
)
from penstock.kernels.array.table import (
    ARRAY,
    HALVES,
    INDEX,
    NUMBERS,
    PLAIN,
    REALS,
    kernel,
    product,
    require,
    shape_text,
    widened,
)

ARRAY.native("VarHandleOp", "TemporaryVariable", "DestroyResourceOp")
ARRAY.native("VarIsInitializedOp", "VariableShape")
ARRAY.native("ReadVariableOp", "AssignVariableOp", host_inputs=(), host_outputs=())


def _read(variable: Any, update: Array) -> Array:
    """Return the value of a variable that holds what it is updated with."""
    value = variable.read()
    require(
        value.dtype == update.dtype,
        f'variable "{variable.name}" holds {value.dtype}, got a value of {update.dtype}',
    )
    return value


def _assign_update(sign: int) -> Any:
    def compute(xp: Any, node: KernelNode, variable: Any, value: Array) -> Any:
        before = _read(variable, value)
        require(
            before.shape == value.shape,
            f'variable "{variable.name}" has shape {shape_text(before.shape)}, the update has '
            f"shape {shape_text(value.shape)}: they must be the same",
        )
        x, y = widened(before), widened(value)
        variable.assign((x + y if sign > 0 else x - y).astype(before.dtype, copy=False))
        return ()

    return compute


kernel("AssignAddVariableOp", dtype=NUMBERS)(_assign_update(1))
kernel("AssignSubVariableOp", dtype=NUMBERS)(_assign_update(-1))


@kernel("ResourceCountUpTo", T=INDEX)
def _count_up_to(xp: Any, node: KernelNode, variable: Any) -> Array:
    before = variable.read()
    require(
        before.ndim == 0,
        f'variable "{variable.name}" must be a scalar to count, its shape is '
        f"{shape_text(before.shape)}",
    )
    limit = int(node.attrs["limit"])
    if int(before) >= limit:
        raise errors.OutOfRangeError(None, None, f"Reached limit of {limit}")
    variable.assign(xp.asarray(before + 1, dtype=before.dtype))
    return before


def _write(variable: Any, before: Array, after: Array) -> Any:
    variable.assign(after.reshape(before.shape).astype(before.dtype, copy=False))
    return ()


def _combined(xp: Any, combine: str, before: Array, rows: Array, updates: Array) -> Array:
    """Return the value, a matrix of rows, with updates combined in; in float32 for halves."""
    if before.dtype in [d.numpy_dtype for d in HALVES] and combine != "Update":
        before, updates = widened(before), widened(updates)
    return scattered(xp, combine, before, rows, updates)


def _resource_scatter(combine: str) -> Any:
    def compute(xp: Any, node: KernelNode, variable: Any, indices: Array, updates: Array) -> Any:
        before = _read(variable, updates)
        require(before.ndim > 0, f'variable "{variable.name}" is a scalar: it has no slices')
        tail = before.shape[1:]
        require_updates(indices.shape, tail, updates, scalar=True)
        rows = checked_indices(xp, indices, before.shape[0]).reshape(-1)
        values = xp.broadcast_to(updates, indices.shape + tail).reshape(rows.size, product(tail))
        matrix = before.reshape(before.shape[0], product(tail))
        return _write(variable, before, _combined(xp, combine, matrix, rows, values))

    return compute


def _resource_scatter_nd(combine: str) -> Any:
    def compute(xp: Any, node: KernelNode, variable: Any, indices: Array, updates: Array) -> Any:
        before = _read(variable, updates)
        rows = flat_rows(xp, indices, before.shape)
        depth = indices.shape[-1]
        tail = before.shape[depth:]
        require_updates(indices.shape[:-1], tail, updates)
        matrix = before.reshape(product(before.shape[:depth]), product(tail))
        values = updates.reshape(rows.size, product(tail))
        return _write(variable, before, _combined(xp, combine, matrix, rows, values))

    return compute


for _name in ("Add", "Sub", "Mul", "Div"):
    kernel(f"ResourceScatter{_name}", dtype=NUMBERS)(_resource_scatter(_name))
for _name in ("Min", "Max"):
    kernel(f"ResourceScatter{_name}", dtype=REALS)(_resource_scatter(_name))
kernel("ResourceScatterUpdate", dtype=PLAIN)(_resource_scatter("Update"))
kernel("ResourceScatterNdUpdate", T=PLAIN)(_resource_scatter_nd("Update"))
for _name in ("Add", "Sub"):
    kernel(f"ResourceScatterNd{_name}", T=NUMBERS)(_resource_scatter_nd(_name))
