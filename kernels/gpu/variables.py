"""Variables that kernels update in place: only where nobody else looks at the same memory.

A value that somebody has read must never change. The runtime's handle knows whether a tensor of a
step holds the value besides the variable (`is_shared`); views of an array refer to it, which its
reference count tells. Otherwise a copy is updated. That a reader without an order finds the new
value is what it must expect: kernels of a device run in the order in which they were started.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from penstock.kernel_api import Array
from penstock.kernels.array.table import require, shape_text

_SOLE_OWNER = 3  # the variable's reference, the name that it has here, getrefcount's argument


def common_shape(handles: Sequence[Any], dtype: Any) -> tuple[int, ...]:
    """Return the shape of the values of a weight and its slots.

    Raises `InvalidArgumentError` unless they are different variables of one shape that hold
    `dtype`: a kernel takes their memory for that.
    """
    names = [handle.name for handle in handles]
    shape: tuple[int, ...] = handles[0].read().shape
    for name, handle in zip(names, handles, strict=True):
        value = handle.read()
        require(
            names.count(name) == 1,
            f'variable "{name}" is given twice: the weight and its slots must be different '
            "variables",
        )
        require(
            value.dtype == dtype, f'variable "{name}" holds {value.dtype}, got a value of {dtype}'
        )
        require(
            value.shape == shape,
            f'variable "{name}" has shape {shape_text(value.shape)}, the weight has '
            f"{shape_text(shape)}",
        )
    return shape


def own_value(device: Any, handle: Any) -> Array:
    """Return the variable's value as a dense array that may be written to.

    It must be assigned afterwards. Raises `FailedPreconditionError` without a value.
    """
    if is_own(handle):
        return handle.read()
    return device.xp.array(handle.read(), order="C")


def is_own(handle: Any) -> bool:
    """Return True when nobody but the variable holds its value, and the value is dense."""
    if handle.is_shared:
        return False
    array = handle.read()
    dense = array.base is None and array.flags.c_contiguous
    return bool(dense and sys.getrefcount(array) == _SOLE_OWNER)
