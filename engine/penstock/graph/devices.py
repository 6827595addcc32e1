"""The devices of a session, as planning sees them.

The first device is the host's `CPU:0`: feeds enter and fetches leave there, and constants are
folded on it. Full names are `/job:localhost/replica:0/task:0/device:CPU:0`.
"""

from __future__ import annotations

from typing import NamedTuple

from penstock.graph.device_spec import DeviceSpec

LOCAL = "/job:localhost/replica:0/task:0/device:"
HOST = LOCAL + "CPU:0"


class DeviceAttributes(NamedTuple):
    """What a session tells about one of its devices. The limit is in bytes; 0 is none."""

    name: str
    device_type: str
    memory_limit_bytes: int
    incarnation: int

    @property
    def spec(self) -> DeviceSpec:
        """The parts of the name."""
        return DeviceSpec.from_string(self.name)


def short_name(device: str) -> str:
    """Return `CPU:0` for the full name of a device of this process, else the name.

    >>> from penstock.graph.devices import short_name
    >>> short_name("/job:localhost/replica:0/task:0/device:CPU:0"), short_name("/job:ps/task:1")
    ('CPU:0', '/job:ps/task:1')
    """
    return device.removeprefix(LOCAL) if device.startswith(LOCAL) else device


def full_name(device: str) -> str:
    """Return the full name of a device of this process that `CPU:1` or `/cpu:1` stands for.

    >>> from penstock.graph.devices import full_name
    >>> full_name("/cpu:1")
    '/job:localhost/replica:0/task:0/device:CPU:1'
    """
    if not device:
        return HOST
    spec = DeviceSpec.from_string(device)
    return LOCAL + f"{spec.device_type or 'CPU'}:{spec.device_index or 0}"
