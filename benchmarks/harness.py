"""Measures programs: a process for each peer, which take turns.

The processes build a program and warm up; their first results are compared with the subject's, so
that nobody is timed computing something else. Then they run one at a time, A B C, C B A, and so on:
what the machine does meanwhile meets all of them alike. Programs of a family share the processes,
for importing some peers takes longer than all the rounds; where memory is measured they do not.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
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
ALONE = ("training",)  # families whose programs get processes of their own, for their memory

Figures = dict[str, Figure]
Faults = dict[str, str]


class FaultError(Exception):
    """A peer that cannot run a program; the text says why."""


@dataclass(frozen=True)
class Settings:
    """How to measure."""

    rounds: int = 5
    seconds: float = 0.2
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


def may_be_realtime() -> bool:
    """Tell whether this process may ask for real-time scheduling."""
    try:
        _set_policy(os.getpid(), os.SCHED_FIFO, PRIORITY)
        _set_policy(os.getpid(), os.SCHED_OTHER, 0)
    except (AttributeError, OSError):
        return False
    return True


class Child:
    """A process that runs programs on one peer; `server` is the module that answers commands."""

    def __init__(self, peer: Peer, settings: Settings, server: str = "benchmarks.child") -> None:
        self.peer = peer
        self.settings = settings
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by close()
        parts = [peer.module, peer.dialect, str(settings.threads)]
        self._process = subprocess.Popen(
            [settings.python(peer), "-m", server, *parts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=settings.environment(peer),
            cwd=ROOT,
        )

    def tell(self, *command: object) -> None:
        """Send a command; its answer is waiting to be read."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def answer(self) -> Any:
        """Wait for the answer to a command.

        Raises:
            FaultError: the command failed, or the process ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"fault": self._last_words()}
        if isinstance(answer, dict):
            raise FaultError(answer["fault"][:200])
        return answer

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else f"status {self._process.returncode}"

    def round(self) -> list[float]:
        """Time a round of the program that was begun."""
        if self.settings.realtime:
            _set_policy(self._process.pid, os.SCHED_FIFO, PRIORITY)
        self.tell("time", self.settings.seconds)
        times: list[float] = self.answer()
        if self.settings.realtime:
            _set_policy(self._process.pid, os.SCHED_OTHER, 0)
        return times

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


def _turns(count: int, rounds: int) -> Iterator[int]:
    for i in range(rounds):
        yield from range(count) if i % 2 == 0 else reversed(range(count))


class Team:
    """The processes of some peers, which measure one program after the other.

    The first peer is the one whose results the others' are compared with.
    """

    def __init__(self, peers: Sequence[Peer], settings: Settings) -> None:
        self.settings = settings
        self._children = {peer.name: Child(peer, settings) for peer in peers}

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *exception: object) -> None:
        for child in self._children.values():
            child.close()

    def measure(self, program: Program, peers: Sequence[Peer]) -> tuple[Figures, Faults]:
        """Return the figures of a program by peer, and why some have none."""
        digests, faults = self._begin(program, peers)
        working = [self._children[name] for name in digests]
        rounds: dict[str, list[list[float]]] = {name: [] for name in digests}
        for i in _turns(len(working), self.settings.rounds):
            rounds[working[i].peer.name].append(working[i].round())
        first: Any = next(iter(digests.values()), [])
        figures: Figures = {}
        for child in working:
            memory = None
            if program.family in ALONE:
                child.tell("memory")
                memory = child.answer()
            name = child.peer.name
            same = agree(first, digests[name], program.tolerance)
            figures[name] = results.figure(rounds[name], memory, same)
        return figures, faults

    def _begin(self, program: Program, peers: Sequence[Peer]) -> tuple[dict[str, Any], Faults]:
        digests: dict[str, Any] = {}
        faults: Faults = {}
        for peer in peers:
            self._children[peer.name].tell("begin", program.name)
        for peer in peers:
            try:
                digests[peer.name] = self._children[peer.name].answer()
            except FaultError as fault:
                faults[peer.name] = str(fault)
        return digests, faults


class Starts:
    """Measures programs whose steps are new processes, in the manner of a `Team`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __enter__(self) -> Starts:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing stays open."""

    def measure(self, program: Program, peers: Sequence[Peer]) -> tuple[Figures, Faults]:
        """Return the figures of a program by peer, and why some have none."""
        faults: Faults = {}
        for peer in peers:  # once before timing: the peer's files get into the page cache
            try:
                self._start(program, peer)
            except subprocess.CalledProcessError as error:
                faults[peer.name] = (error.stderr.strip().splitlines() or [str(error)])[-1][:200]
        working = [peer for peer in peers if peer.name not in faults]
        rounds: dict[str, list[list[float]]] = {peer.name: [] for peer in working}
        for i in _turns(len(working), min(self.settings.rounds, STEPS_OF_A_START)):
            rounds[working[i].name].append([self._start(program, working[i])])
        return {name: results.figure(times, None, True) for name, times in rounds.items()}, faults

    def _start(self, program: Program, peer: Peer) -> float:
        code = starts.source(program.name, peer.dialect, peer.module)
        began = time.perf_counter()
        subprocess.run(
            [self.settings.python(peer), "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env=self.settings.environment(peer),
            cwd=ROOT,
        )
        return time.perf_counter() - began
