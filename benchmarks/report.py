"""Figures as text: a line on the terminal while a run goes on, and the page of a whole run.

The page is a function of the figures alone; a test holds it against those that are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks import chart, results
from benchmarks.catalogue import FAMILIES, PROGRAMS
from benchmarks.peers import PEERS, SUBJECT, Peer
from benchmarks.results import Figure, Ratio, Run

ABSENT = "-"
OVERHEAD = ("dispatch", "building", "start", "devices")  # left out of the mean over families
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def duration(seconds: float) -> str:
    """Return a time with three digits and its unit."""
    scale, unit = next((row for row in _UNITS if seconds >= row[0]), _UNITS[-1])
    return f"{_digits(seconds / scale)} {unit}"


def _digits(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def times(value: float) -> str:
    """Return a ratio as a factor; one that rounds to 1.00 but lies below is never shown as 1."""
    text = _digits(value)
    return "0.99" if value < 1 and text == "1.00" else text


def line(figures: dict[str, Figure], faults: dict[str, str], peers: Sequence[Peer]) -> str:
    """Return what the terminal shows of a program."""
    subject = figures.get(peers[0].name)
    parts = []
    if subject:
        parts.append(f"{duration(subject.median):>9} ±{subject.spread:4.0%}")
    for peer in peers[1:]:
        if peer.name in figures and subject:
            ratio = results.ratio(subject, figures[peer.name])
            mark = "" if figures[peer.name].agrees else " ≠"
            parts.append(f"{peer.label} {times(ratio.median)}x{mark}")
    parts += [f"{name}: {text}" for name, text in faults.items()]
    return "  ".join(parts)


class _Page:
    """The page of a run, section by section."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.others = [name for name in run.versions if name != SUBJECT]

    def label(self, name: str) -> str:
        return PEERS[name].label if name in PEERS else name

    def ratio(self, program: str, peer: str) -> Ratio | None:
        """Return how much faster penstock was; None where there is nothing to compare."""
        figures = self.run.figures[program]
        if SUBJECT not in figures or peer not in figures or not figures[peer].agrees:
            return None
        return results.ratio(figures[SUBJECT], figures[peer])

    def ratios(self, programs: Iterable[str], peer: str) -> list[float]:
        found = [self.ratio(program, peer) for program in programs]
        return [r.median for r in found if r]

    def programs(self, family: str) -> list[str]:
        return [name for name in self.run.figures if PROGRAMS[name].family == family]

    def head(self) -> list[str]:
        systems = []
        for name, version in self.run.versions.items():
            about = PEERS[name].about if name in PEERS else ""
            systems.append(f"{self.label(name)} {version}" + (f" ({about})" if about else ""))
        chosen = self.run.settings
        return [
            "# Benchmarks",
            "",
            "All figures come from one run, all systems in turns. This page is written from",
            "[benchmarks.json](benchmarks.json) by the package `benchmarks`; do not edit it.",
            "",
            f"- **Machine**: {self.run.machine}; {chosen['threads']} threads for everybody.",
            f"- **Systems** ({self.run.day}): {'; '.join(systems)}.",
            f"- **Method**: a process for each system and family (for each training program), "
            "taking turns (A B C, C B A, …), "
            f"{chosen['rounds']} rounds of {chosen['seconds']} s after a warm-up; the results of "
            "the first steps are compared before anything is timed. A time is the median over all "
            "steps; ± is the interquartile range as a share of it. A factor says how many times "
            "faster penstock is (the median over the rounds of the factor within a round): "
            "**below 1 penstock is slower**.",
            "",
        ]

    def means(self, programs: Sequence[str]) -> dict[str, float]:
        """Return the geometric mean of the factors to each peer that has any."""
        found = {peer: self.ratios(programs, peer) for peer in self.others}
        return {peer: results.geometric_mean(ratios) for peer, ratios in found.items() if ratios}

    def summary(self) -> list[str]:
        """Return geometric means by family."""
        overhead = ", ".join(OVERHEAD)
        lines = ["## In short", "", "![Geometric means by family](benchmarks.svg)", ""]
        lines += [f"Geometric means of the factors; the last row is without {overhead}.", ""]
        lines += self.table_head(["family"], self.others)
        for family in filter(self.programs, FAMILIES):
            lines.append(self.mean_row(f"[{family}](#{family})", self.programs(family)))
        computing = [n for n in self.run.figures if PROGRAMS[n].family not in OVERHEAD]
        lines.append(self.mean_row("**all that computes**", computing))
        return [*lines, ""]

    def chart(self) -> str:
        rows = {}
        for family in filter(self.programs, FAMILIES):
            means = self.means(self.programs(family))
            rows[family] = {self.label(peer): mean for peer, mean in means.items()}
        return chart.draw(rows, [self.label(peer) for peer in self.others])

    def table_head(self, first: list[str], peers: Sequence[str]) -> list[str]:
        titles = [*first, *(self.label(p) for p in peers)]
        aligned = [":--"] + ["--:"] * (len(titles) - 1)
        return [f"| {' | '.join(titles)} |", f"| {' | '.join(aligned)} |"]

    def mean_row(self, title: str, programs: Sequence[str]) -> str:
        means = self.means(programs)
        cells = [f"{times(means[peer])}x" if peer in means else "" for peer in self.others]
        return f"| {title} | {' | '.join(cells)} |"

    def losses(self) -> list[str]:
        """Return every program in which a peer was faster, the worst first."""
        lines = ["## Where penstock loses", ""]
        for peer in self.others:
            found = [(self.ratio(program, peer), program) for program in self.run.figures]
            lost = [(r.median, r, program) for r, program in found if r and r.median < 1]
            compared = sum(r is not None for r, _ in found)
            count = f"{len(lost)} of {compared}" if lost else f"none of {compared}"
            lines += [f"**{self.label(peer)}** is faster in {count} programs.", ""]
            for _, ratio, program in sorted(lost, key=lambda row: row[0]):
                extremes = f"{times(ratio.least)} to {times(ratio.greatest)}"
                about = PROGRAMS[program].about
                lines.append(f"- {program}, {times(ratio.median)}x ({extremes}): {about}")
            lines += [""] if lost else []
        return lines

    def family(self, family: str) -> list[str]:
        """Return the table of a family."""
        programs = self.programs(family)
        peers = [p for p in self.others if any(self.was_asked(p, n) for n in programs)]
        lines = [f"### {family}", "", f"{FAMILIES[family]}.", ""]
        lines += self.table_head(["program", "penstock"], peers)
        for name in programs:
            cells = [self.own(name), *(self.cell(name, peer) for peer in peers)]
            subject, about = name.partition("/")[2], PROGRAMS[name].about
            lines.append(f"| **{subject}**: {about} | {' | '.join(cells)} |")
        return [*lines, ""]

    def was_asked(self, peer: str, program: str) -> bool:
        return peer in self.run.figures[program] or peer in self.run.faults.get(program, {})

    def own(self, program: str) -> str:
        figure = self.run.figures[program].get(SUBJECT)
        return f"{duration(figure.median)} ±{figure.spread:.0%}" if figure else ABSENT

    def cell(self, program: str, peer: str) -> str:
        figure = self.run.figures[program].get(peer)
        if figure is None:
            return "failed" if peer in self.run.faults.get(program, {}) else ""
        ratio = self.ratio(program, peer)
        if ratio is None:
            return f"{duration(figure.median)}, ≠" if not figure.agrees else ""
        shown = f"{times(ratio.median)}x"
        return f"{duration(figure.median)}, {shown if ratio.median >= 1 else f'**{shown}**'}"

    def memory(self) -> list[str]:
        """Return the table of peak memory."""
        programs = [n for n, f in self.run.figures.items() if any(x.memory for x in f.values())]
        if not programs:
            return []
        peers = [p for p in self.others if any(p in self.run.figures[n] for n in programs)]
        lines = ["## Peak memory of training steps", ""]
        lines += [
            "Most resident during two steps beyond what the imports had taken, in MiB; behind it",
            "penstock's share of it, so that below 1 penstock needs less.",
            "",
        ]
        lines += self.table_head(["program", "penstock"], peers)
        for name in programs:
            taken = {peer: figure.memory for peer, figure in self.run.figures[name].items()}
            own = taken.get(SUBJECT)
            cells = [_mebibytes(own)]
            for peer in peers:
                other = taken.get(peer)
                share = f", {own / other:.2f}" if own and other else ""
                cells.append(_mebibytes(other) + share)
            lines.append(f"| {name.partition('/')[2]} | {' | '.join(cells)} |")
        return [*lines, ""]

    def faults(self) -> list[str]:
        """Return what could not be run or computed something else."""
        lines = [
            f"- {name}, {self.label(peer)}: `{text}`"
            for name, by_peer in self.run.faults.items()
            for peer, text in by_peer.items()
        ]
        for name, figures in self.run.figures.items():
            for peer, figure in figures.items():
                if not figure.agrees:
                    lines.append(f"- {name}, {self.label(peer)}: its results differ (≠)")
        return ["## Not compared", "", *lines, ""] if lines else []

    def text(self) -> str:
        lines = [*self.head(), *self.summary(), *self.losses(), "## Family by family", ""]
        for family in FAMILIES:
            if self.programs(family):
                lines += self.family(family)
        lines += [*self.memory(), *self.faults(), *_AGAIN]
        return "\n".join(lines)


_AGAIN = [
    "## How to run it again",
    "",
    "```text",
    "pip install -e '.[bench]'",
    "python -m benchmarks --publish                        all of it; writes this page",
    "python -m benchmarks products/ --peers tensorflow     some of it, on the terminal",
    "python -m benchmarks --peers penstock@../other/engine against another checkout",
    "```",
    "",
    "Peers that are not installed are left out. A machine that is busy otherwise spoils the",
    "figures; `--realtime` helps where the system permits it.",
    "",
]


def _mebibytes(size: int | None) -> str:
    return f"{size / 2**20:.0f}" if size else ABSENT


def page(run: Run) -> str:
    """Return docs/benchmarks.md for a run."""
    return _Page(run).text()


def drawing(run: Run) -> str:
    """Return docs/benchmarks.svg for a run."""
    return _Page(run).chart()
