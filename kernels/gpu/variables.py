"""Variables that kernels update in place: only where nobody else looks at the same memory.

A value that somebody has read must never change. The runtime's handle answers for the values that
a step holds: `handle.take()` returns the variable's array and lets go of it when no tensor shares
it. Views of an array refer to it; so when the only reference left is the caller's, nobody can see
a change. Otherwise a copy is updated.
"""

from __future__ import annotations

import sys
from typing import Any

from penstock.kernel_api import Array

_SOLE_OWNER = 2  # the name that the caller has for it, and the argument of getrefcount


def own_value(device: Any, handle: Any) -> Array:
    """Return the variable's value as a dense array that may be written to.

    It must be assigned afterwards. Raises `FailedPreconditionError` without a value.
    """
    take = getattr(handle, "take", None)
    if take is None:
        return device.xp.array(handle.read(), order="C")
    array = take()
    if array.base is None and array.flags.c_contiguous and sys.getrefcount(array) == _SOLE_OWNER:
        return array
    return device.xp.array(array, order="C")
