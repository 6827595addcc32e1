"""Sessions with several devices, and random requests for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import penstock as ps
from penstock import kernel_api


def session(cpus: int = 1, simulated: int = 0, **others: Any) -> ps.Session:
    """Return a session with that many CPU and SIM_GPU devices; what has no kernel moves."""
    graph = others.pop("graph", None)
    count = {"CPU": cpus, "SIM_GPU": simulated}
    config = ps.ConfigProto(device_count=count, allow_soft_placement=True, **others)
    return ps.Session(graph=graph, config=config)


def spread(graph: ps.Graph, devices: list[str], choose: Callable[[list[str]], str]) -> None:
    """Let each operation of a graph ask for one of the devices, or for none."""
    for operation in graph.get_operations():
        operation.set_device(choose(["", *devices]))


def names(cpus: int = 1, simulated: int = 0) -> list[str]:
    """Return what programs call these devices."""
    found = [f"/device:CPU:{i}" for i in range(cpus)]
    return found + [f"/device:SIM_GPU:{i}" for i in range(simulated)]


def simulator_is_there() -> bool:
    """Return True when this build has the simulated accelerator."""
    return "SIM_GPU" in kernel_api.device_types
