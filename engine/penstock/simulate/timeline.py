"""A simulated step as `StepStats`, in the form of a traced one: the same tools draw both.

Every device has its nodes, with the lane as the thread and the memory in use at their ends; a
transfer has a send where it comes from, as long as it is on its way, and a receive where it
arrives, on threads of their own. Nodes that take no time are left out. Times are nanoseconds
from the step's start, whose own time is the caller's to choose.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

from penstock import protos
from penstock.graph.devices import short_name
from penstock.graph.ir import IR, Node
from penstock.simulate.runs import NodeRun, TransferRun

_WIRE = 1000
"""Threads from this number on are links; those below it are lanes."""


def step_stats(
    ir: IR,
    lanes: Mapping[str, int],
    nodes: Mapping[str, NodeRun],
    transfers: Iterable[TransferRun],
    memory: Mapping[str, list[tuple[float, int]]],
    start: float,
) -> Any:
    """Return the `StepStats` of a step that began `start` seconds after the epoch.

    `lanes` and `memory` have every device by its full name.
    """
    stats = protos.StepStats()
    devices = {name: stats.dev_stats.add(device=name) for name in lanes}
    threads = {name: _WIRE + i for i, name in enumerate(lanes)}
    for name, count in lanes.items():
        for lane in range(count):
            devices[name].thread_names[lane] = f"lane {lane}"
    received: dict[tuple[str, str], str] = {}
    for number, sent in enumerate(transfers):
        received[sent.tensor, sent.destination] = f"{_producer(sent)}/_recv_{number}"
        _add_transfer(devices, threads, sent, number, start)
    for run in nodes.values():
        if run.end > run.start:
            device = devices[run.device]
            label = _label(ir[run.name], run.device, received)
            entry = device.node_stats.add(
                node_name=run.name, timeline_label=label, thread_id=run.lane
            )
            _time(entry, start, run.ready, run.start, run.end)
            used = entry.memory.add(allocator_name=short_name(run.device))
            used.allocator_bytes_in_use = _level(memory[run.device], run.end)
    return stats


def _label(node: Node, device: str, received: Mapping[tuple[str, str], str]) -> str:
    """Return `name = Op(inputs)`, with the receive for what comes from another device."""
    inputs = []
    for name, index in node.inputs:
        own = f"{name}:{index}" if index else name
        inputs.append(received.get((f"{name}:{index}", device), own))
    inputs += ["^" + received.get((f"^{name}", device), name) for name in node.controls]
    return f"{node.name} = {node.op}({', '.join(inputs)})"


def _producer(sent: TransferRun) -> str:
    return sent.tensor.removeprefix("^").rpartition(":")[0] or sent.tensor.removeprefix("^")


def _add_transfer(
    devices: Mapping[str, Any],
    threads: Mapping[str, int],
    sent: TransferRun,
    number: int,
    start: float,
) -> None:
    source, destination = short_name(sent.source), short_name(sent.destination)
    producer = _producer(sent)
    note = f"[{source}→{destination} edge_{number}_{sent.tensor} {sent.bytes}B]"
    here, there = devices[sent.source], devices[sent.destination]
    here.thread_names[threads[sent.destination]] = f"to {destination}"
    name = f"{producer}/_send_{number}"
    entry = here.node_stats.add(node_name=name, thread_id=threads[sent.destination])
    entry.timeline_label = f"{note} {name} = _Send({producer})"
    _time(entry, start, sent.asked, sent.start, sent.end)
    there.thread_names[threads[sent.source]] = f"from {source}"
    name = f"{producer}/_recv_{number}"
    entry = there.node_stats.add(node_name=name, thread_id=threads[sent.source])
    entry.timeline_label = f"{note} {name} = _Recv()"
    _time(entry, start, sent.end, sent.end, sent.end)


def _level(steps: list[tuple[float, int]], time: float) -> int:
    return steps[bisect_right(steps, (time, float("inf"))) - 1][1]


def _time(entry: Any, origin: float, ready: float, start: float, end: float) -> None:
    """Write when an entry was scheduled, began and ended, in both units that the format has."""
    for unit, per_second in (("micros", 1e6), ("nanos", 1e9)):
        begun, ended = (round((origin + t) * per_second) for t in (start, end))
        setattr(entry, f"scheduled_{unit}", round((origin + ready) * per_second))
        setattr(entry, f"all_start_{unit}", begun)
        setattr(entry, f"op_end_rel_{unit}", ended - begun)
        setattr(entry, f"all_end_rel_{unit}", ended - begun)
