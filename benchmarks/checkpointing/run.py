"""The command line of the checkpointing bench: which networks, how long, where figures go."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from benchmarks.checkpointing import bars, depth, figures, page, plots
from benchmarks.checkpointing.catalogue import NETWORKS, Network
from benchmarks.checkpointing.figures import Run
from benchmarks.checkpointing.measure import Ways, measure
from benchmarks.harness import Settings
from benchmarks.peers import PEERS, ROOT, Peer
from benchmarks.report import duration
from benchmarks.run import installed, machine, settings_of

FIGURES = ROOT / "docs" / "checkpointing.json"
PAGE = ROOT / "docs" / "checkpointing.md"
PICTURES = ROOT / "docs" / "pictures"
SYSTEMS = ("penstock", "torch", "jax")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.checkpointing", description=__doc__)
    made.add_argument("networks", nargs="*", help="beginnings of names, or none; all by default")
    made.add_argument("--quick", action="store_true", help="small sizes, few rounds, no big bars")
    made.add_argument("--systems", default=",".join(SYSTEMS))
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--seconds", type=float, default=0.2, help="of a round")
    made.add_argument("--threads", type=int, default=2, help="cores for everybody")
    made.add_argument("--realtime", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("--python", action="append", default=[], metavar="[SYSTEM=]PATH")
    made.add_argument("--no-bars", action="store_true", help="leave the cost models out")
    made.add_argument("--add", action="store_true", help="keep what was published of the others")
    made.add_argument("--note", default="", help="what a reader should know of this run")
    made.add_argument("--json", type=Path, help="write the figures here")
    made.add_argument("--publish", action="store_true", help=f"write {PAGE.name} and its pictures")
    made.add_argument("--report", action="store_true", help=f"only write {PAGE.name} again")
    return made


def publish(run: Run) -> None:
    """Write the page and its pictures."""
    PAGE.write_text(page.page(run), encoding="utf-8")
    for name, picture in page.pictures(run).items():
        (PICTURES / name).write_text(picture, encoding="utf-8")


def save(run: Run) -> None:
    """Keep the figures, the networks in the order of the catalogue, and write the page."""
    run.networks = {name: run.networks[name] for name in NETWORKS if name in run.networks}
    figures.save(run, FIGURES)
    publish(run)


def chosen(beginnings: list[str]) -> list[Network]:
    """Return the networks whose names begin so; raises ValueError where none does."""
    if beginnings == ["none"]:
        return []
    found = [n for n in NETWORKS.values() if n.name.startswith(tuple(beginnings) or "")]
    if not found:
        raise ValueError(f"no network begins with {beginnings}; there are {', '.join(NETWORKS)}")
    return found


def speakers(network: Network, peers: list[Peer]) -> list[Peer]:
    """Return the frameworks that run a network."""
    return [peer for peer in peers if peer.dialect in network.dialects]


def show(sides: dict[str, Ways]) -> None:
    """Print a line for each way."""
    for side, ways in sides.items():
        for name, way in ways.items():
            text = way.fault or _line(way, ways["plain"])
            print(f"  {side:10}{plots.NAMES.get(name, name):16} {text}", flush=True)


def _line(way: figures.Way, plain: figures.Way) -> str:
    peak = f"{way.peak / 2**20:8.2f} MiB" if way.peak else " " * 12
    share = f"{way.peak / plain.peak:6.3f}" if way.peak and plain.peak else " " * 6
    taken = duration(sorted(way.rounds)[len(way.rounds) // 2]) if way.rounds else "-"
    r = f"r {way.r:.3f}" if way.r is not None else ""
    ratio = f"{way.ratio:5.2f}x" if way.ratio is not None else ""
    return f"{peak} {share} {taken:>9} {ratio} {r}"


def main() -> None:
    """Do what the command line says."""
    arguments = parser().parse_args()
    if arguments.report:
        publish(figures.load(FIGURES))
        return
    if arguments.quick:
        arguments.rounds, arguments.seconds = min(arguments.rounds, 2), 0.02
    settings: Settings = settings_of(arguments)
    peers, versions = installed(
        [PEERS[name].name for name in arguments.systems.split(",")], settings
    )
    keys = ("rounds", "seconds", "threads", "quick", "note")
    said = {key: getattr(arguments, key) for key in keys}
    run = Run(machine(), time.strftime("%Y-%m-%d"), said, versions)
    if arguments.add and FIGURES.exists():
        before = figures.load(FIGURES)
        run.networks, run.bars, run.depth = before.networks, before.bars, before.depth
    for network in chosen(arguments.networks):
        began = time.perf_counter()
        found = measure(network, speakers(network, peers), settings, arguments.quick)
        run.networks[network.name] = found
        print(f"{network.label} ({time.perf_counter() - began:.0f} s)")
        show(found)
        if arguments.publish:
            save(run)
    if not arguments.no_bars:
        run.depth = depth.rows(settings.rounds, arguments.quick)
        print(*run.depth, sep="\n", flush=True)
        run.bars = []
        for bar in bars.all_bars(arguments.quick):
            run.bars.append(bar)
            print(f"{bar.bar}: {bar.asked}: {bar.ours}; anchor {bar.anchor}", flush=True)
    if arguments.json:
        figures.save(run, arguments.json)
    if arguments.publish:
        save(run)
