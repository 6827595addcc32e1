"""The command line: which programs, on which peers, how long, and where the figures go."""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import peers as peer_table
from benchmarks import report, results
from benchmarks.catalogue import PROGRAMS, Program, choose
from benchmarks.harness import ALONE, Settings, Starts, Team, may_be_realtime
from benchmarks.peers import PEERS, ROOT, SUBJECT, Peer
from benchmarks.results import Run

FIGURES = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"
DRAWING = ROOT / "docs" / "benchmarks.svg"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    made.add_argument("programs", nargs="*", help="beginnings of names; all by default")
    made.add_argument("--list", action="store_true", help="show the programs and stop")
    made.add_argument("--subject", default=SUBJECT, help="what is compared; also penstock@PATH")
    made.add_argument("--peers", default=",".join(p for p in PEERS if p != SUBJECT))
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--seconds", type=float, default=0.2, help="of a round")
    made.add_argument("--threads", type=int, default=2, help="cores for everybody")
    made.add_argument("--realtime", action="store_true", help="real-time priority during rounds")
    made.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="[PEER=]PATH",
        help="another interpreter, for all or for one peer",
    )
    made.add_argument("--json", type=Path, help="write the figures here")
    made.add_argument(
        "--publish", action="store_true", help=f"measure, then write {FIGURES.name} and {PAGE.name}"
    )
    made.add_argument(
        "--report", action="store_true", help=f"only write {PAGE.name} from {FIGURES.name} again"
    )
    return made


def machine() -> str:
    """Return a line about this machine, without its name."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text().splitlines()
        model = next((x.partition(":")[2].strip() for x in lines if "model name" in x), model)
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    system = f"{platform.system()} {platform.machine()}"
    python = f"Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {pages / 2**30:.0f} GiB, {system}, {python}"


def installed(specs: list[str], settings: Settings) -> tuple[list[Peer], dict[str, str]]:
    """Return the peers that can be run, and their versions; name the absent ones."""
    found: list[Peer] = []
    versions: dict[str, str] = {}
    for spec in dict.fromkeys(specs):
        peer = peer_table.find(spec)
        version = peer_table.version(peer, settings.python(peer), settings.environment(peer))
        if version is None:
            print(f"{peer.label} is not installed: left out")
        else:
            found.append(peer)
            versions[peer.name] = version
    return found, versions


def speakers(program: Program, peers: list[Peer]) -> list[Peer]:
    """Return the peers to which a program has something to say."""
    return [p for p in peers if p.dialect in program.dialects and program.family not in p.skips]


def teams(programs: list[Program]) -> Iterator[list[Program]]:
    """Yield the programs that share processes."""
    for _, group in itertools.groupby(
        programs, lambda p: p.name if p.family in ALONE else p.family
    ):
        yield list(group)


def measure_all(
    programs: list[Program], peers: list[Peer], run: Run, settings: Settings
) -> Iterator[None]:
    """Fill a run, print a line for each program and yield as it is done."""
    for group in teams(programs):
        members = [p for p in peers if any(p in speakers(program, peers) for program in group)]
        with Starts(settings) if group[0].family == "start" else Team(members, settings) as team:
            for program in group:
                print(f"{program.name:32}", end="", flush=True)
                figures, faults = team.measure(program, speakers(program, peers))
                run.figures[program.name] = figures
                if faults:
                    run.faults[program.name] = faults
                print(report.line(figures, faults, peers), flush=True)
                yield


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the settings that the command line asks for."""
    pythons = {"": sys.executable}
    for text in arguments.python:
        name, _, path = text.rpartition("=")
        pythons[name] = path
    return Settings(
        arguments.rounds, arguments.seconds, arguments.threads, arguments.realtime, pythons
    )


def publish(run: Run) -> None:
    """Write the page and its drawing."""
    PAGE.write_text(report.page(run), encoding="utf-8")
    DRAWING.write_text(report.drawing(run), encoding="utf-8")


def main() -> None:
    """Do what the command line says."""
    arguments = parser().parse_args()
    if arguments.report:
        publish(results.load(FIGURES))
        return
    if arguments.list:
        print(*(f"{p.name:32}{p.about}" for p in PROGRAMS.values()), sep="\n")
        return
    if arguments.realtime and not may_be_realtime():
        sys.exit("--realtime: this system does not permit real-time scheduling")
    settings = settings_of(arguments)
    try:
        programs = choose(arguments.programs)
        specs = [arguments.subject, *filter(None, arguments.peers.split(","))]
        peers, versions = installed(specs, settings)
    except ValueError as mistake:
        sys.exit(str(mistake))
    if not peers or peers[0].name != arguments.subject:
        sys.exit(f"{arguments.subject} cannot be imported: nothing to compare")
    chosen = {"rounds": settings.rounds, "seconds": settings.seconds, "threads": settings.threads}
    run = Run(machine(), time.strftime("%Y-%m-%d"), chosen, versions)
    for _ in measure_all(programs, peers, run, settings):
        if arguments.json:
            results.save(run, arguments.json)
    if arguments.publish:
        results.save(run, FIGURES)
        publish(run)
