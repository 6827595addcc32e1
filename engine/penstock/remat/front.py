"""The choice between memory and time: points, as a table, as a picture.

Enters: plans along the front, smallest peak first, and the work of a plain run. Leaves: a `Front`,
a sequence of `Point`s that prints as a table and draws itself. Bytes are planned bytes, variables
and feeds beside them.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import NamedTuple, overload

from penstock.remat.plan import Plan

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 560.0, 300.0, 76.0, 34.0, 48.0
_LINE, _INK, _MARKS = "#4c78a8", "#333333", 5


class Point(NamedTuple):
    """One plan: what `memory_budget=budget` gives.

    `peak` and `budget` are in bytes, `recomputed` in forward passes (r), `time` is all work
    against a plain run's, by the costs that were planned with.
    """

    peak: int
    budget: int
    recomputed: float
    time: float
    strategy: str
    clones: int
    plan: Plan

    def explain(self) -> str:
        """Return what is kept, what is made again, and where the peak is."""
        return self.plan.explain()


class Front:
    """Points by peak, smallest first: as peaks grow, repeated work falls, strictly."""

    def __init__(self, points: list[Point]) -> None:
        """Take the points in their order."""
        self.points = tuple(points)

    def __len__(self) -> int:
        """Return how many points there are."""
        return len(self.points)

    def __iter__(self) -> Iterator[Point]:
        """Iterate over the points."""
        return iter(self.points)

    @overload
    def __getitem__(self, at: int) -> Point: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, at: int | slice) -> Point | tuple[Point, ...]:
        """Return a point, or several."""
        return self.points[at]

    def __str__(self) -> str:
        """Show a table, one point a line."""
        head = f"{'peak bytes':>16} {'r':>7} {'time':>7} {'clones':>7}  strategy"
        lines = [
            f"{p.peak:16,} {p.recomputed:7.3f} {p.time:7.3f} {p.clones:7}  {p.strategy}"
            for p in self.points
        ]
        return "\n".join([head, *lines])

    def _repr_svg_(self) -> str:
        return self.plot()

    def plot(self, path: str | None = None) -> str:
        """Return the picture as SVG, peak across and time up; write it to `path` if given."""
        width, height = _LEFT + _WIDTH + 24, _TOP + _HEIGHT + _BOTTOM
        most = max((p.peak for p in self.points), default=0) or 1
        slowest = max((p.time for p in self.points), default=1.0)
        top = 1 + (slowest - 1) * 1.05 or 1.0
        places = [
            (
                _LEFT + _WIDTH * p.peak / most,
                _TOP + _HEIGHT * (1 - (p.time - 1) / ((top - 1) or 1.0)),
            )
            for p in self.points
        ]
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12" '
            'role="img">',
            "<title>Peak memory against time</title>",
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
            f'<text x="{_LEFT}" y="20" fill="{_INK}">time, as a multiple of a plain run</text>',
            *_axes(most, top),
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{_LINE}" stroke-width="2"/>')
        for (x, y), p in zip(places, self.points, strict=True):
            about = f"{p.peak:,} bytes, {p.time:.3f} of the time, r {p.recomputed:.3f}"
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_LINE}">'
                f"<title>{html.escape(about)}, {html.escape(p.strategy)}</title></circle>"
            )
        text = "\n".join([*parts, "</svg>", ""])
        if path is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return text


def _axes(most: int, top: float) -> list[str]:
    """Return lines and labels: bytes across, from none; time up, from a plain run's."""
    parts: list[str] = []
    bottom = _TOP + _HEIGHT
    for mark in range(_MARKS + 1):
        part = mark / _MARKS
        x, y = _LEFT + _WIDTH * part, bottom - _HEIGHT * part
        ends = f'x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y:.1f}" y2="{y:.1f}"'
        parts += [
            f'<line {ends} stroke="#e5e5e5"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{_INK}">'
            f"{1 + (top - 1) * part:.2f}</text>",
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="{_INK}">'
            f"{_short(most * part)}</text>",
        ]
    label = f'<text x="{_LEFT + _WIDTH}" y="{bottom + 38}" text-anchor="end" fill="{_INK}">'
    return [*parts, f"{label}planned peak</text>"]


def _short(size: float) -> str:
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.0f} B"
