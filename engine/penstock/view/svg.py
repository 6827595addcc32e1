"""A drawing as SVG: the static picture for documents, and for notebooks without scripts.

Leaves text that is well-formed XML whatever the graph's names are; the same drawing gives the same
text. `page.js` makes the same elements.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

from penstock.view import theme
from penstock.view.drawing import ROW, ROWS_CAP, Box, Drawing, Wire
from penstock.view.picture import (
    TRANSFERS,
    Picture,
    constant_row,
    device_label,
    shorten,
    title_of,
)

MARGIN = 24.0
LEGEND = 34.0
SIGNS = (
    *(("gone", "\N{MINUS SIGN}"), ("changed", "~"), ("new", "+")),
    *(("ready", "\N{BLACK CIRCLE}"), ("failed", "\N{MULTIPLICATION X}")),
)
IO = {"_Arg", "_Retval", "Placeholder", "PlaceholderWithDefault"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Return text with what XML cannot carry replaced, and the rest escaped."""
    return html.escape(_NOT_XML.sub("\ufffd", text))


@cache
def asset(name: str) -> str:
    """Return the text of a file beside this one."""
    return resources.files("penstock.view").joinpath(name).read_text(encoding="utf-8")


def number(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def svg_of(picture: Picture, drawing: Drawing, *, style: bool = True) -> str:
    """Return the SVG of a drawing; without `style` the page around it has the sheet."""
    legend = LEGEND if picture.devices else 0.0
    width, height = drawing.width + 2 * MARGIN, drawing.height + 2 * MARGIN + legend
    size = f'width="{number(width)}" height="{number(height)}"'
    box = f'viewBox="0 0 {number(width)} {number(height)}"'
    kind = 'class="penstock" ' if style else ""
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {kind}{size} {box} role="img">']
    parts.append(f"<title>{clean(picture.title or 'graph')}</title>")
    if style:
        parts.append(f"<style>{theme.sheet()}{asset('picture.css')}</style>")
        parts.append(f'<rect class="paper" width="{number(width)}" height="{number(height)}"/>')
    parts += _legend(picture)
    parts.append(f'<g transform="translate({number(MARGIN)} {number(MARGIN + legend)})">')
    parts += [_box(picture, b) for b in drawing.boxes if b.is_open]
    parts += [_wire(picture, w) for w in drawing.wires]
    parts += [_box(picture, b) for b in drawing.boxes if not b.is_open]
    parts += [_wire(picture, w) for w in drawing.arcs]
    parts.append("</g></svg>")
    return "\n".join(parts)


def own_colour(picture: Picture, device: str) -> str:
    """Return the CSS that gives an element its device's colour."""
    if not device:
        return ""
    return f' style="--own:var(--d{picture.devices.index(device) % theme.DEVICES})"'


def _legend(picture: Picture) -> Iterator[str]:
    x = MARGIN
    used = {node.device for node in picture.nodes}
    for device in picture.devices:
        if device not in used:
            continue
        name = shorten(device_label(device), 40)
        yield (
            f'<g class="box"{own_colour(picture, device)}><rect class="face" x="{number(x)}" '
            f'y="{number(MARGIN - 8)}" width="14" height="14" rx="3"/><rect class="tint" '
            f'x="{number(x)}" y="{number(MARGIN - 8)}" width="14" height="14" rx="3"/>'
            f'<text class="name" x="{number(x + 20)}" y="{number(MARGIN + 3)}">'
            f"{clean(name)}</text></g>"
        )
        x += 44 + 6.6 * len(name)


def _rect(kind: str, x: float, y: float, width: float, height: float, round_: float) -> str:
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<rect class="{kind}" {place} rx="{number(round_)}"/>'


def _text(kind: str, x: float, y: float, text: str, anchor: str = "middle") -> str:
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{number(x)}" y="{number(y)}"{side}>{clean(text)}</text>'


def _box(picture: Picture, box: Box) -> str:
    return _node(picture, box) if box.item < len(picture.nodes) else _scope(picture, box)


def _node(picture: Picture, box: Box) -> str:
    node = picture.nodes[box.item]
    kinds = ["box", "node", picture.marks[box.item]]
    kinds += ["io"] * (node.op in IO) + ["transfer"] * (node.op in TRANSFERS)
    middle = box.x + box.width / 2
    first, second = title_of(node, picture.scopes[picture.home[box.item]].path)
    parts = [f'<g class="{" ".join(k for k in kinds if k)}"{own_colour(picture, node.device)}>']
    parts.append(f"<title>{clean(shorten(node.name, 200))}</title>")
    round_ = 13.0 if node.op in IO or node.op in TRANSFERS else 5.0
    for kind in ("face", "tint"):
        parts.append(_rect(kind, box.x, box.y, box.width, box.height, round_))
    parts.append(_text("op", middle, box.y + 17, first))
    if second:
        parts.append(_text("name", middle, box.y + 31, second))
    parts += _rows(picture, box, box.y + (38.0 if second else 26.0))
    return "".join(parts) + "</g>"


def _rows(picture: Picture, box: Box, top: float) -> Iterator[str]:
    if not box.rows:
        return
    ends = f'x1="{number(box.x + 8)}" x2="{number(box.x + box.width - 8)}"'
    yield f'<line class="rule" {ends} y1="{number(top)}" y2="{number(top)}"/>'
    for k, row in enumerate(box.rows[:ROWS_CAP]):
        text = constant_row(picture.nodes[row])
        mark = f" {picture.marks[row]}" if picture.marks[row] else ""
        yield _text(f"row{mark}", box.x + 10, top + 11 + k * ROW, text, "start")
    if len(box.rows) > ROWS_CAP:
        text = f"… {len(box.rows) - ROWS_CAP} more constants"
        yield _text("row", box.x + 10, top + 11 + ROWS_CAP * ROW, text, "start")


def _scope(picture: Picture, box: Box) -> str:
    scope = picture.scopes[box.item - len(picture.nodes)]
    label = shorten(scope.label, 30)
    inside = members(picture)[box.item - len(picture.nodes)]
    devices = {picture.nodes[i].device for i in inside}
    device = devices.pop() if len(devices) == 1 else ""
    kinds = "box open lane" if scope.is_lane else "box open" if box.is_open else "box scope"
    parts = [f'<g class="{kinds}"{own_colour(picture, device)}>']
    parts.append(f"<title>{clean(shorten(scope.path, 200))}</title>")
    if box.is_open:
        parts.append(_rect("face", box.x, box.y, box.width, box.height, 8.0))
        parts.append(_text("head", box.x + 12, box.y + 18, f"▾ {label}", "start"))
        return "".join(parts) + "</g>"
    parts.append(_rect("behind", box.x + 4, box.y + 4, box.width, box.height, 7.0))
    parts.append(_rect("face", box.x, box.y, box.width, box.height, 7.0))
    parts.append(_rect("tint", box.x, box.y, box.width, box.height, 7.0))
    middle = box.x + box.width / 2
    parts.append(_text("op", middle, box.y + 18, f"▸ {label}"))
    count = f"{len(inside)} node" + ("s" if len(inside) != 1 else "")
    parts.append(_text("name", middle, box.y + 33, count))
    parts += _badges(picture, box, inside)
    parts += _stripes(picture, box, inside)
    return "".join(parts) + "</g>"


def _badges(picture: Picture, box: Box, inside: list[int]) -> Iterator[str]:
    """Tell on the border how many nodes inside have a mark that matters."""
    x = box.x + box.width
    for mark, sign in SIGNS:
        count = sum(picture.marks[i] == mark for i in inside)
        if count:
            yield _text(f"badge {mark}", x, box.y - 3, f"{sign}{count}", "end")
            x -= 12 + 6 * len(str(count))


def _stripes(picture: Picture, box: Box, inside: list[int]) -> Iterator[str]:
    """Show the devices of a scope that is on several, in their shares."""
    counts = [sum(picture.nodes[i].device == d for i in inside) for d in picture.devices]
    if sum(c > 0 for c in counts) < 2:
        return
    x, room = box.x + 8, box.width - 16
    for device, count in zip(picture.devices, counts, strict=True):
        width = room * count / sum(counts)
        if count:
            yield f"<g{own_colour(picture, device)}>"
            yield f'<rect x="{number(x)}" y="{number(box.y + box.height - 5)}" '
            yield f'width="{number(width)}" height="2.5" fill="var(--own)"/></g>'
        x += width


def members(picture: Picture) -> list[list[int]]:
    """Return for each scope the nodes in it and below."""
    inside: list[list[int]] = [[] for _ in picture.scopes]
    for node, home in enumerate(picture.home):
        scope = home
        while scope >= 0:
            inside[scope].append(node)
            scope = picture.scopes[scope].parent
    return inside


def path_of(points: tuple[tuple[float, float], ...], arc: bool) -> str:
    """Return the path through the points: straight down a rank, bent between ranks."""
    x, y = points[0]
    text = f"M{number(x)} {number(y)}"
    if arc:
        return text + "C" + " ".join(f"{number(a)} {number(b)}" for a, b in points[1:])
    for a, b in points[1:]:
        if abs(a - x) < 0.05:
            text += f"V{number(b)}"
        else:
            middle = number((y + b) / 2)
            text += f"C{number(x)} {middle} {number(a)} {middle} {number(a)} {number(b)}"
        x, y = a, b
    return text


def _wire(picture: Picture, wire: Wire) -> str:
    arc = wire.bundle.is_transfer
    kind = "transfer" if arc else ""
    kinds = ["wire", kind or ("control" if wire.bundle.is_control else "")]
    gone = all("gone" in (picture.marks[a], picture.marks[b]) for a, b in wire.bundle.edges)
    kinds += ["gone"] * gone
    width = min(4.0, 1.3 + 0.35 * (len(wire.bundle.tensors) - 1))
    heavy = f' style="stroke-width:{number(width)}"' if width > 1.35 and not arc else ""
    parts = [f'<g class="{" ".join(k for k in kinds if k)}">']
    parts.append(f'<path d="{path_of(wire.points, arc)}"{heavy}/>')
    if wire.has_arrow:
        parts.append(f'<polygon points="{_arrow(wire.points, arc)}"/>')
    if wire.label_at:
        parts.append(_text("label", *wire.label_at, wire.label))
    return "".join(parts) + "</g>"


def _arrow(points: tuple[tuple[float, float], ...], arc: bool) -> str:
    """Return the triangle at the end of a wire."""
    (x0, y0), (x, y) = points[-2], points[-1]
    if arc:
        side = 1.0 if x >= x0 else -1.0
        ends = ((x, y), (x - side * 7, y - 3.5), (x - side * 7, y + 3.5))
    else:
        side = 1.0 if y >= y0 else -1.0
        ends = ((x, y), (x - 3.5, y - side * 7), (x + 3.5, y - side * 7))
    return " ".join(f"{number(a)},{number(b)}" for a, b in ends)
