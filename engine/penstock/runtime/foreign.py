"""Fed arrays of other libraries: PyTorch's, CuPy's, JAX's, whatever speaks DLPack.

Host memory is read where it lies. What lies in the memory of a session's device and is read there
only never comes here: the device adopts it. Else what lies in the memory of a CUDA device is copied
to the host by CuPy, of other devices by the array's own library. The result is only read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernels.gpu import library

_CPU, _CUDA, _CUDA_HOST, _CUDA_MANAGED = 1, 2, 3, 13  # device types of DLPack


def host_array(value: Any) -> np.ndarray[Any, Any]:
    """Return the NumPy array that a value with `__dlpack__` or CUDA's array interface is.

    Raises `TypeError` for memory that nobody here can read, `UnimplementedError` where CuPy would
    be needed and is missing, and what the other library raises when it does not let go of it.
    """
    described = getattr(value, "__dlpack_device__", None)
    kind = int(described()[0]) if described is not None else _CUDA
    if kind in (_CPU, _CUDA_HOST):
        return _of_host(value)
    if kind not in (_CUDA, _CUDA_MANAGED):
        return _by_its_library(value, kind)
    cupy = library.cupy()
    array = cupy.from_dlpack(value) if described is not None else cupy.asarray(value)
    copied: np.ndarray[Any, Any] = cupy.asnumpy(array)
    return copied


def _by_its_library(value: Any, kind: int) -> np.ndarray[Any, Any]:
    try:
        return np.from_dlpack(value, device="cpu")
    except (BufferError, RuntimeError, TypeError, ValueError):
        text = f"its memory is on a device that DLPack numbers {kind}: copy it to the CPU first"
        raise TypeError(text) from None


def _of_host(value: Any) -> np.ndarray[Any, Any]:
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError):
        # NumPy's DLPack has no bfloat16, for one; the library's own conversion may know more.
        if not hasattr(value, "__array__"):
            raise
        return np.asarray(value)
