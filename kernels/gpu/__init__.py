"""GPU: CUDA devices on CuPy. `device.py` opens them, `cuda/*.cu` are kernels written for them.

Nothing here imports CuPy before a device is opened; without CuPy, a driver or a device there are
simply none. The kernels themselves are imported when somebody first looks for one, the device's
code when one is opened. Kernels of `CUDA` stand before those of `ARRAY`, which serve for all
other ops.
"""

from __future__ import annotations

import importlib

from penstock.kernel_api import Array, Device, DeviceType, register_device_type, register_transfer
from penstock.kernels.array import ARRAY
from penstock.kernels.gpu import library
from penstock.kernels.gpu.table import CUDA

__all__ = ["CUDA", "NAME", "register"]

NAME = "GPU"


def register() -> None:
    """Make the device type and its own way between two devices known."""
    register_device_type(DeviceType(NAME, (CUDA, ARRAY), library.device_count, _open))
    register_transfer(NAME, NAME, _peer_copy)


def _open(name: str, index: int, memory_limit: int) -> Device:
    opened: Device = importlib.import_module(f"{__name__}.device").open_device(
        name, index, memory_limit
    )
    return opened


def _peer_copy(array: Array, source: Device, destination: Device) -> Array:
    return importlib.import_module(f"{__name__}.device").peer_copy(array, source, destination)
