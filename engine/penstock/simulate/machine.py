"""A machine as the simulator sees it: devices that compute, links that carry, routes between.

A `DeviceModel` runs as many kernels at once as it has lanes; devices of one pool share its
processors besides. A `LinkModel` carries one value at a time, in the order in which they were
sent, and a route that is several links long holds all of them meanwhile: so two devices behind
one link wait for each other. All quantities are in seconds, bytes and operations; infinite
speeds are allowed. A machine never changes: `with_device` and `replace` make another.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from penstock import errors
from penstock.exports import export
from penstock.graph.device_spec import DeviceSpec, merge_device
from penstock.graph.devices import LOCAL, DeviceAttributes, short_name


@export("simulate.DeviceModel")
@dataclass(frozen=True)
class DeviceModel:
    """One device: speeds per second, `launch` seconds for each kernel, `memory` in bytes.

    `memory` 0 is no limit. `pool` names a set of processors that several devices share.
    """

    name: str
    flops: float = 2e10
    bandwidth: float = 1e10
    launch: float = 1e-6
    memory: int = 0
    lanes: int = 1
    pool: str = ""

    def __post_init__(self) -> None:
        """Refuse speeds that are no speeds, with the device's name."""
        object.__setattr__(self, "name", full_name(self.name))
        _positive(self.name, flops=self.flops, bandwidth=self.bandwidth, lanes=self.lanes)
        if not (math.isfinite(self.launch) and self.launch >= 0) or self.memory < 0:
            raise ValueError(f"{self.name}: launch and memory are never negative")

    @property
    def kind(self) -> str:
        """The device type in the name: `CPU`, `GPU`, ..."""
        return device_type(self.name)


@export("simulate.LinkModel")
@dataclass(frozen=True)
class LinkModel:
    """One link: bytes a second, and the seconds until the first byte arrives."""

    name: str
    bandwidth: float = math.inf
    latency: float = 0.0

    def __post_init__(self) -> None:
        """Refuse speeds that are no speeds, with the link's name."""
        _positive(self.name, bandwidth=self.bandwidth)
        if not (math.isfinite(self.latency) and self.latency >= 0):
            raise ValueError(f"{self.name}: a latency is never negative")


def _positive(name: str, **numbers: float) -> None:
    for what, number in numbers.items():
        if not number > 0:
            raise ValueError(f"{name}: {what} must be positive, not {number}")


@export("simulate.full_name")
def full_name(device: str) -> str:
    """Return the full name for `GPU:0`, `/gpu:0`, `/device:GPU:0` or a full name.

    Raises `ValueError` for what does not name one device.

    >>> from penstock.simulate import full_name
    >>> full_name("gpu:1")
    '/job:localhost/replica:0/task:0/device:GPU:1'
    """
    if device.startswith(LOCAL):
        return device
    text = device if device.startswith("/") else f"/device:{device}"
    spec = DeviceSpec.from_string(text)
    if spec.device_type is None or spec.device_index is None:
        raise ValueError(f"{device!r} does not name one device: write CPU:0 or GPU:1")
    return merge_device(text, LOCAL.removesuffix("/device:"))


def device_type(name: str) -> str:
    """Return the device type that a full name tells."""
    return name.rpartition("device:")[2].partition(":")[0]


