"""The peaks of a traced run's memory: by allocator the most bytes, when, and the tensors live then.

Enters what a timeline draws; leaves the figures that TensorFlow's `Timeline.analyze_step_stats`
gives. A tensor is live from the start of the node that made it to the end of its last reader.
"""

from __future__ import annotations

from typing import NamedTuple

from penstock.timeline.picture import Picture


class AllocatorMaximum(NamedTuple):
    """The most bytes of an allocator: when (microseconds from the start), and what was live."""

    timestamp: float
    num_bytes: int
    tensors: frozenset[str]


class StepStatsAnalysis(NamedTuple):
    """The Chrome trace of a run, and the peak of each allocator by its name."""

    chrome_trace: str
    allocator_maximums: dict[str, AllocatorMaximum]


def allocator_maximums(picture: Picture) -> dict[str, AllocatorMaximum]:
    """Return the peak of each allocator over all steps; the first one of equal peaks."""
    found: dict[str, AllocatorMaximum] = {}
    for curve in picture.curves:
        time, size = max(curve.points, key=lambda point: (point[1], -point[0]))
        best = found.get(curve.allocator)
        if best is None or size > best.num_bytes:
            live = _live(picture, curve.device, time)
            found[curve.allocator] = AllocatorMaximum(time / 1000, size, live)
    return found


def _live(picture: Picture, device: str, time: int) -> frozenset[str]:
    """Return the names of the nodes on a device whose results are live at a time."""
    here = [s for s in picture.slices if s.device == device]
    until = {s.name: s.end for s in here}
    for item in here:
        for text in item.inputs:
            name = text.partition(":")[0]
            if name in until:
                until[name] = max(until[name], item.end)
    return frozenset(s.name for s in here if s.outputs and s.start <= time <= until[s.name])
