"""docs/checkpointing.md as a function of the figures alone; a test holds it against those kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.checkpointing import plots
from benchmarks.checkpointing.catalogue import NETWORKS
from benchmarks.checkpointing.figures import Run, Way
from benchmarks.report import duration

ABSENT = "-"
RHO = "\N{GREEK SMALL LETTER RHO}"  # backward by forward work
ALIGNED = {"way": ":--", "bar": ":--", "asked": ":--", "note": ":--"}

USE = """
```python
import penstock as ps

x = ps.placeholder(ps.float32, [64, 256])
h = x
for _ in range(40):
    h = ps.tanh(h)
loss = ps.reduce_mean(ps.square(h))
(gradient,) = ps.gradients(loss, [x], memory_budget="1MB")
print(ps.Session().explain_plan(gradient, [x]).recomputation.evaluation.peak <= 1_000_000)
```

```output
True
```
"""

AGAIN = """
## How to run it again

```text
pip install -e '.[bench]'
python -m benchmarks.checkpointing --publish      all of it; writes this page and its pictures
python -m benchmarks.checkpointing --quick        small sizes, on the terminal
python -m benchmarks.checkpointing unet --json f  one network
```

Frameworks that are not installed are left out. The networks are in
`benchmarks/checkpointing/written.py`, the cost models in `benchmarks/checkpointing/networks.py`.
"""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    aligned = [ALIGNED.get(column, "--:") for column in columns]
    head = [f"| {' | '.join(columns)} |", f"| {' | '.join(aligned)} |"]
    return [*head, *(f"| {' | '.join(row)} |" for row in rows), ""]


def page(run: Run) -> str:
    """Return the whole page."""
    lines = [*_head(run), *_bars(run), *_depth(run)]
    lines += ["## Network by network", "", *_columns()]
    for name, sides in run.networks.items():
        lines += _network(name, sides)
    return "\n".join(lines).rstrip() + "\n" + AGAIN


def _head(run: Run) -> list[str]:
    systems = ", ".join(
        f"{plots.LABELS.get(name, name)} {version}" for name, version in run.versions.items()
    )
    chosen = run.settings
    return [
        "# Gradient checkpointing: memory against time",
        "",
        "A training step keeps what its backward pass will read. `gradients` and",
        "`Optimizer.minimize` can keep less and compute the rest again, which changes no bit of a",
        "result: `checkpoints` takes a strategy or a list of tensors, `memory_budget` is a hard",
        "limit.",
        USE,
        "This page is written by `python -m benchmarks.checkpointing --publish` from",
        "[checkpointing.json](checkpointing.json); do not edit it.",
        "",
        f"- **Machine**: {run.machine}; {chosen['threads']} threads for everybody.",
        f"- **Systems** ({run.day}): {systems}.",
        f"- **Time**: all ways of all systems in turns, {chosen['rounds']} rounds of "
        f"{chosen['seconds']} s; the ratio is the median over the rounds of the time by that of "
        "the plain step of the same system.",
        "- **Memory**: *planned* is the peak of the schedule (for JAX: the temporaries that its "
        "compiler planned), *allocator* the peak that the run's allocator counted beyond what was "
        "live before, *resident* the growth of the resident set during warm steps in a process "
        "of its own. Parameters and the batch are in none of them.",
        *([f"- **Note**: {chosen['note']}"] if chosen.get("note") else []),
        "",
    ]


def _bars(run: Run) -> list[str]:
    if not run.bars:
        return []
    lines = [
        "## The bars",
        "",
        "On cost models, where the backward pass costs twice the forward pass and repeating r of a",
        "forward pass takes r/3 of a step. The anchor is the published heuristic of about √N",
        "checkpoints, planned here as `sqrt_n_per_segment` with the same simulator.",
        "",
    ]
    rows = []
    for bar in run.bars:
        met = "yes" if bar.met else "**no**"
        rows.append([bar.bar, bar.asked, bar.ours, bar.anchor, met, bar.note])
    return lines + table(["bar", "asked", "ours", "anchor", "met", "note"], rows)


def _depth(run: Run) -> list[str]:
    if not run.depth:
        return []
    first, *deep = run.depth
    fits = [
        row["times"]
        for row in deep
        if row.get("allocator", 1 << 60) <= first["allocator"] and row["r"] <= 1
    ]
    said = f"{max(fits)} times" if fits else "no deeper"
    lines = [
        "## How much deeper",
        "",
        f"A plain residual chain of {first['blocks']} blocks sets the memory. In the same memory,",
        "counted by the allocator, and with at most one repeated forward pass, chains run that are",
        f"**{said} as deep**." if fits else "**no deeper chain** was run.",
        "",
    ]
    rows = [[str(first["blocks"]), "plain", _mb(first["allocator"]), ABSENT, "0", ABSENT]]
    for row in deep:
        if "infeasible" in row:
            needed = f"infeasible, {row['infeasible']:,} bytes needed"
            rows.append([str(row["blocks"]), needed, ABSENT, ABSENT, ABSENT, ABSENT])
            continue
        cells = [f"{row['r']:.3f}", f"{row['ratio']:.2f}x"]
        memory = [_mb(row["allocator"]), _mb(row["plain_allocator"])]
        rows.append([str(row["blocks"]), f"{row['times']}x deeper", *memory, *cells])
    columns = ["blocks", "way", "allocator, MiB", "plain would take", "r", "time by plain"]
    return lines + table(columns, rows)


def _columns() -> list[str]:
    return [
        "Budgets are parts of the planned peak of a plain step. *r* is the repeated work as a part",
        "of one forward pass, as planned and as the kernels of a traced step took it; *promised*",
        f"is 1 + r/(1+{RHO}) with the traced r, where {RHO} is backward by forward work in a",
        "traced plain step. *Share* is of the plain step of the same system, by the allocator",
        "where there is one that counts. The *√n heuristic* keeps about √N evenly spaced",
        "bottlenecks, N being the tensors that gradients read; as published only such tensors may",
        "be kept, here any may, or it would find none in residual networks.",
        "",
    ]


def _network(name: str, sides: Mapping[str, Mapping[str, Way]]) -> list[str]:
    label = NETWORKS[name].label if name in NETWORKS else name
    lines = [f"### {label}", ""]
    lines += [f"![{label}](pictures/checkpointing_{name}.svg)", ""]
    own = sides.get("penstock", {})
    plain = own.get("plain")
    if plain is not None and plain.rounds:
        lines += [f"Plain: {_time(plain)} a step, {RHO} = {_number(plain.rho, 2)}.", ""]
    lines += _own_table(own)
    others = {side: ways for side, ways in sides.items() if side != "penstock"}
    lines += _other_table(others)
    faults = [
        f"- {plots.LABELS.get(side, side)}, {plots.NAMES.get(w, w)}: {way.fault}"
        for side, ways in sides.items()
        for w, way in ways.items()
        if way.fault
    ]
    return [*lines, *faults, *([""] if faults else [])]


def _own_table(ways: Mapping[str, Way]) -> list[str]:
    plain = ways.get("plain")
    if plain is None:
        return []
    columns = ["way", "planned", "allocator", "resident", "share", "r", "r traced", "promised"]
    columns += ["time", "plan", "same bits"]
    rows = []
    for name, way in ways.items():
        if way.fault:
            continue
        promised = ABSENT
        if plain.rho is not None and way.r_traced is not None:
            promised = f"{1 + way.r_traced / (1 + plain.rho):.2f}x"
        same = ABSENT if way.same is None else "yes" if way.same else "**no**"
        rows.append(
            [
                plots.NAMES.get(name, f"budget {name}" if plots.is_budget(name) else name),
                *(_mb(size) for size in (way.planned, way.allocator, way.rss)),
                f"{way.peak / plain.peak:.3f}" if way.peak and plain.peak else ABSENT,
                _number(way.r, 3),
                _number(way.r_traced, 3),
                promised,
                f"{way.ratio:.2f}x" if way.ratio is not None else ABSENT,
                duration(way.seconds) if way.seconds else ABSENT,
                same,
            ]
        )
    return table(columns, rows)


def _other_table(sides: Mapping[str, Mapping[str, Way]]) -> list[str]:
    rows = []
    for side, ways in sides.items():
        plain = ways.get("plain")
        for name, way in ways.items():
            if way.fault or plain is None:
                continue
            share = f"{way.peak / plain.peak:.3f}" if way.peak and plain.peak else ABSENT
            ratio = f"{way.ratio:.2f}x" if way.ratio is not None else ABSENT
            label = f"{plots.LABELS.get(side, side)}, {plots.NAMES.get(name, name)}"
            rows.append([label, _mb(way.planned), _mb(way.rss), share, _time(way), ratio])
    columns = ["way", "planned", "resident", "share", "step", "time"]
    return table(columns, rows) if rows else []


def _mb(size: int | None) -> str:
    if size is None:
        return ABSENT
    return f"{size / 2**20:.1f}" if size < 100 << 20 else f"{size / 2**20:.0f}"


def _number(value: float | None, digits: int) -> str:
    return ABSENT if value is None else f"{value:.{digits}f}"


def _time(way: Way) -> str:
    return duration(sorted(way.rounds)[len(way.rounds) // 2]) if way.rounds else ABSENT


def pictures(run: Run) -> dict[str, str]:
    """Return the picture of each network by its file's name."""
    return {
        f"checkpointing_{name}.svg": plots.draw(NETWORKS[name].label, sides)
        for name, sides in run.networks.items()
    }