@export("simulate.Machine")
@dataclass(frozen=True)
class Machine:
    """Devices, links, and which links a value takes from one device to another.

    The keys of `routes` are pairs (source, destination), each a device, a device type or `*`;
    the most exact key that fits wins, the source deciding first. `pools` counts processors.

    >>> from penstock.simulate import DeviceModel, LinkModel, Machine
    >>> m = Machine([DeviceModel("CPU:0"), DeviceModel("GPU:0")],
    ...             [LinkModel("bus", 1e9)], {("*", "*"): ["bus"]})
    >>> [link.name for link in m.route("CPU:0", "GPU:0")]
    ['bus']
    """

    devices: Sequence[DeviceModel]
    links: Sequence[LinkModel] = ()
    routes: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that every name that is used is known."""
        object.__setattr__(self, "devices", tuple(self.devices))
        object.__setattr__(self, "links", tuple(self.links))
        names = [d.name for d in self.devices]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a machine has devices of different names, not {names}")
        known = {link.name for link in self.links}
        for pair, route in self.routes.items():
            if missing := set(route) - known:
                raise ValueError(f"route {pair} takes links that there are not: {sorted(missing)}")
        for device in self.devices:
            if device.pool and device.pool not in self.pools:
                raise ValueError(f"{device.name}: there is no pool {device.pool!r}")

    def device(self, name: str) -> DeviceModel:
        """Return the device of that name; `NotFoundError` names those that there are."""
        wanted = full_name(name)
        for device in self.devices:
            if device.name == wanted:
                return device
        there = ", ".join(short_name(d.name) for d in self.devices)
        raise errors.NotFoundError(
            None, None, f"the machine has no device {short_name(wanted)}, only {there}"
        )

    def route(self, source: str, destination: str) -> tuple[LinkModel, ...]:
        """Return the links from one device to another; none where a value is there at once."""
        by_name = {link.name: link for link in self.links}
        for a in _patterns(full_name(source)):
            for b in _patterns(full_name(destination)):
                if (a, b) in self.routes:
                    return tuple(by_name[name] for name in self.routes[a, b])
        return ()

    def with_device(self, name: str, **changes: float | int | str) -> Machine:
        """Return a machine in which one device has other figures."""
        old = self.device(name)
        new = replace(old, **changes)  # type: ignore[arg-type]
        return replace(self, devices=[new if d is old else d for d in self.devices])

    def attributes(self) -> tuple[DeviceAttributes, ...]:
        """Return the devices as planning sees them."""
        return tuple(
            DeviceAttributes(d.name, d.kind, d.memory, i + 1) for i, d in enumerate(self.devices)
        )

    @staticmethod
    def local(cpus: int = 1, cores: int | None = None, **devices: int) -> Machine:
        """Return this process's machine: CPUs that share its processors, and others by type.

        `Machine.local(cpus=2, SIM_GPU=1)`. `cores` defaults to the processors of this
        machine: give it where a figure must be the same everywhere. The speeds are a common
        laptop's: predictions from measured costs do not need them.
        """
        counts = {"CPU": cpus, **devices}
        return Machine.of([f"{kind}:{i}" for kind, n in counts.items() for i in range(n)], cores)

    @staticmethod
    def of(devices: Iterable[str | DeviceAttributes], cores: int | None = None) -> Machine:
        """Return the machine with these devices, each as its type usually is.

        Between devices of the host's memory (`CPU`, `SIM_GPU`) values go by reference or by
        a copy in memory; every other device hangs on a bus of its own, one link each way.
        """
        named = [d if isinstance(d, str) else d.name for d in devices]
        limits = [0 if isinstance(d, str) else d.memory_limit_bytes for d in devices]
        names = [full_name(name) for name in named]
        models = [
            replace(_USUAL.get(device_type(name), _GPU), name=name, memory=limit)
            for name, limit in zip(names, limits, strict=True)
        ]
        far = [short_name(n) for n in names if device_type(n) not in _USUAL]
        links = [LinkModel("memory", 1e10, 2e-6), LinkModel("handover", math.inf, 2e-6)]
        routes: dict[tuple[str, str], Sequence[str]] = {
            ("*", "*"): ["memory"],
            ("CPU", "CPU"): ["handover"],
        }
        for name in far:
            links += [
                LinkModel(f"to {name}", 1.2e10, 1e-5),
                LinkModel(f"from {name}", 1.2e10, 1e-5),
            ]
            routes["*", name] = [f"to {name}"]
            routes[name, "*"] = [f"from {name}"]
            for other in far:
                if other != name:
                    routes[name, other] = [f"from {name}", f"to {other}"]
        return Machine(models, links, routes, {"host": cores or os.cpu_count() or 1})

    @staticmethod
    def traced(*steps: Any) -> Machine:
        """Return the machine with the devices of traced steps (`StepStats` or `RunMetadata`).

        It runs as many nodes at a time as these steps had threads.
        """
        stats = [s.step_stats if hasattr(s, "step_stats") else s for s in steps]
        devices = [d for s in stats for d in s.dev_stats if d.node_stats]
        names = dict.fromkeys(d.device for d in devices)
        threads = len({n.thread_id for d in devices for n in d.node_stats})
        machine = Machine.of(names, cores=threads)
        for device in machine.devices:
            if device.pool:
                machine = machine.with_device(device.name, lanes=threads)
        return machine

    @staticmethod
    def gpu_box(gpus: int = 4, memory: int = 80 << 30, peer: float = 0.0) -> Machine:
        """Return a server: a CPU and GPUs in pairs behind switches, each pair sharing one bus.

        `peer` is the bytes a second of direct links between GPUs; 0 is none: values then cross
        the switch of a pair, or the host's bus twice.
        """
        models = [replace(_CPU, name="CPU:0", lanes=4)]
        models += [replace(_GPU, name=f"GPU:{i}", memory=memory) for i in range(gpus)]
        links, routes = [], {}
        for pair in range((gpus + 1) // 2):
            links += [LinkModel(f"bus {pair} down", 2.4e10, 1e-5)]
            links += [
                LinkModel(f"bus {pair} up", 2.4e10, 1e-5),
                LinkModel(f"switch {pair}", 2.4e10),
            ]
        for a in range(gpus):
            routes["CPU:0", f"GPU:{a}"] = [f"bus {a // 2} down"]
            routes[f"GPU:{a}", "CPU:0"] = [f"bus {a // 2} up"]
            for b in range(gpus):
                if a != b and peer:
                    links.append(LinkModel(f"peer {a}-{b}", peer, 2e-6))
                    routes[f"GPU:{a}", f"GPU:{b}"] = [f"peer {a}-{b}"]
                elif a // 2 == b // 2 and a != b:
                    routes[f"GPU:{a}", f"GPU:{b}"] = [f"switch {a // 2}"]
                elif a != b:
                    routes[f"GPU:{a}", f"GPU:{b}"] = [f"bus {a // 2} up", f"bus {b // 2} down"]
        return Machine(models, links, routes, {"host": 16})


_CPU = DeviceModel("CPU:0", flops=4e10, bandwidth=1e10, launch=5e-7, pool="host")
_SIM_GPU = DeviceModel("SIM_GPU:0", flops=2e10, bandwidth=5e9, launch=2e-5, pool="host")
_GPU = DeviceModel("GPU:0", flops=1.5e13, bandwidth=1e12, launch=5e-6)
_USUAL = {"CPU": _CPU, "SIM_GPU": _SIM_GPU}


def _patterns(name: str) -> tuple[str, ...]:
    return name, short_name(name), device_type(name), "*"
