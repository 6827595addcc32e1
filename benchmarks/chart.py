"""The geometric means of a run as a drawing: a row for each family, a dot for each peer.

The axis is logarithmic, so that twice as fast and half as fast lie equally far from 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

LEFT, WIDTH, TOP, ROW, RIGHT = 120, 560, 64, 28, 40
COLOURS = ("#d1605e", "#e49444", "#5778a4", "#6a9f58", "#85b6b2")
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'
_MARKS = (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def _text(x: float, y: float, text: str, anchor: str = "start", fill: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{text}</text>'


def draw(means: Mapping[str, Mapping[str, float]], labels: Sequence[str]) -> str:
    """Return an SVG of the means by row and label; a label without a mean in a row has no dot."""
    values = [mean for row in means.values() for mean in row.values()] or [1.0]
    least, most = min(0.5, *values) * 0.9, max(2.0, *values) * 1.15
    scale = WIDTH / math.log(most / least)
    bottom = TOP + ROW * len(means)

    def place(value: float) -> float:
        return LEFT + scale * math.log(value / least)

    width, height = LEFT + WIDTH + RIGHT, bottom + 34
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_FONT}>',
        f'<rect width="{width}" height="{height}" rx="6" fill="#fff"/>',
        _text(LEFT, 22, "How many times faster penstock is"),
    ]
    x = LEFT + 6.0
    for i, label in enumerate(labels):
        lines.append(f'<circle cx="{x:.1f}" cy="40" r="5" fill="{COLOURS[i % len(COLOURS)]}"/>')
        lines.append(_text(x + 10, 44.5, label))
        x += 34 + 7.2 * len(label)  # about as wide as its letters are
    for mark in (m for m in _MARKS if least <= m <= most):
        x, colour = place(mark), "#333" if mark == 1 else "#ddd"
        lines.append(f'<path d="M{x:.1f} {TOP - 6}V{bottom}" stroke="{colour}"/>')
        lines.append(_text(x, bottom + 18, f"{mark:g}x", "middle", "#666"))
    for row, (name, by_label) in enumerate(means.items()):
        y = TOP + ROW * (row + 0.5)
        lines.append(_text(LEFT - 12, y + 4.5, name, "end"))
        for label, mean in by_label.items():
            colour = COLOURS[labels.index(label) % len(COLOURS)]
            place_of_dot = f'cx="{place(mean):.1f}" cy="{y:.1f}"'
            lines.append(f'<circle {place_of_dot} r="5" fill="{colour}" fill-opacity=".85"/>')
    return "\n".join([*lines, "</svg>", ""])
