"""CuPy, where it is installed: found without importing it, imported when a device opens.

`import penstock` must cost nothing on machines without a GPU, so nobody imports CuPy by name:
`installed` looks for it, `cupy` imports it, `device_count` asks the driver, and answers 0 where
there is no CuPy, no driver or no device.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
from types import ModuleType
from typing import Any

from penstock import errors

OLDEST = 14
"""The first major version of CuPy with bfloat16 arrays."""


def installed() -> bool:
    """Return True when there is a CuPy to import."""
    return importlib.util.find_spec("cupy") is not None


@functools.cache
def cupy() -> Any:
    """Return the module `cupy`.

    Raises `UnimplementedError` where it is missing or too old, with what to install.
    """
    if not installed():
        raise errors.UnimplementedError(
            None,
            None,
            "memory of CUDA devices is reached by CuPy, which is not installed: "
            "pip install 'penstock[gpu-cuda13]' (or gpu-cuda12, after the driver's CUDA version)",
        )
    module: ModuleType = importlib.import_module("cupy")
    version = str(getattr(module, "__version__", "0"))
    if int(version.partition(".")[0]) < OLDEST:
        raise errors.UnimplementedError(
            None, None, f"GPU devices need CuPy {OLDEST} or newer, found {version}"
        )
    return module


@functools.cache
def device_count() -> int:
    """Return how many CUDA devices this process sees: 0 without CuPy or a driver.

    Importing CuPy takes longer than importing penstock, so it is asked only where a driver's
    device file says that there is something to find.
    """
    if not installed() or not _driver_present():
        return 0
    try:
        return int(cupy().cuda.runtime.getDeviceCount())
    except (ImportError, RuntimeError, OSError, errors.OpError):
        return 0


def _driver_present() -> bool:
    # /dev/dxg is the driver's door under Windows' Linux.
    return any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg", "/dev/nvmap")))
