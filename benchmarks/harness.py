"""Measures a program: a process for each peer, which take turns.

The processes build and warm up; their first results are compared with the subject's, so that
nobody is timed computing something else. Then they run one at a time, A B C, C B A, and so on:
what the machine does meanwhile meets all of them alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks import results, starts
from benchmarks.catalogue import Program
from benchmarks.peers import ROOT, Peer
from benchmarks.results import Figure

PRIORITY = 10  # of a process during its rounds, where real-time scheduling is asked for
STEPS_OF_A_START = 3  # new processes at most, for a start takes seconds on some peers


class FaultError(Exception):
    """A peer that cannot run a program; the text says why."""


@dataclass(frozen=True)
class Settings:
    """How to measure."""

    rounds: int = 5
    seconds: float = 0.3
    threads: int = 2
    realtime: bool = False
    pythons: Mapping[str, str] = field(default_factory=dict)

    def python(self, peer: Peer) -> str:
        """Return the interpreter of a peer."""
        return self.pythons.get(peer.name, self.pythons[""])

    def environment(self, peer: Peer) -> dict[str, str]:
        """Return the environment of a peer's processes."""
        threads = str(self.threads)
        return {
            **os.environ,
            "OMP_NUM_THREADS": threads,
            "PENSTOCK_BENCH_THREADS": threads,
            **peer.environment,
        }


def _set_policy(process: int, policy: int, priority: int) -> None:
    """Change how all the threads of a process are scheduled."""
    for thread in os.listdir(f"/proc/{process}/task"):
        with suppress(ProcessLookupError):
            os.sched_setscheduler(int(thread), policy, os.sched_param(priority))


class Child:
    """A process that runs one program on one peer."""

    def __init__(self, program: Program, peer: Peer, settings: Settings) -> None:
        self.peer = peer
        self.settings = settings
        self.rounds: list[list[float]] = []
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by close()
        parts = [peer.module, peer.dialect, program.name, str(settings.threads)]
        self._process = subprocess.Popen(
            [settings.python(peer), "-m", "benchmarks.child", *parts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=settings.environment(peer),
            cwd=ROOT,
        )

    def answer(self) -> Any:
        """Wait for a line of the process.

        Raises:
            FaultError: it ended instead.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines() or [f"status {self._process.returncode}"]
        raise FaultError(lines[-1][:200])

    def ask(self, *command: object) -> Any:
        """Send a command and wait for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def round(self) -> None:
        """Time a round."""
        if self.settings.realtime:
            _set_policy(self._process.pid, os.SCHED_FIFO, PRIORITY)
        self.rounds.append(self.ask("time", self.settings.seconds))
        if self.settings.realtime:
            _set_policy(self._process.pid, os.SCHED_OTHER, 0)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def agree(mine: Sequence[Any], others: Sequence[Any], tolerance: float) -> bool:
    """Tell whether two peers computed the same, by the digests of their results."""
    if [d["shape"] for d in mine] != [d["shape"] for d in others]:
        return False
    for one, other in zip(mine, others, strict=True):
        a, b = np.asarray(one["values"]), np.asarray(other["values"])
        scale = float(np.max(np.abs(a), initial=0.0))
        if not np.all(np.abs(a - b) <= tolerance * scale):
            return False
    return True


def _in_turns(turns: Sequence[Any], rounds: int) -> None:
    for i in range(rounds):
        for turn in turns if i % 2 == 0 else reversed(turns):
            turn()


def measure(
    program: Program, peers: Sequence[Peer], settings: Settings
) -> tuple[dict[str, Figure], dict[str, str]]:
    """Return the figures of a program by peer, and the faults of those that have none.

    The first peer is the one whose results the others' are compared with.
    """
    if program.family == "start":
        return _measure_starts(program, peers, settings), {}
    children = [Child(program, peer, settings) for peer in peers]
    faults: dict[str, str] = {}
    digests: dict[str, Any] = {}
    try:
        for child in children:
            try:
                digests[child.peer.name] = child.answer()
            except FaultError as fault:
                faults[child.peer.name] = str(fault)
        working = [child for child in children if child.peer.name in digests]
        _in_turns([child.round for child in working], settings.rounds)
        first: Any = next(iter(digests.values()), [])
        figures = {
            child.peer.name: results.figure(
                child.rounds,
                child.ask("memory") if program.family == "training" else None,
                agree(first, digests[child.peer.name], program.tolerance),
            )
            for child in working
        }
    finally:
        for child in children:
            child.close()
    return figures, faults


def _measure_starts(
    program: Program, peers: Sequence[Peer], settings: Settings
) -> dict[str, Figure]:
    times: dict[str, list[list[float]]] = {peer.name: [] for peer in peers}

    def start(peer: Peer, keep: bool = True) -> None:
        code = starts.source(program.name, peer.dialect, peer.module)
        began = time.perf_counter()
        subprocess.run(
            [settings.python(peer), "-c", code],
            check=True,
            capture_output=True,
            env=settings.environment(peer),
            cwd=ROOT,
        )
        if keep:
            times[peer.name].append([time.perf_counter() - began])

    for peer in peers:
        start(peer, keep=False)  # its files are in the page cache from here on
    turns = [lambda peer=peer: start(peer) for peer in peers]
    _in_turns(turns, min(settings.rounds, STEPS_OF_A_START))
    return {name: results.figure(rounds, None, True) for name, rounds in times.items()}
