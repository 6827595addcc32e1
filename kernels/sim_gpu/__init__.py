"""SIM_GPU: a graphics card simulated by NumPy, with a memory of its own.

It runs the same Python kernels as a real one, on any machine: for classrooms, and for tests of
placement, partitioning and transfers. The environment variable `PENSTOCK_SIM_GPU` says how many
of them a session gets that does not ask for a number; without it there are none.
"""

from __future__ import annotations

import os

from penstock.kernel_api import DeviceType, register_device_type
from penstock.kernels.array import ARRAY
from penstock.kernels.sim_gpu.device import SimulatedDevice

NAME = "SIM_GPU"


def count() -> int:
    """Return how many simulated devices a session gets by default."""
    text = os.environ.get("PENSTOCK_SIM_GPU", "") or "0"
    try:
        return max(0, int(text))
    except ValueError:
        raise ValueError(f"PENSTOCK_SIM_GPU={text!r} is no number of devices") from None


def register() -> None:
    """Make the device type known."""
    register_device_type(DeviceType(NAME, (ARRAY,), count, SimulatedDevice))
