"""Timelines: the step statistics of a traced run as a picture and as a Chrome trace.

A run with ``RunOptions(trace_level=RunOptions.FULL_TRACE)`` leaves `RunMetadata.step_stats`. A
`Timeline` of it is written as trace events, which Perfetto (ui.perfetto.dev) and chrome://tracing
open, or drawn as an SVG picture, which a notebook shows by itself. One block for each device, one
row for each thread, transfers in rows of their own, memory underneath. Statistics that TensorFlow
recorded are understood as well. Time starts at zero with the first node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from penstock.exports import export
from penstock.timeline import chrome, svg
from penstock.timeline.analysis import StepStatsAnalysis, allocator_maximums
from penstock.timeline.flows import find_flows
from penstock.timeline.memory import Curve, read_memory
from penstock.timeline.picture import Picture
from penstock.timeline.slices import Slice, read_step


@export("timeline.Timeline")
class Timeline:
    """What one traced step did, or several.

    >>> a = ps.constant([1.0, 2.0], name="a")
    >>> stats = ps.protos.StepStats()
    >>> device = stats.dev_stats.add(device="/job:localhost/replica:0/task:0/device:CPU:0")
    >>> _ = device.node_stats.add(
    ...     node_name="b", all_start_micros=7, all_end_rel_micros=5, timeline_label="b = Neg(a)"
    ... )
    >>> ps.timeline.Timeline(stats)
    <Timeline of 1 step: 1 node on 1 device in 5.0 us>
    """

    def __init__(self, step_stats: Any, graph: Any = None) -> None:
        """Read a StepStats message (of penstock or TensorFlow).

        `graph`, the graph that ran, is asked for ops and inputs where the statistics do not
        tell them. Raises `TypeError` for anything else, such as a RunMetadata.
        """
        self._picture = _picture([step_stats], [0], graph)

    @classmethod
    def merge(
        cls,
        steps: Sequence[Any],
        offsets: Sequence[float] | None = None,
        gap_micros: float = 10.0,
        graph: Any = None,
    ) -> Timeline:
        """Return one timeline of several StepStats, each device with one block for all of them.

        The steps follow each other with `gap_micros` between, in the given order; or step i
        starts at `offsets[i]` microseconds. Raises `ValueError` for no steps and for offsets
        that are negative or not as many as the steps.
        """
        steps = list(steps)
        if not steps:
            raise ValueError("Timeline.merge needs at least one StepStats, got none")
        if offsets is not None and (len(offsets) != len(steps) or min(offsets) < 0):
            raise ValueError(
                f"offsets must be {len(steps)} numbers (one for each step) that are not "
                f"negative, got {list(offsets)}"
            )
        made = cls.__new__(cls)
        starts = None if offsets is None else [round(o * 1000) for o in offsets]
        made._picture = _picture(steps, starts, graph, round(gap_micros * 1000))
        return made

    def generate_chrome_trace_format(
        self, show_dataflow: bool = True, show_memory: bool = False
    ) -> str:
        """Return the trace as JSON text, in the format of Chrome's trace events.

        `show_dataflow` adds arrows from each producer to its readers and from each send to its
        receive; `show_memory` adds a counter of live bytes for each device. The same statistics
        always give the same text.
        """
        return chrome.render(self._picture, show_dataflow, show_memory)

    def analyze_step_stats(
        self, show_dataflow: bool = True, show_memory: bool = True
    ) -> StepStatsAnalysis:
        """Return the Chrome trace and, by allocator, the most bytes live at a time.

        `allocator_maximums` has an entry for each device whose memory was recorded: `timestamp`
        in microseconds from the start, `num_bytes`, and the `tensors` live then, by node.

        >>> x = ps.placeholder(ps.float32, [1024])
        >>> options = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE)
        >>> metadata = ps.RunMetadata()
        >>> y = ps.exp(ps.concat([x, x], 0, name="twice"), name="y")
        >>> _ = ps.Session().run(y, {x: [0.0] * 1024}, options, metadata)
        >>> analysis = ps.timeline.Timeline(metadata.step_stats).analyze_step_stats()
        >>> "twice" in analysis.allocator_maximums["CPU:0"].tensors
        True
        """
        trace = self.generate_chrome_trace_format(show_dataflow, show_memory)
        return StepStatsAnalysis(trace, allocator_maximums(self._picture))

    def svg(self, width: int = 1000) -> str:
        """Return a picture `width` pixels wide, as SVG text that needs nothing else."""
        return svg.render(self._picture, width)

    def save(self, path: str | Path) -> None:
        """Write the timeline to a file: ``.json`` for Perfetto, ``.svg`` or ``.html`` to look at.

        Raises `ValueError` for another ending.
        """
        path = Path(path)
        if path.suffix == ".json":
            text = self.generate_chrome_trace_format(show_memory=True)
        elif path.suffix == ".svg":
            text = self.svg()
        elif path.suffix == ".html":
            text = f'<!DOCTYPE html>\n<meta charset="utf-8">\n{self._repr_html_()}\n'
        else:
            raise ValueError(f"{str(path)!r}: a timeline is saved as .json, .svg or .html")
        path.write_text(text, encoding="utf-8")

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x:auto">{self.svg()}</div>'

    def __repr__(self) -> str:
        picture = self._picture
        counts = (
            _count(len(picture.steps), "step"),
            _count(len(picture.slices), "node"),
            _count(len(picture.devices), "device"),
        )
        return "<Timeline of {}: {} on {} in {} us>".format(*counts, picture.end / 1000)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _picture(
    steps: Sequence[Any], starts: Sequence[int] | None, graph: Any, gap: int = 0
) -> Picture:
    """Read the steps and shift each to its start, or to `gap` after the end of the one before."""
    picture = Picture()
    for index, step_stats in enumerate(steps):
        _check(step_stats)
        slices = read_step(step_stats, graph, index)
        curves = read_memory(step_stats, slices)
        times = [s.start for s in slices] + [time for c in curves for time, _ in c.points]
        begin = (picture.end + gap if index else 0) if starts is None else starts[index]
        shift = begin - min(times, default=0)
        slices = [_shifted(s, shift) for s in slices]
        picture.add_step(
            begin,
            slices,
            find_flows(slices),
            [Curve(c.device, c.allocator, _shifted_points(c.points, shift)) for c in curves],
        )
    return picture


def _check(step_stats: Any) -> None:
    kind = getattr(getattr(step_stats, "DESCRIPTOR", None), "name", type(step_stats).__name__)
    if kind == "RunMetadata":
        raise TypeError("a Timeline is made from run_metadata.step_stats, not from run_metadata")
    if kind != "StepStats":
        raise TypeError(f"a Timeline is made from a StepStats message, not from {kind}")


def _shifted(item: Slice, shift: int) -> Slice:
    start, end, scheduled = item.start + shift, item.end + shift, item.scheduled + shift
    return replace(item, start=start, end=end, scheduled=scheduled)


def _shifted_points(points: Sequence[tuple[int, int]], shift: int) -> tuple[tuple[int, int], ...]:
    return tuple((time + shift, size) for time, size in points)
