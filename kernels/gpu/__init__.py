"""GPU: CUDA devices on CuPy. `device.py` opens them, `cuda/*.cu` are kernels written for them.

Nothing here imports CuPy before a device is opened; without CuPy, a driver or a device there are
simply none. Kernels of `CUDA` stand before those of `ARRAY`, which serve for all other ops.
"""

from __future__ import annotations

from penstock.kernel_api import DeviceType, register_device_type, register_transfer
from penstock.kernels.array import ARRAY
from penstock.kernels.gpu import (
    conv,
    depthwise,
    indexing,
    library,
    normalization,
    pooling,
    random,
    scatter,
    softmax,
    training,
)
from penstock.kernels.gpu.device import open_device, peer_copy
from penstock.kernels.gpu.table import CUDA

__all__ = [
    "CUDA",
    "NAME",
    "conv",
    "depthwise",
    "indexing",
    "normalization",
    "pooling",
    "random",
    "register",
    "scatter",
    "softmax",
    "training",
]

NAME = "GPU"


def register() -> None:
    """Make the device type and its own way between two devices known."""
    register_device_type(DeviceType(NAME, (CUDA, ARRAY), library.device_count, open_device))
    register_transfer(NAME, NAME, peer_copy)
