"""Pictures as HTML: one page, or a fragment for a notebook, that needs nothing from outside.

Leaves: a static SVG, the pictures as JSON, the style sheet and the scripts, in that order. Where
scripts do not run the SVG stays. Texts of the graph are in the JSON with every character that HTML
could take for markup written as an escape; nodes that stages share are written once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from penstock.graph.ir import Node
from penstock.view import theme
from penstock.view.drawing import draw
from penstock.view.picture import (
    Picture,
    attr_text,
    constant_row,
    device_label,
    output_texts,
    shown_name,
)
from penstock.view.svg import asset, clean, svg_of

SCRIPTS = ("levels.js", "layers.js", "drawing.js", "shapes.js", "page.js")
ATTRS_CAP = 24
TEXT_CAP = 400


class _Tables:
    """Texts and nodes, each once, by the number under which they were first met."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.texts: dict[str, int] = {"": 0}
        self.records: dict[tuple[Any, ...], int] = {}
        self.devices = {device: i for i, device in enumerate(devices)}

    def text(self, text: str) -> int:
        return self.texts.setdefault(text[:TEXT_CAP], len(self.texts))

    def record(self, node: Node) -> int:
        reads = [part for name, k in node.inputs for part in (self.text(name), k)]
        attrs = [
            self.text(part)
            for key, value in sorted(node.attrs.items())[:ATTRS_CAP]
            for part in (key, attr_text(value))
        ]
        record = (
            self.text(node.name),
            self.text(node.op),
            self.devices.get(node.device, -1),
            tuple(reads),
            tuple(self.text(name) for name in node.controls),
            tuple(self.text(text) for text in output_texts(node)),
            tuple(attrs),
            self.text(node.source.render() if node.source else ""),
            self.text(constant_row(node) if node.op == "Const" else ""),
            self.text(shown_name(node)),
        )
        return self.records.setdefault(record, len(self.records))


def data_of(title: str, pictures: Sequence[Picture], opened: Collection[int]) -> dict[str, Any]:
    """Return what the scripts read. `opened` are the open scopes of the last picture."""
    devices = list(dict.fromkeys(d for picture in pictures for d in picture.devices))
    tables = _Tables(devices)
    paths = {_key(pictures[-1], scope) for scope in opened}
    stages = [_stage(picture, tables, paths) for picture in pictures]
    return {
        "title": title,
        "dark": theme.dark_paper(),
        "devices": [device_label(d) for d in devices],
        "stages": stages,
        "first": len(stages) - 1,
        "records": list(tables.records),
        "texts": list(tables.texts),
    }


def _key(picture: Picture, scope: int) -> tuple[str, str]:
    return picture.scopes[scope].path, picture.scopes[scope].label


def _stage(picture: Picture, tables: _Tables, paths: Collection[tuple[str, str]]) -> dict[str, Any]:
    scopes = range(len(picture.scopes))
    return {
        "title": tables.text(picture.title),
        "about": tables.text(picture.about),
        "count": sum(mark != "gone" for mark in picture.marks),
        "nodes": [tables.record(node) for node in picture.nodes],
        "home": picture.home,
        "within": [(i, reader) for i, reader in enumerate(picture.within) if reader >= 0],
        "scopes": [
            (s.parent, tables.text(s.label), tables.text(s.path), int(s.is_lane))
            for s in picture.scopes
        ],
        "marks": {
            mark: [i for i, own in enumerate(picture.marks) if own == mark]
            for mark in sorted(set(picture.marks) - {""})
        },
        "remarks": [(tables.text(k), tables.text(v)) for k, v in picture.remarks.items()],
        "transfers": picture.transfers,
        "opened": [s for s in scopes if _key(picture, s) in paths or picture.scopes[s].is_lane],
    }


def ascii_script(text: str) -> str:
    """Return a script that reads the same whatever encoding the page around it is taken for."""
    return re.sub("[^\0-\x7f]", lambda match: f"\\u{ord(match[0]):04x}", text)


def fragment(
    title: str, pictures: Sequence[Picture], opened: Collection[int], *, full: bool = False
) -> str:
    """Return the HTML of a picture, or of the stages of a plan, to stand in any page."""
    still = svg_of(pictures[-1], draw(pictures[-1], opened), style=False)
    data = json.dumps(data_of(title, pictures, opened), separators=(",", ":"))
    for character in "<>&":
        data = data.replace(character, f"\\u{ord(character):04x}")
    style = theme.sheet() + asset("picture.css") + asset("page.css")
    script = ascii_script("".join(map(asset, SCRIPTS)))
    still = still.encode("ascii", "xmlcharrefreplace").decode()
    return (
        f'<div class="penstock penstock-view{" full" * full}">\n<style>{style}</style>\n'
        f'<div class="still">{still}</div>\n'
        f'<script type="application/json">{data}</script>\n'
        f"<script>(() => {{\n{script}}})();</script>\n</div>"
    )


def document(title: str, pictures: Sequence[Picture], opened: Collection[int]) -> str:
    """Return a whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{clean(title)}</title>\n<style>body{{margin:0}}</style>\n</head>\n<body>\n"
        f"{fragment(title, pictures, opened, full=True)}\n</body>\n</html>\n"
    )
