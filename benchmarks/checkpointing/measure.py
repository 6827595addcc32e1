"""Measures the ways of a network on every framework: all in turns, then memory in new processes.

One process a framework holds all its ways. They run one at a time, in order and in reverse, so
that what the machine does meanwhile meets all alike. Then each way gets a process of its own, in
which the growth of the resident set is its memory and nobody else's.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from benchmarks.checkpointing import figures
from benchmarks.checkpointing.catalogue import OTHERS, Network
from benchmarks.checkpointing.figures import Way
from benchmarks.harness import Child, FaultError, Settings, agree
from benchmarks.peers import Peer

SERVER = "benchmarks.checkpointing.worker"
TOLERANCE = 0.3  # of the parameters a step from zero: deep norms make rounding large

Ways = dict[str, Way]


def ways_of(network: Network, peer: Peer) -> tuple[str, ...]:
    """Return what a framework is asked to run."""
    return network.ways if peer.dialect == "graph" else OTHERS


def measure(
    network: Network, peers: Sequence[Peer], settings: Settings, small: bool
) -> dict[str, Ways]:
    """Return the figures of a network by framework."""
    found: dict[str, Ways] = {}
    children: dict[str, Child] = {}
    try:
        for peer in peers:
            children[peer.name] = Child(peer, settings, SERVER)
            found[peer.name] = _begin(children[peer.name], network, small)
        _compare(network, children, found)
        _time(children, found, settings)
        for name, child in children.items():
            _own(child, found[name])
    finally:
        for child in children.values():
            child.close()
    for peer in peers:
        _fresh(peer, network, settings, small, found[peer.name])
    return found


def _ask(child: Child, *command: object) -> Any:
    child.tell(*command)
    return child.answer()


def _begin(child: Child, network: Network, small: bool) -> Ways:
    """Build a network and its ways on a framework."""
    ways: Ways = {}
    try:
        _ask(child, "begin", network.name, small, 0)
    except FaultError as fault:
        return {"plain": Way(fault=str(fault))}
    for name in ways_of(network, child.peer):
        way = ways[name] = Way()
        try:
            facts = _ask(child, "add", name)[0]
        except FaultError as fault:
            way.fault = str(fault)
            continue
        if "infeasible" in facts:
            way.fault = f"infeasible: the smallest plan found needs {facts['infeasible']:,} bytes"
        for key, value in facts.items():
            if key != "infeasible":
                setattr(way, key, round(value, 4) if isinstance(value, float) else value)
    return ways


def _working(ways: Ways) -> list[str]:
    return [name for name, way in ways.items() if not way.fault]


def _compare(network: Network, children: dict[str, Child], found: dict[str, Ways]) -> None:
    """Compare parameters after one step: bits within penstock, values between frameworks.

    Where dropout draws, a step's masks differ from the next one's, and nothing can be compared.
    """
    if network.draws:
        return
    first: Any = None
    for name, child in children.items():
        plain: Any = None
        for way in _working(found[name]):
            try:
                bits, digests = _ask(child, "digest", way)
            except FaultError as fault:
                found[name][way].fault = str(fault)
                continue
            plain = bits if plain is None else plain
            first = digests if first is None else first
            if child.peer.dialect == "graph":
                found[name][way].same = bits == plain
            elif not agree(first, digests, TOLERANCE):
                found[name][way].fault = "computes something else"


def _time(children: dict[str, Child], found: dict[str, Ways], settings: Settings) -> None:
    """Run everything in turns."""
    runs = [(name, way) for name in children for way in _working(found[name])]
    for name, way in runs:
        _ask(children[name], "time", way, 0.0)
    for i in range(settings.rounds):
        for name, way in runs if i % 2 == 0 else reversed(runs):
            times = _ask(children[name], "time", way, settings.seconds)
            found[name][way].rounds.append(float(f"{statistics.median(times):.4g}"))
    for ways in found.values():
        for name in _working(ways):
            if ways["plain"].rounds:
                ways[name].ratio = figures.ratio(ways[name].rounds, ways["plain"].rounds)


def _own(child: Child, ways: Ways) -> None:
    """Ask the framework for what it counts itself."""
    forward = 0.0
    for name in _working(ways):
        facts = _ask(child, "own", name)[0]
        ways[name].allocator = facts.get("allocator")
        ways[name].planned = facts.get("planned", ways[name].planned)
        trace = facts["trace"]
        if trace and name == "plain":
            forward = trace["forward"]
            ways[name].rho = round(trace["backward"] / forward, 3)
        if trace and forward:
            ways[name].r_traced = round(trace["again"] / forward, 3)


def _apart(peer: Peer, working: list[str]) -> list[str]:
    """Return the ways that get a process; a compiler that plans memory would compile again."""
    if peer.dialect == "graph":
        return [name for name in working if name in ("plain", "memory", working[-1])]
    return working if peer.dialect == "torch" else []


def _fresh(peer: Peer, network: Network, settings: Settings, small: bool, ways: Ways) -> None:
    """Measure the memory of some ways, each in a process of its own."""
    peak = ways["plain"].planned or 0
    for name in _apart(peer, _working(ways)):
        with closing(Child(peer, settings, SERVER)) as child:
            try:
                _ask(child, "begin", network.name, small, peak)
                _ask(child, "add", name)
                ways[name].rss = _ask(child, "memory", name)[0]
            except FaultError as fault:
                ways[name].fault = str(fault)
