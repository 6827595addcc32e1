"""MemoryPlot: the memory of one run, or of several beside each other, as a picture.

Enters what `Session.explain_memory` found, as data: for each device the kinds of memory live at
each node. Leaves SVG that stands alone, or a page with tables of what was live at the peak. A
column of the picture is a node; where there are more nodes than room, it is the node of a group
that needed most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from penstock.view import theme
from penstock.view.memory_svg import Panel, amount, render
from penstock.view.picture import shorten
from penstock.view.svg import asset, clean

_ROWS = 15
_STYLE = """
.penstock.memory{background:var(--paper);padding:12px;font-size:13px}
.penstock.memory h3{font-size:13px;margin:14px 0 4px}
.penstock.memory table{border-collapse:collapse;font-size:12px;background:var(--panel)}
.penstock.memory td,.penstock.memory th{padding:2px 10px 2px 4px;text-align:left;
border-bottom:1px solid var(--faint);color:var(--ink)}
.penstock.memory th{color:var(--soft);font-weight:600}
.penstock.memory td.number{text-align:right;font-variant-numeric:tabular-nums}
.penstock.memory code{color:var(--soft)}
"""


Memory: TypeAlias = Any
"""What is drawn of a device: a `runtime.memory_explanation.DeviceMemory`."""


class MemoryPlot:
    """The memory of runs over their nodes, by kind. A notebook shows it by itself."""

    def __init__(self, runs: Mapping[str, Mapping[str, Memory]], groups: Sequence[str]) -> None:
        """Take devices by name for each run by title, and the kinds in the order of stacking."""
        self._runs = dict(runs)
        self._groups = tuple(groups)

    def svg(self, width: int = 1000) -> str:
        """Return a picture `width` pixels wide, as SVG text that needs nothing else."""
        return render(self._panels(), self._groups, width, theme.sheet() + asset("memory.css"))

    def html(self, tables: bool = False) -> str:
        """Return the picture for a page; with `tables` also what was live at each peak."""
        style = f"<style>{theme.sheet()}{_STYLE}{asset('memory.css')}</style>"
        picture = render(self._panels(), self._groups, 1000, "")
        parts = [picture, *(self._tables() if tables else ())]
        return f'<div class="penstock memory">{style}\n' + "\n".join(parts) + "\n</div>"

    def save(self, path: str | Path) -> None:
        """Write a picture (`.svg`) or a page with tables (`.html`); `ValueError` for others."""
        path = Path(path)
        if path.suffix == ".svg":
            text = self.svg()
        elif path.suffix == ".html":
            title = clean(", ".join(self._runs))
            text = (
                '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                f"<title>{title}</title>\n<style>body{{margin:0}}</style>\n</head>\n<body>\n"
                f"{self.html(tables=True)}\n</body>\n</html>\n"
            )
        else:
            raise ValueError(f"a memory plot is saved as .svg or .html, not as {path.name!r}")
        path.write_text(text, encoding="utf-8")

    def _repr_html_(self) -> str:
        return self.html()

    def __repr__(self) -> str:
        """Show what it is of, and how large."""
        devices = list(dict.fromkeys(d for run in self._runs.values() for d in run))
        longest = max(len(m.timeline) - 1 for run in self._runs.values() for m in run.values())
        named = ", ".join(map(repr, self._runs))
        return (
            f"<MemoryPlot of {named}: {longest} node{'s' * (longest != 1)} "
            f"on {len(devices)} device{'s' * (len(devices) != 1)}>"
        )

    def _panels(self) -> list[list[Panel]]:
        """Return the panels: a row for each device, in it one for each run that has it."""
        devices = dict.fromkeys(d for run in self._runs.values() for d in run)
        return [
            [
                Panel(title, device, m.timeline, m.peak, m.at, m.limit)
                for title, run in self._runs.items()
                if (m := run.get(device)) is not None
            ]
            for device in devices
        ]

    def _tables(self) -> Iterator[str]:
        for title, run in self._runs.items():
            for device, memory in run.items():
                where = f" at {clean(shorten(memory.node, 60))}" if memory.node else ""
                yield f"<h3>{clean(title)}, {clean(device)}: {amount(memory.peak)}{where}</h3>"
                yield _table(memory.live)


def _table(live: Sequence[Any]) -> str:
    rows = ["<tr><th>bytes</th><th>kind</th><th>tensor</th><th>made</th><th>last use</th>"]
    rows[0] += "<th>line</th></tr>"
    for t in live[:_ROWS]:
        shape = "[" + ", ".join(map(str, t.shape)) + "]"
        made = f"#{t.made_at}" if t.made_at >= 0 else "before"
        used = "" if t.last_use is None else f"#{t.last_use} {shorten(t.last_reader, 40)}"
        what = f"{t.dtype}{shape} {t.op} {shorten(t.name, 60)}"
        cells = [f'<td class="number">{t.bytes:,}</td>', f"<td>{t.group}</td>"]
        cells += [f"<td>{clean(text)}</td>" for text in (what, made, used)]
        cells.append(f"<td><code>{clean(shorten(t.source, 80))}</code></td>")
        rows.append("<tr>" + "".join(cells) + "</tr>")
    if len(live) > _ROWS:
        rest = sum(t.bytes for t in live[_ROWS:])
        rows.append(
            f'<tr><td class="number">{rest:,}</td><td></td>'
            f'<td colspan="4">{len(live) - _ROWS} smaller ones</td></tr>'
        )
    return f"<table>{''.join(rows)}</table>"
