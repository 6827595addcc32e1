"""A Picture → SVG text: devices below each other, slices coloured by op, memory underneath.

The text stands alone: no script, no font, no file besides it. Pointing at a slice shows what it
computed. Colours go to the ops that took the most time, the others are grey; the legend says which.
Arrows are drawn between devices only; within a device they would hide what they explain. A receive
is pale while it waits for its sender.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from penstock.timeline.flows import arrow_times
from penstock.timeline.memory import Curve
from penstock.timeline.picture import Picture
from penstock.timeline.rows import Row
from penstock.timeline.slices import Slice

_PALETTE = (
    *("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1"),
    *("#76b7b2", "#d4a72c", "#9c755f", "#d37295", "#7b8fd4"),
)
_OTHER, _TRANSFER, _INK, _FAINT = "#a5abb3", "#5b6470", "#24292f", "#d8dee4"
_LEFT, _RIGHT, _ROW, _BAR, _MEMORY, _LETTER = 110, 20, 20, 16, 46, 6.4
_STYLE = "font-family:ui-sans-serif,system-ui,sans-serif;font-size:11px"


def render(picture: Picture, width: int) -> str:
    """Return the picture as one <svg> element `width` pixels wide."""
    drawing = _Drawing(picture, max(width, 320))
    body = "\n".join(drawing.elements())
    height = round(drawing.y) + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{drawing.width}" height="{height}" '
        f'viewBox="0 0 {drawing.width} {height}" style="{_STYLE}" fill="{_INK}">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>'
    )


class _Drawing:
    """Draws from top to bottom; `y` is where the next thing goes."""

    def __init__(self, picture: Picture, width: int) -> None:
        self.picture = picture
        self.width = width
        self.y = 22.0
        self._scale = (width - _LEFT - _RIGHT) / max(picture.end, 1)
        self._colours = _colours(picture.slices)
        self._middles: dict[int, float] = {}  # of drawn slices, for the arrows

    def elements(self) -> Iterator[str]:
        """Yield the elements in drawing order."""
        top = self.y
        blocks = [line for device in self.picture.devices for line in self._device(device)]
        yield from self._axis(top)
        yield from blocks
        yield from self._arrows()
        yield from self._legend()

    def _x(self, nanos: int) -> float:
        return _LEFT + nanos * self._scale

    def _axis(self, top: float) -> Iterator[str]:
        """Draw the times above and a faint line down from each; steps when there are several."""
        step = _round_step(max(self.picture.end, 1) / 8)
        for number in range(math.floor(self.picture.end / step) + 1):
            x = self._x(round(number * step))
            yield _line(x, top - 6, x, self.y, _FAINT)
            yield _text(x, top - 10, _duration(number * step), "middle")
        if len(self.picture.steps) > 1:
            for index, span in enumerate(self.picture.steps):
                x = self._x(span.start)
                yield _line(x, top - 6, x, self.y, "#8c959f", dashes=True)
                yield _text(x + 3, top + 4, f"step {index}", colour="#57606a")

    def _device(self, device: str) -> Iterator[str]:
        self.y += 12
        yield _text(8, self.y + 4, device, weight="bold")
        self.y += 10
        for row, slices in self.picture.rows.items():
            if row.device == device:
                yield from self._row(row, slices)
        for curve in self.picture.curves:
            if curve.device == device:
                yield from self._memory(curve)
        self.y += 6
        yield _line(0, self.y, self.width, self.y, _FAINT)

    def _row(self, row: Row, slices: Sequence[Slice]) -> Iterator[str]:
        yield _text(_LEFT - 8, self.y + _ROW - 7, _fit(row.name, _LEFT - 24), "end", "#57606a")
        top = self.y + (_ROW - _BAR) / 2
        for item in slices:
            x = self._x(item.start)
            wide = max((item.end - item.start) * self._scale, 1.0)
            colour = self._colours.get(item.op, _OTHER)
            self._middles[id(item)] = top + _BAR / 2
            waited = min(_waited(item) * self._scale, wide)
            bars = _bar(x, top, waited, colour, 0.3) if waited >= 1 else ""
            bars += _bar(x + waited, top, max(wide - waited, 1.0), colour)
            caption = self._caption(item, x, top, wide, _INK if 2 * waited > wide else "#ffffff")
            yield f"<g><title>{escape(_tooltip(item))}</title>{bars}{caption}</g>"
        self.y += _ROW

    def _caption(self, item: Slice, x: float, top: float, wide: float, colour: str) -> str:
        shown = _fit(item.op, wide - 6)
        return _text(x + 3, top + _BAR - 4.5, shown, colour=colour) if shown else ""

    def _memory(self, curve: Curve) -> Iterator[str]:
        """Draw live bytes as an area, its peak written at the left."""
        self.y += 6
        bottom = self.y + _MEMORY
        scale = (_MEMORY - 4) / max(curve.peak, 1)
        corners, last = [], bottom
        for time, size in curve.points:
            x = self._x(time)
            corners.append(f"{x:.2f},{last:.1f}")
            last = bottom - size * scale
            corners.append(f"{x:.2f},{last:.1f}")
        right = self._x(self.picture.end)
        first = self._x(curve.points[0][0])
        corners += [f"{right:.2f},{last:.1f}", f"{right:.2f},{bottom:.1f}"]
        corners.append(f"{first:.2f},{bottom:.1f}")
        title = f"memory ({curve.allocator}), at most {curve.peak} bytes"
        yield (
            f'<polygon points="{" ".join(corners)}" fill="#8fb8de" fill-opacity="0.55" '
            f'stroke="#4e79a7" stroke-width="0.8"><title>{escape(title)}</title></polygon>'
        )
        yield _text(_LEFT - 8, self.y + 12, "memory", "end", "#57606a")
        yield _text(_LEFT - 8, self.y + 25, f"{_size(curve.peak)} peak", "end", "#57606a")
        self.y = bottom

    def _arrows(self) -> Iterator[str]:
        """Draw what crosses from one device to another, with a dot where it arrives."""
        for flow in self.picture.flows:
            source, target = flow.source, flow.target
            if source.device == target.device:
                continue
            leaves, arrives = arrow_times(flow)
            x1, y1 = self._x(leaves), self._middles[id(source)]
            x2, y2 = self._x(arrives), self._middles[id(target)]
            bend = (y2 - y1) / 2
            yield (
                f'<path d="M{x1:.2f},{y1:.1f} C{x1:.2f},{y1 + bend:.1f} {x2:.2f},{y2 - bend:.1f} '
                f'{x2:.2f},{y2:.1f}" fill="none" stroke="#cf222e" stroke-opacity="0.75" '
                f'stroke-width="1.1"><title>{escape(flow.name)}</title></path>'
                f'<circle cx="{x2:.2f}" cy="{y2:.1f}" r="2.2" fill="#cf222e"/>'
            )

    def _legend(self) -> Iterator[str]:
        """Name the colours, most time first."""
        self.y += 18
        x = 8.0
        entries = [(colour, op) for op, colour in self._colours.items() if colour != _TRANSFER]
        if len({s.op for s in self.picture.slices if not s.is_transfer}) > len(entries):
            entries.append((_OTHER, "other ops"))
        if any(s.is_transfer for s in self.picture.slices):
            entries.append((_TRANSFER, "send, receive"))
        for colour, op in entries:
            wide = 24 + _LETTER * len(op)
            if x + wide > self.width and x > 8:
                x, self.y = 8.0, self.y + 16
            yield f'<rect x="{x:.1f}" y="{self.y - 9:.1f}" width="10" height="10" fill="{colour}"/>'
            yield _text(x + 14, self.y, op)
            x += wide


def _colours(slices: Sequence[Slice]) -> dict[str, str]:
    """Return the colour of each op that has one, by total time (equal times: by name)."""
    total: Counter[str] = Counter()
    transfers = set()
    for item in slices:
        if item.is_transfer:
            transfers.add(item.op)
        else:
            total[item.op] += item.end - item.start
    ranked = sorted(total, key=lambda op: (-total[op], op))
    chosen = dict(zip(ranked, _PALETTE, strict=False))
    return {**chosen, **dict.fromkeys(sorted(transfers), _TRANSFER)}


def _waited(item: Slice) -> int:
    """Return for how long, in nanoseconds, a slice did nothing but wait for its sender."""
    return 0 if item.transfer is None or item.is_send else item.transfer.waited_us * 1000


def _bar(x: float, top: float, wide: float, colour: str, opacity: float = 1.0) -> str:
    seen = "" if opacity == 1.0 else f' fill-opacity="{opacity}"'
    return (
        f'<rect x="{x:.2f}" y="{top:.1f}" width="{wide:.2f}" height="{_BAR}" '
        f'rx="{min(2.0, wide / 3):.1f}" fill="{colour}"{seen}/>'
    )


def _tooltip(item: Slice) -> str:
    lines = [f"{item.name} = {item.op}({', '.join(item.inputs)})"]
    lines.append(f"{_duration(item.end - item.start)}, starts at {_duration(item.start)}")
    if item.transfer is not None:
        source, destination, tensor, size, waited = item.transfer
        lines.append(f"{tensor}: {source} to {destination}, {_size(size)}")
        if not item.is_send:
            lines.append(f"waited {waited} us")
    lines += [f"output {output.slot}: {output}" for output in item.outputs]
    return "\n".join(lines)


def _fit(text: str, room: float) -> str:
    """Return as much of a text as fits into `room` pixels; less than two letters is nothing."""
    letters = math.floor(room / _LETTER)
    if len(text) <= letters:
        return text
    return text[: letters - 1] + "…" if letters > 2 else ""


def _round_step(raw: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at least as large as `raw`."""
    power: float = 10.0 ** math.floor(math.log10(raw))
    return next(f * power for f in (1.0, 2.0, 5.0, 10.0) if f * power >= raw * 0.999)


def _duration(nanos: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanos >= size:
            return f"{nanos / size:.4g} {unit}"
    return f"{nanos:.4g} ns" if nanos else "0"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} GiB"


def _text(
    x: float, y: float, text: str, anchor: str = "start", colour: str = _INK, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: bool = False) -> str:
    style = ' stroke-dasharray="3,3"' if dashes else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{style}/>'
    )
