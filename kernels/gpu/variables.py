"""Variables that kernels update in place: only where nobody else looks at the same memory.

A value that somebody has read must never change. The runtime's handle knows whether a tensor of a
step holds the value besides the variable (`is_shared`); views of an array refer to it, which its
reference count tells. Otherwise a copy is updated. That a reader without an order finds the new
value is what it must expect: kernels of a device run in the order in which they were started.
"""

from __future__ import annotations

import sys
from typing import Any

from penstock.kernel_api import Array

_SOLE_OWNER = 3  # the variable's reference, the name that it has here, getrefcount's argument


def own_value(device: Any, handle: Any) -> Array:
    """Return the variable's value as a dense array that may be written to.

    It must be assigned afterwards. Raises `FailedPreconditionError` without a value.
    """
    if not handle.is_shared:
        array = handle.read()
        dense = array.base is None and array.flags.c_contiguous
        if dense and sys.getrefcount(array) == _SOLE_OWNER:
            return array
    return device.xp.array(handle.read(), order="C")
