"""Cast between any two plain dtypes.

Floats that an integer cannot hold become what they do on the CPU (`kernels/cpu/cast.cc`): for
int32 and int64 the least integer, for narrower ones the low bits of that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import PLAIN, kernel, widened


def _to_integer(xp: Any, x: Array, to: np.dtype[Any]) -> Array:
    if to == np.uint64:
        high = (x >= 2.0**63) & (x < 2.0**64)
        upper = xp.where(high, x - 2.0**63, 0).astype(np.int64).astype(np.uint64)
        low = _bounded(xp, xp.where(high, 0, x), np.dtype(np.int64)).astype(np.uint64)
        return xp.where(high, upper + np.uint64(2**63), low)
    through_long = to.itemsize == 8 or to == np.uint32
    return _bounded(xp, x, np.dtype(np.int64 if through_long else np.int32)).astype(to)


def _bounded(xp: Any, x: Array, to: np.dtype[Any]) -> Array:
    least = int(np.iinfo(to).min)
    whole = xp.trunc(x)
    fits = (whole >= float(least)) & (whole < -float(least))
    return xp.where(fits, xp.where(fits, x, 0).astype(to), xp.asarray(least, dtype=to))


def _cleared(xp: Any, x: Array, to: np.dtype[Any]) -> Array:
    """Return floats without the bits that narrower ones have no room for."""
    bits = np.dtype(np.uint32 if x.dtype.itemsize == 4 else np.uint64)
    kept = {4: 23, 2: 10 if to == np.float16 else 7}[to.itemsize]
    spare = (23 if x.dtype.itemsize == 4 else 52) - kept
    mask = np.array(-(1 << spare)).astype(bits)
    return (xp.ascontiguousarray(x).view(bits) & xp.asarray(mask)).view(x.dtype)


@kernel("Cast", SrcT=PLAIN, DstT=PLAIN)
def _cast(xp: Any, node: KernelNode, x: Array) -> Array:
    to = node.output_dtypes[0].numpy_dtype
    if x.dtype == to:
        return x
    if to.kind == "b":
        return widened(x) != 0
    if x.dtype.kind == "c" and to.kind != "c":
        x = x.real
    if node.input_dtypes[0].is_floating or node.input_dtypes[0].is_complex:
        x = widened(x)
        if to.kind in "iu":
            return _to_integer(xp, x, to)
        narrower = node.output_dtypes[0].is_floating and to.itemsize < x.dtype.itemsize
        if narrower and node.attrs.get("Truncate", False):
            x = _cleared(xp, x, to)
    elif node.output_dtypes[0].is_floating and to.itemsize == 2:
        x = x.astype(np.float32)
    return x.astype(to)
