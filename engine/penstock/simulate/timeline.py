"""A simulated step as `StepStats`, so that the tools for traced steps show it too.

Every device has its nodes, with the lane as the thread; a transfer stands with the device that
it comes from, on a thread of its own for each destination. Nodes that take no time are left
out. Times are nanoseconds from the step's start, whose own time is the caller's to choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penstock import protos
from penstock.graph.devices import short_name
from penstock.simulate.runs import NodeRun, TransferRun

_WIRE = 1000
"""Threads from this number on are links; those below it are lanes."""


def step_stats(
    lanes: Mapping[str, int],
    nodes: Iterable[NodeRun],
    transfers: Iterable[TransferRun],
    peak: Mapping[str, int],
    start: float,
) -> Any:
    """Return the `StepStats` of a step that began `start` seconds after the epoch.

    `lanes` and `peak` have every device by its full name.
    """
    stats = protos.StepStats()
    devices = {name: stats.dev_stats.add(device=name) for name in lanes}
    for name, count in lanes.items():
        for lane in range(count):
            devices[name].thread_names[lane] = f"lane {lane}"
    for node in nodes:
        if node.end > node.start:
            label = f"{node.name} = {node.op}()"
            entry = _add(devices[node.device], node.name, label, node.lane)
            _time(entry, start, node.ready, node.start, node.end)
    threads = {name: _WIRE + i for i, name in enumerate(lanes)}
    for sent in transfers:
        device, thread = devices[sent.source], threads[sent.destination]
        device.thread_names[thread] = f"to {short_name(sent.destination)}"
        label = f"{sent.tensor} {sent.bytes} bytes to {short_name(sent.destination)}"
        entry = _add(device, f"{sent.tensor} -> {short_name(sent.destination)}", label, thread)
        _time(entry, start, sent.asked, sent.start, sent.end)
        output = entry.output.add(slot=0).tensor_description.allocation_description
        output.requested_bytes = sent.bytes
    for name, most in peak.items():
        if devices[name].node_stats:
            used = devices[name].node_stats[0].memory.add(allocator_name=short_name(name))
            used.peak_bytes = most
    return stats


def _add(device: Any, name: str, label: str, thread: int) -> Any:
    return device.node_stats.add(node_name=name, timeline_label=label, thread_id=thread)


def _time(entry: Any, origin: float, ready: float, start: float, end: float) -> None:
    """Write when an entry was scheduled, began and ended, in both units that the format has."""
    for unit, per_second in (("micros", 1e6), ("nanos", 1e9)):
        begun, ended = (round((origin + t) * per_second) for t in (start, end))
        setattr(entry, f"scheduled_{unit}", round((origin + ready) * per_second))
        setattr(entry, f"all_start_{unit}", begun)
        setattr(entry, f"op_end_rel_{unit}", ended - begun)
        setattr(entry, f"all_end_rel_{unit}", ended - begun)
