"""StepStats → how many bytes each device had live over time.

Three sources, the best that a device's statistics have: what the allocator counted when a node
ended (`allocator_bytes_in_use`, with the allocations inside the node in between); allocations
and deallocations alone, which give the curve up to a constant; or else the lifetimes of tensors,
each from the start of the node that made it to the end of its last reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from penstock.graph.devices import short_name
from penstock.timeline.slices import Slice, node_times


class Curve(NamedTuple):
    """Live bytes of one allocator: (nanoseconds, bytes), times ascending, bytes never negative."""

    device: str
    allocator: str
    points: tuple[tuple[int, int], ...]

    @property
    def peak(self) -> int:
        """The most bytes at a time."""
        return max((size for _, size in self.points), default=0)


def read_memory(step_stats: Any, slices: Sequence[Slice]) -> list[Curve]:
    """Return the curves of a step, at most one for each device and allocator."""
    curves: list[Curve] = []
    for device in step_stats.dev_stats:
        found = _counted(device)
        if not found:
            found = _from_lifetimes(short_name(device.device), slices)
        curves += found
    return curves


def _counted(device: Any) -> list[Curve]:
    """Return what the allocators of a device counted."""
    by_allocator: dict[str, list[tuple[Any, Any]]] = {}
    for node in device.node_stats:
        for memory in node.memory:
            by_allocator.setdefault(memory.allocator_name, []).append((node, memory))
    curves = []
    for name in sorted(by_allocator):
        records = by_allocator[name]
        absolute = any(memory.allocator_bytes_in_use for _, memory in records)
        points = _sampled(records) if absolute else _summed(records)
        if any(size for _, size in points):
            curves.append(Curve(short_name(device.device), name, tuple(_tidy(points))))
    return curves


def _sampled(records: Iterable[tuple[Any, Any]]) -> list[tuple[int, int]]:
    """Return the allocator's own count at each node's end, and before it at each record."""
    points: list[tuple[int, int]] = []
    for node, memory in records:
        start, end = node_times(node)
        live = memory.allocator_bytes_in_use
        own = [(end, live)]
        for record in reversed(memory.allocation_records):
            own.append((_within(record.alloc_micros, start, end), live))
            live -= record.alloc_bytes
        if memory.allocation_records:
            own.append((start, live))
        points += reversed(own)
    return sorted(points, key=lambda point: point[0])


def _summed(records: Iterable[tuple[Any, Any]]) -> list[tuple[int, int]]:
    """Return the sum of allocations and deallocations, starting where it stays positive."""
    changes = []
    for node, memory in records:
        start, end = node_times(node)
        for record in memory.allocation_records:
            changes.append((_within(record.alloc_micros, start, end), record.alloc_bytes))
    return _accumulate(changes)


def _from_lifetimes(device: str, slices: Sequence[Slice]) -> list[Curve]:
    """Return what the sizes of outputs and their last readers tell."""
    last_read: dict[str, int] = {}
    here = [s for s in slices if s.device == device]
    for item in here:
        for text in item.inputs:
            name = text.partition(":")[0]
            last_read[name] = max(last_read.get(name, 0), item.end)
    changes = []
    for item in here:
        size = sum(output.bytes for output in item.outputs)
        if size:
            changes.append((item.start, size))
            changes.append((max(item.end, last_read.get(item.name, 0)), -size))
    points = _accumulate(changes)
    return [Curve(device, "tensors", tuple(_tidy(points)))] if points else []


def _within(micros: int, start: int, end: int) -> int:
    return min(max(micros * 1000, start), end)


def _accumulate(changes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    total: dict[int, int] = {}
    for time, change in changes:
        total[time] = total.get(time, 0) + change
    points, live = [], 0
    for time in sorted(total):
        live += total[time]
        points.append((time, live))
    lowest = min((size for _, size in points), default=0)
    return [(time, size - min(lowest, 0)) for time, size in points]


def _tidy(points: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out points that change nothing."""
    kept: list[tuple[int, int]] = []
    for time, size in points:
        if not kept or kept[-1][1] != size:
            kept.append((time, max(0, size)))
    return kept
