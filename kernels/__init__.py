"""Kernels by device. `cpu/` is C++ in the extension; every other folder is a device type in Python.

`load` is the list of them: one registration line a device type. `array/` holds the kernels that
several device types share, written against an array module.
"""

from __future__ import annotations

from penstock.kernels import gpu, sim_gpu


def load() -> None:
    """Make the device types known; called once, when penstock is imported."""
    gpu.register()
    sim_gpu.register()
