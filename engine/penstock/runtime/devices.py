"""The devices of a session: how many of each type it gets, and opening them.

`ConfigProto.device_count` asks for numbers; a type that it does not mention gets one CPU, or as
many of another type as `DeviceType.count` says there are. Of a GPU nobody gets more than there
are. `PENSTOCK_MEMORY_LIMIT` bounds the memory of each CPU, `PENSTOCK_DEVICE_MEMORY_LIMIT` and
`gpu_options.per_process_gpu_memory_fraction` that of each other device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock import _native, errors, kernel_api, options
from penstock.graph.devices import LOCAL, DeviceAttributes
from penstock.kernel_api import Device


@dataclass(frozen=True)
class SessionDevices:
    """What a session has opened: the list that planning sees, and the Python-driven ones."""

    attributes: tuple[DeviceAttributes, ...]
    python: dict[str, Device]


def device_counts(config: Any) -> dict[str, int]:
    """Return how many devices of each type a configuration (or None) gives, CPUs first.

    Raises `InvalidArgumentError` for a negative number or an unknown type.
    """
    asked = dict(config.device_count) if config is not None else {}
    for name, count in asked.items():
        if name != "CPU" and name not in kernel_api.device_types and count > 0:
            known = ", ".join(["CPU", *sorted(kernel_api.device_types)])
            raise errors.InvalidArgumentError(
                None, None, f"device_count asks for {name!r}; there are the device types {known}"
            )
        if count < 0:
            raise errors.InvalidArgumentError(
                None, None, f"device_count[{name!r}] is {count}, and cannot be negative"
            )
    counts = {"CPU": max(1, asked.get("CPU", 1))}
    for name, device_type in kernel_api.device_types.items():
        there = device_type.count()
        counts[name] = (
            min(asked.get(name, there), there) if name == "GPU" else asked.get(name, there)
        )
    return counts


def open_devices(config: Any, session: _native.Session) -> SessionDevices:
    """Open what `config` asks for besides the CPUs, which `session` has, and list all."""
    python: dict[str, Device] = {}
    for name, count in device_counts(config).items():
        for index in range(count if name != "CPU" else 0):
            full = f"{LOCAL}{name}:{index}"
            limit = options.current.device_memory_limit
            device = kernel_api.device_types[name].open(full, index, limit)
            share = int(_memory_fraction(config) * device.total_memory())
            if share:
                device.set_memory_limit(min(share, limit or share))
            session.add_device(full, device, kernel_api.transfer)
            python[full] = device
    attributes = [
        DeviceAttributes(
            name,
            name.rpartition("device:")[2].partition(":")[0],
            python[name].memory_limit if name in python else options.current.memory_limit,
            incarnation,
        )
        for name, incarnation in session.devices()
    ]
    return SessionDevices(tuple(attributes), python)


def _memory_fraction(config: Any) -> float:
    fraction: float = config.gpu_options.per_process_gpu_memory_fraction if config else 0.0
    if not 0.0 <= fraction <= 1.0:
        raise errors.InvalidArgumentError(
            None, None, f"per_process_gpu_memory_fraction is {fraction}, and must be in [0, 1]"
        )
    return fraction
