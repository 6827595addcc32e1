"""Peak memory against time of one network as SVG: a point for each way, a line along the budgets.

Both axes are shares of the plain step of the same framework: left is less memory, down is faster.
The dashed line is what planning promises: 1 + r/(1+rho), rho being backward by forward work.
Colours are those of the pictures of graphs, light and dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.checkpointing.figures import Way
from penstock.view import theme
from penstock.view.svg import clean, number

WIDTH, HEIGHT = 680.0, 360.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 24.0, 58.0, 46.0
LABELS = {"penstock": "penstock", "torch": "PyTorch", "jax": "JAX"}
COLOURS = {"penstock": "var(--hot)", "torch": "var(--transfer)", "jax": "var(--new)"}
NAMES = {
    "sqrt_n_per_segment": "√n heuristic",
    "each_block": "each block",
    "sqrt_n_segments": "√n segments",
}
STYLE = """
.penstock text{font:12px system-ui,sans-serif;fill:var(--ink)}
.penstock .soft{fill:var(--soft)}
.penstock .axis{stroke:var(--faint);fill:none}
.penstock .promise{stroke:var(--soft);stroke-dasharray:4 4;fill:none}
"""

PROMISE = "promised: 1 + r/(1+\N{GREEK SMALL LETTER RHO})"

Point = tuple[float, float, str]


def points(ways: Mapping[str, Way]) -> list[Point]:
    """Return (share of memory, share of time, label) of every way that ran."""
    plain = ways.get("plain")
    if plain is None or not plain.peak:
        return []
    return [
        (way.peak / plain.peak, way.ratio, NAMES.get(name, name))
        for name, way in ways.items()
        if way.ratio is not None and way.peak is not None and name != "1.00"
    ]


def promised(ways: Mapping[str, Way]) -> list[tuple[float, float]]:
    """Return (share of memory, 1 + r/(1+rho)) of the budgets, largest memory first."""
    plain = ways.get("plain")
    if plain is None or not plain.peak or plain.rho is None:
        return []
    found = [(1.0, 1.0)]
    for name, way in ways.items():
        if is_budget(name) and way.r is not None and way.peak is not None:
            found.append((way.peak / plain.peak, 1 + way.r / (1 + plain.rho)))
    return sorted(found, reverse=True)


def is_budget(way: str) -> bool:
    """Tell whether a way is a part of the plain peak."""
    return way[:1].isdigit()


class _Scale:
    """Where shares lie on the paper."""

    def __init__(self, shown: Sequence[tuple[float, float]]) -> None:
        self.most_x = max(1.05, *(x for x, _ in shown)) * 1.02
        self.least_y = min(0.95, *(y for _, y in shown)) - 0.02
        self.most_y = max(1.2, *(y for _, y in shown)) + 0.04

    def x(self, share: float) -> float:
        return LEFT + share / self.most_x * (WIDTH - LEFT - RIGHT)

    def y(self, share: float) -> float:
        whole = HEIGHT - TOP - BOTTOM
        return HEIGHT - BOTTOM - (share - self.least_y) / (self.most_y - self.least_y) * whole


def draw(title: str, sides: Mapping[str, Mapping[str, Way]]) -> str:
    """Return the picture of a network's ways by framework."""
    shown = {name: points(ways) for name, ways in sides.items()}
    line = promised(sides.get("penstock", {}))
    scale = _Scale([(x, y) for found in shown.values() for x, y, _ in found] + line + [(1.0, 1.0)])
    box = f'viewBox="0 0 {number(WIDTH)} {number(HEIGHT)}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" class="penstock" {box} role="img">']
    parts.append(f"<title>{clean(title)}: peak memory against time</title>")
    parts.append(f"<style>{theme.sheet()}{STYLE}</style>")
    parts.append('<rect width="100%" height="100%" rx="6" fill="var(--paper)"/>')
    parts += [_text(LEFT, 24, title, "start"), *_legend(shown), *_axes(scale)]
    if len(line) > 1:
        path = " ".join(f"{number(scale.x(x))},{number(scale.y(y))}" for x, y in line)
        parts.append(f'<polyline class="promise" points="{path}"/>')
    taken: list[tuple[float, float]] = []
    for name, found in shown.items():
        parts += _dots(found, COLOURS.get(name, "var(--none)"), scale, taken)
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    place = f'x="{number(x)}" y="{number(y)}" text-anchor="{anchor}"'
    style = f' class="{kind}"' if kind else ""
    return f"<text {place}{style}>{clean(text)}</text>"


def _legend(shown: Mapping[str, Sequence[Point]]) -> list[str]:
    parts, x = [], LEFT
    for name, found in shown.items():
        if not found:
            continue
        label = LABELS.get(name, name)
        colour = COLOURS.get(name, "var(--none)")
        parts.append(f'<circle cx="{number(x + 5)}" cy="41" r="5" fill="{colour}"/>')
        parts.append(_text(x + 15, 45, label, "start", "soft"))
        x += 40 + 7 * len(label)
    parts.append(f'<path class="promise" d="M{number(x)} 41h26"/>')
    parts.append(_text(x + 32, 45, PROMISE, "start", "soft"))
    return parts


def _axes(scale: _Scale) -> list[str]:
    parts = []
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for i in range(0, int(scale.most_x * 5) + 1):
        x = scale.x(i / 5)
        parts.append(f'<path class="axis" d="M{number(x)} {number(TOP)}V{number(bottom)}"/>')
        parts.append(_text(x, bottom + 17, f"{i * 20}%", "middle", "soft"))
    step = 0.1 if scale.most_y - scale.least_y < 0.8 else 0.25
    tick = -(-scale.least_y // step) * step
    while tick <= scale.most_y:
        y = scale.y(tick)
        parts.append(f'<path class="axis" d="M{number(LEFT)} {number(y)}H{number(right)}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{tick:.2f}x", "end", "soft"))
        tick += step
    middle = (LEFT + right) / 2
    parts.append(_text(middle, HEIGHT - 9, "peak memory, share of plain", "middle", "soft"))
    parts.append(_text(right, TOP - 10, "time, by plain", "end", "soft"))
    return parts


def _dots(
    found: Sequence[Point], colour: str, scale: _Scale, taken: list[tuple[float, float]]
) -> list[str]:
    """Draw points; a label goes where no earlier one stands."""
    parts = []
    line = sorted(((x, y) for x, y, label in found if label[:1].isdigit()), reverse=True)
    if len(line) > 1:
        path = " ".join(f"{number(scale.x(x))},{number(scale.y(y))}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
    for x, y, label in sorted(found):
        at = scale.x(x), scale.y(y)
        dot = f'cx="{number(at[0])}" cy="{number(at[1])}" r="4.5" fill="{colour}"'
        parts.append(f"<circle {dot}><title>{clean(label)}: {x:.0%}, {y:.2f}x</title></circle>")
        parts.append(_label(at, label, taken))
    return parts


def _label(at: tuple[float, float], label: str, taken: list[tuple[float, float]]) -> str:
    x, y = at[0], at[1] - 9
    while any(abs(x - other) < 46 and abs(y - height) < 11 for other, height in taken):
        y -= 11 if y > TOP + 14 else -26
    taken.append((x, y))
    near = min(max(x, LEFT + 20), WIDTH - RIGHT - 20)
    return _text(near, y, label, "middle", "soft")
