"""Panels of memory over nodes → SVG text: stacked areas, the peak, the limit.

All panels of a device have one scale of bytes, and all panels one scale of nodes, so that runs
can be compared by eye. Pointing at a column tells its node and what was live there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from penstock.view.picture import shorten
from penstock.view.svg import clean, number

_LEFT, _RIGHT, _GAP, _HEIGHT, _TOP, _BELOW = 74.0, 14.0, 22.0, 190.0, 34.0, 34.0
_COLOURS = {
    "parameters": "--d0",
    "slots": "--d8",
    "variables": "--d6",
    "constants": "--d7",
    "feeds": "--d5",
    "fetches": "--d3",
    "activations": "--d1",
    "recomputed": "--d2",
    "scratch": "--d4",
}
_LEAST_COLUMN = 1.5  # pixels
_LETTER = 6.0  # pixels, about


class Panel(NamedTuple):
    """The memory of one device in one run: moments, and what is marked."""

    title: str
    device: str
    moments: Sequence[Any]
    peak: int
    at: int
    limit: int


class Column(NamedTuple):
    """What stands for nodes `first` to `last`: the moment of the one that needed most."""

    first: int
    last: int
    moment: Any


class _Scale(NamedTuple):
    """How wide a node is, and how many bytes a panel is high."""

    node: float
    bytes: int

    def y(self, size: float) -> float:
        return _HEIGHT * (1 - size / self.bytes)


def render(rows: Sequence[Sequence[Panel]], groups: Sequence[str], width: int, style: str) -> str:
    """Return one <svg>; without `style` the page around it has the sheet."""
    across = max(len(row) for row in rows)
    wide = (max(width, 360) - _LEFT - _RIGHT - _GAP * (across - 1)) / across
    nodes = max(len(p.moments) for row in rows for p in row)
    high = _TOP + len(rows) * (_HEIGHT + _TOP + _BELOW)
    size = f'width="{width}" height="{number(high)}" viewBox="0 0 {width} {number(high)}"'
    kind = 'class="penstock" ' if style else ""
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {kind}{size} role="img">']
    parts.append("<title>memory by kind, node after node</title>")
    if style:
        parts.append(f"<style>{style}</style>")
        parts.append(f'<rect class="paper" width="{width}" height="{number(high)}"/>')
    shown = {g for row in rows for p in row for m in p.moments for g in m.groups}
    shown |= {"scratch" for row in rows for p in row for m in p.moments if m.peak > m.live}
    parts += _legend([g for g in groups if g in shown])
    for k, row in enumerate(rows):
        scale = _Scale(wide / nodes, _ceiling(row))
        top = _TOP + k * (_HEIGHT + _TOP + _BELOW) + _TOP
        parts.append(f'<g transform="translate({number(_LEFT)} {number(top)})">')
        parts += _axis(scale)
        for i, panel in enumerate(row):
            parts.append(f'<g transform="translate({number(i * (wide + _GAP))} 0)">')
            parts += _panel(panel, groups, scale, wide)
            parts.append("</g>")
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"])


def amount(size: float) -> str:
    """Return bytes in the unit that suits them.

    >>> from penstock.view.memory_svg import amount
    >>> amount(0), amount(1536), amount(3 << 20)
    ('0 B', '1.5 KiB', '3 MiB')
    """
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"


def columns(moments: Sequence[Any], node: float) -> list[Column]:
    """Return the columns of a panel in which a node is so many pixels wide."""
    step = max(1, -(-_LEAST_COLUMN // node)) if node else 1
    made = []
    for first in range(0, len(moments), int(step)):
        group = moments[first : first + int(step)]
        most = max(group, key=lambda m: m.peak)
        made.append(Column(first, first + len(group), most))
    return made


def _ceiling(row: Sequence[Panel]) -> int:
    """Return the bytes at the top: room for the peaks, and for limits that are not far above."""
    peak = max(1, *[p.peak for p in row])
    limits = [p.limit for p in row if peak <= p.limit <= 1.5 * peak]
    return int(1.14 * max([peak, *limits])) + 1


def _legend(groups: Sequence[str]) -> Iterator[str]:
    x = _LEFT
    for group in groups:
        yield (
            f'<rect class="area" style="{_own(group)}" x="{number(x)}" y="12" width="11" '
            f'height="11" rx="2"/><text x="{number(x + 16)}" y="21.5">{group}</text>'
        )
        x += 34 + 6.2 * len(group)


def _own(group: str) -> str:
    return f"--own:var({_COLOURS.get(group, '--none')})"


def _axis(scale: _Scale) -> Iterator[str]:
    step = 1
    while scale.bytes / step > 5:
        step *= 2
    for k in range(int(scale.bytes // step) + 1):
        y = number(scale.y(k * step) + 4)
        yield f'<text class="soft" x="-8" y="{y}" text-anchor="end">{amount(k * step)}</text>'


def _panel(panel: Panel, groups: Sequence[str], scale: _Scale, wide: float) -> Iterator[str]:
    heading = f"{panel.title} · {panel.device}"
    yield f'<text class="head" x="0" y="-10">{clean(shorten(heading, int(wide / 6.5)))}</text>'
    yield f'<rect class="sheet" width="{number(wide)}" height="{number(_HEIGHT)}"/>'
    step = 1
    while scale.bytes / step > 5:
        step *= 2
    for k in range(1, int(scale.bytes // step) + 1):
        y = number(scale.y(k * step))
        yield f'<line class="grid" x1="0" x2="{number(wide)}" y1="{y}" y2="{y}"/>'
    bars = columns(panel.moments, scale.node)
    yield from _areas(bars, groups, scale)
    yield from _marks(panel, scale, wide)
    yield from _touches(bars, scale)
    last = len(panel.moments) - 1
    below = number(_HEIGHT + 15)
    yield f'<text class="soft" x="0" y="{below}">start</text>'
    end = f"{last} node{'s' * (last != 1)}"
    yield (
        f'<text class="soft" x="{number(max(60.0, scale.node * (last + 1)))}" y="{below}" '
        f'text-anchor="end">{end}</text>'
    )


def _areas(bars: Sequence[Column], groups: Sequence[str], scale: _Scale) -> Iterator[str]:
    """Draw the kinds on top of each other, then the line above them all."""
    below = [0.0] * len(bars)
    for group in groups:
        sizes = [_size(bar.moment, group) for bar in bars]
        above = [a + b for a, b in zip(below, sizes, strict=True)]
        if any(sizes):
            path = _steps(bars, above, scale) + _steps(bars, below, scale, back=True)
            yield (
                f'<path class="area" style="{_own(group)}" d="M{path[1:]}Z">'
                f"<title>{group}</title></path>"
            )
        below = above
    yield f'<path class="top" d="M{_steps(bars, below, scale)[1:]}"/>'


def _size(moment: Any, group: str) -> float:
    return float(moment.peak - moment.live if group == "scratch" else moment.groups.get(group, 0))


def _steps(
    bars: Sequence[Column], sizes: Sequence[float], scale: _Scale, back: bool = False
) -> str:
    """Return the path of a stair, from left to right or back."""
    path = []
    for bar, size in zip(bars, sizes, strict=True):
        y = number(scale.y(size))
        left, right = number(bar.first * scale.node), number(bar.last * scale.node)
        ends = (right, left) if back else (left, right)
        path.append(f"L{ends[0]} {y}L{ends[1]} {y}")
    return "".join(reversed(path) if back else path)


def _marks(panel: Panel, scale: _Scale, wide: float) -> Iterator[str]:
    y = scale.y(panel.peak)
    x = (panel.at + 1.5) * scale.node
    yield f'<line class="peak" x1="0" x2="{number(wide)}" y1="{number(y)}" y2="{number(y)}"/>'
    yield f'<circle class="dot" cx="{number(x)}" cy="{number(y)}" r="3.2"/>'
    node = panel.moments[panel.at + 1].node
    text = f"peak {amount(panel.peak)}" + (f" at {node}" if node else "")
    text = shorten(text, int(wide / _LETTER))
    room = _LETTER * len(text)
    at = max(4.0, min(x - room / 2, wide - room - 4))
    yield f'<text class="halo" x="{number(at)}" y="{number(y - 6)}">{clean(text)}</text>'
    if 0 < panel.limit <= scale.bytes:
        y = scale.y(panel.limit)
        yield f'<line class="limit" x1="0" x2="{number(wide)}" y1="{number(y)}" y2="{number(y)}"/>'
        yield (
            f'<text class="halo limit-name" x="{number(wide - 4)}" y="{number(y - 4)}" '
            f'text-anchor="end">limit {amount(panel.limit)}</text>'
        )


def _touches(bars: Sequence[Column], scale: _Scale) -> Iterator[str]:
    """Let each column tell about itself when it is pointed at."""
    for bar in bars:
        moment = bar.moment
        head = f"#{moment.position} {moment.op} {moment.node}" if moment.node else "the beginning"
        kinds = [f"{group} {amount(size)}" for group, size in moment.groups.items()]
        if moment.peak > moment.live:
            kinds.append(f"scratch {amount(moment.peak - moment.live)}")
        text = "\n".join([head, f"{amount(moment.peak)} at most", *kinds])
        x, wide = number(bar.first * scale.node), number((bar.last - bar.first) * scale.node)
        yield (
            f'<rect class="touch" x="{x}" width="{wide}" height="{number(_HEIGHT)}">'
            f"<title>{clean(text)}</title></rect>"
        )
