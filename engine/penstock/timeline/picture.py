"""A Picture: all that is drawn of one or several steps, times in nanoseconds from zero.

Both ways of drawing (`chrome.py`, `svg.py`) read it and decide nothing about what is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from penstock.timeline import rows
from penstock.timeline.flows import Flow
from penstock.timeline.memory import Curve
from penstock.timeline.slices import Slice


class Span(NamedTuple):
    """When a step ran."""

    start: int
    end: int


class Picture:
    """Slices, arrows and memory of the steps added so far."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.steps: list[Span] = []
        self.slices: list[Slice] = []
        self.flows: list[Flow] = []
        self._curves: dict[tuple[str, str], list[tuple[int, int]]] = {}

    def add_step(
        self, start: int, slices: Sequence[Slice], flows: Sequence[Flow], curves: Sequence[Curve]
    ) -> None:
        """Add a step whose times begin at `start`. Nothing may be asked before the last one."""
        ends = [s.end for s in slices] + [time for c in curves for time, _ in c.points]
        self.steps.append(Span(start, max(ends, default=start)))
        self.slices += slices
        self.flows += flows
        for curve in curves:
            self._curves.setdefault((curve.device, curve.allocator), []).extend(curve.points)

    @property
    def end(self) -> int:
        """When the last step ends."""
        return max((step.end for step in self.steps), default=0)

    @cached_property
    def rows(self) -> dict[rows.Row, list[Slice]]:
        """The rows of all devices in order, with their slices."""
        return rows.assign(self.slices)

    @cached_property
    def curves(self) -> list[Curve]:
        """The memory of each device's allocators over all steps, in the order of the devices."""
        ordered = sorted(self._curves.items(), key=lambda c: (rows.device_order(c[0][0]), c[0][1]))
        return [Curve(*key, tuple(sorted(points))) for key, points in ordered]

    @cached_property
    def devices(self) -> list[str]:
        """The devices that have slices or memory, in order."""
        found = {s.device for s in self.slices} | {device for device, _ in self._curves}
        return sorted(found, key=rows.device_order)
