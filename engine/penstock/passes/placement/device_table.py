"""The devices of a session as bits: which of them a request means, which have a kernel.

Bit i stands for `names[i]`. The names stand best first: accelerators before the CPU, lower
numbers before higher ones, so the lowest bit of a mask is the device to prefer. Requests and
kernels repeat all over a graph, so each is answered once.
"""

from __future__ import annotations

from typing import Any

from penstock.dtypes import DType
from penstock.graph.device_spec import DeviceSpec
from penstock.graph.devices import HOST, DeviceAttributes
from penstock.graph.ir import Node
from penstock.passes.context import Placing

_RANK = {"GPU": 0, "SIM_GPU": 1, "CPU": 3}
_OTHER = 2
ON_HOST = frozenset({"_Arg", "_Retval"})


class DeviceTable:
    """Masks of devices for requests and for nodes."""

    def __init__(self, placing: Placing) -> None:
        """Take the devices and kernels of a session."""
        found = [(_rank(d), i, d) for i, d in enumerate(placing.devices)]
        self._specs = [d.spec for *_, d in sorted(found, key=lambda item: item[:2])]
        self.names: tuple[str, ...] = tuple(s.to_string() for s in self._specs)
        self.everywhere = (1 << len(self.names)) - 1
        self.host = 1 << self.names.index(HOST)
        self._kernels = placing.kernels
        self._types = tuple(dict.fromkeys(s.device_type or "" for s in self._specs))
        self._asked: dict[str, int] = {"": self.everywhere}
        self._able: dict[Any, int] = {}
        self._listed: dict[int, tuple[str, ...]] = {}
        self._bits = {name: 1 << i for i, name in enumerate(self.names)}

    def bit(self, name: str) -> int:
        """Return the bit of a device, 0 when the session has none of that name."""
        return self._bits.get(name, 0)

    def asked(self, request: str) -> int:
        """Return the devices that a full or partial name means; 0 when there is none."""
        mask = self._asked.get(request)
        if mask is None:
            mask = self._asked[request] = self.matching(DeviceSpec.from_string(request))
        return mask

    def matching(self, wanted: DeviceSpec) -> int:
        """Return the devices whose names have all parts of `wanted`."""
        return sum(1 << i for i, spec in enumerate(self._specs) if _fits(wanted, spec))

    def able(self, node: Node) -> int:
        """Return the devices with a kernel for the node. Feeds and fetches stay on the host.

        A node without any kernel is left to the host, where loading it tells the whole story.
        """
        key: tuple[Any, ...] = (node.op,)
        for item in node.attrs.items():
            if item[1].__class__ is DType:
                key += item
            elif item[1].__class__ is list and item[1] and item[1][0].__class__ is DType:
                key += (item[0], *item[1])
        mask = self._able.get(key)
        if mask is None:
            mask = self._able[key] = self._find_able(node)
        return mask

    def _find_able(self, node: Node) -> int:
        if node.op in ON_HOST:
            return self.host
        have = {t for t in self._types if self._kernels.supports(node, t)}
        mask = sum(1 << i for i, s in enumerate(self._specs) if s.device_type in have)
        return mask or self.host

    def listed(self, mask: int) -> tuple[str, ...]:
        """Return the names of the devices in a mask, best first."""
        names = self._listed.get(mask)
        if names is None:
            names = tuple(name for i, name in enumerate(self.names) if mask >> i & 1)
            self._listed[mask] = names
        return names


def _rank(device: DeviceAttributes) -> tuple[int, str, int]:
    return (
        _RANK.get(device.device_type, _OTHER),
        device.device_type,
        device.spec.device_index or 0,
    )


def _fits(wanted: DeviceSpec, device: DeviceSpec) -> bool:
    kind = wanted.device_type
    return (
        wanted.job in (None, "*", device.job)
        and wanted.replica in (None, device.replica)
        and wanted.task in (None, device.task)
        and (kind in (None, "*") or kind.upper() == device.device_type)
        and wanted.device_index in (None, device.device_index)
    )
