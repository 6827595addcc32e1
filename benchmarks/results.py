"""The figures of a run: what the harness fills, JSON keeps and the report reads.

Times are seconds. A figure is the median over all the steps of all rounds; its spread is their
interquartile range as a share of the median. A ratio of two peers is the median over the rounds of
the ratio within the round, with the least and the greatest of these: above 1 the subject is faster.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.setting import Setting


@dataclass(frozen=True)
class Figure:
    """What one peer took for one program."""

    median: float
    spread: float
    rounds: list[float]
    memory: int | None = None
    agrees: bool = True


@dataclass(frozen=True)
class Ratio:
    """How many times faster the subject was."""

    median: float
    least: float
    greatest: float


@dataclass
class Run(Setting):
    """A run: where, with what, and the figures by program and peer; `faults` say what is absent."""

    figures: dict[str, dict[str, Figure]] = field(default_factory=dict)
    faults: dict[str, dict[str, str]] = field(default_factory=dict)


def _short(seconds: float) -> float:
    return float(f"{seconds:.5g}")


def figure(rounds: Sequence[Sequence[float]], memory: int | None, agrees: bool) -> Figure:
    """Return the figure of a peer from the times of its rounds."""
    times = [t for times in rounds for t in times]
    median = statistics.median(times)
    quartiles = statistics.quantiles(times, n=4) if len(times) > 1 else [median] * 3
    return Figure(
        _short(median),
        round((quartiles[2] - quartiles[0]) / median, 3),
        [_short(statistics.median(times)) for times in rounds],
        memory,
        agrees,
    )


def ratio(subject: Figure, peer: Figure) -> Ratio:
    """Compare round with round, so that a machine that drifts favours nobody."""
    ratios = [b / a for a, b in zip(subject.rounds, peer.rounds, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def geometric_mean(values: Sequence[float]) -> float:
    """Return the mean that treats twice as fast and half as fast alike."""
    return math.exp(sum(map(math.log, values)) / len(values))


def save(run: Run, path: Path) -> None:
    """Write a run, one line a figure."""
    head = {k: v for k, v in asdict(run).items() if k != "figures"}
    lines = [f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}," for k, v in head.items()]
    lines.append(' "figures": {')
    programs = []
    for name, figures in run.figures.items():
        rows = [f"   {json.dumps(peer)}: {json.dumps(asdict(f))}" for peer, f in figures.items()]
        programs.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n  }")
    text = "{\n" + "\n".join(lines) + "\n" + ",\n".join(programs) + "\n }\n}\n"
    path.write_text(text, encoding="utf-8")


def load(path: Path) -> Run:
    """Read what `save` wrote."""
    run = Run(**json.loads(path.read_text(encoding="utf-8")))
    run.figures = {
        name: {peer: Figure(**values) for peer, values in figures.items()}  # type: ignore[arg-type]
        for name, figures in run.figures.items()
    }
    return run
