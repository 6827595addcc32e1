"""The figures of the bench: what a run fills, JSON keeps and the page reads.

Bytes and seconds. A way's `ratio` is the median over the rounds of its time by the plain time of
the same round and framework; nothing else is compared across frameworks.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.setting import Setting


@dataclass
class Way:
    """One way of keeping less, on one network and framework.

    `r` is repeated by forward work as planned, `r_traced` and `rho` as traced kernels took;
    `rss` is the growth of the resident set in a process of its own. None is not known.
    """

    rounds: list[float] = field(default_factory=list)
    ratio: float | None = None
    planned: int | None = None
    allocator: int | None = None
    rss: int | None = None
    r: float | None = None
    r_traced: float | None = None
    rho: float | None = None
    clones: int | None = None
    seconds: float | None = None
    strategy: str = ""
    same: bool | None = None
    fault: str = ""

    @property
    def peak(self) -> int | None:
        """The best count of what a step holds: the allocator's, the compiler's, or the system's."""
        return next((p for p in (self.allocator, self.planned, self.rss) if p is not None), None)


@dataclass
class Bar:
    """A row of the bars: what was wanted, what was found, and what the anchor's heuristic does."""

    bar: str
    asked: str
    ours: str
    anchor: str
    met: bool
    note: str = ""


@dataclass
class Run(Setting):
    """A run: where, with what, and the figures by network, framework and way."""

    networks: dict[str, dict[str, dict[str, Way]]] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    depth: list[dict[str, Any]] = field(default_factory=list)


def ratio(way: Sequence[float], plain: Sequence[float]) -> float:
    """Compare round with round."""
    return round(statistics.median(a / b for a, b in zip(way, plain, strict=True)), 4)


def save(run: Run, path: Path) -> None:
    """Write a run, one line a way."""
    head = {k: v for k, v in asdict(run).items() if k not in ("networks", "bars")}
    lines = [f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}," for k, v in head.items()]
    bars = ",\n".join(f"  {json.dumps(asdict(b), ensure_ascii=False)}" for b in run.bars)
    lines.append(f' "bars": [\n{bars}\n ],\n "networks": {{')
    networks = []
    for name, sides in run.networks.items():
        parts = []
        for side, ways in sides.items():
            rows = [f"    {json.dumps(w)}: {json.dumps(_known(way))}" for w, way in ways.items()]
            parts.append(f"   {json.dumps(side)}: {{\n" + ",\n".join(rows) + "\n   }")
        networks.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(parts) + "\n  }")
    text = "{\n" + "\n".join(lines) + "\n" + ",\n".join(networks) + "\n }\n}\n"
    path.write_text(text, encoding="utf-8")


def _known(way: Way) -> dict[str, Any]:
    return {k: v for k, v in asdict(way).items() if v not in (None, "", [])}


def load(path: Path) -> Run:
    """Read what `save` wrote."""
    run = Run(**json.loads(path.read_text(encoding="utf-8")))
    run.bars = [Bar(**bar) for bar in run.bars]  # type: ignore[arg-type]
    run.networks = {
        name: {
            side: {way: Way(**known) for way, known in ways.items()}  # type: ignore[arg-type]
            for side, ways in sides.items()
        }
        for name, sides in run.networks.items()
    }
    return run
