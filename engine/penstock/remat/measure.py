"""What a sequence of tasks needs, by arithmetic on whole arrays.

Gives the figures that `evaluate` gives for the schedule that `from_sequence` makes of the
sequence, without making it; strategies try many sequences and few of them become schedules. Rules
are those of `evaluate`; a test holds the two together. Repetitions that nobody reads are left out
of `Measured.sequence`, which is what the figures are of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penstock.remat.arrays import Arrays, Ints
from penstock.remat.problem import Problem
from penstock.remat.schedule import drop_unread


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a sequence: bytes during each computation, the largest, work, r.

    Of an invalid sequence (`valid` is False) nothing else means anything.
    """

    sequence: Ints
    profile: Ints
    peak: int
    cost: float
    recomputed: float
    clones: int
    valid: bool = True


def measure(problem: Problem, sequence: Sequence[int] | Ints) -> Measured:
    """Return the figures of a sequence of tasks, unread repetitions left out."""
    order: Ints = np.asarray(sequence, np.int64)
    tables = problem.arrays
    first = _first_runs(order, len(problem.tasks))
    life = _Lives(tables, order, len(problem.values))
    if len(order) > len(problem.tasks) and life.valid:
        read = np.zeros(len(order), bool)
        read[life.made_at[life.wanted]] = True
        if not (read | first).all():
            useful = drop_unread(problem, order.tolist())
            order = np.asarray(useful, np.int64)
            first = _first_runs(order, len(problem.tasks))
            life = _Lives(tables, order, len(problem.values))
    profile = life.profile()
    again = ~first
    valid = life.valid and _allowed(tables, order, first)
    return Measured(
        order,
        profile,
        int(profile.max(initial=0)),
        float(tables.cost[order].sum()),
        float(tables.cost[order[again]].sum()) / (problem.forward_cost or 1.0),
        int(again.sum()),
        valid,
    )


def _first_runs(order: Ints, tasks: int) -> NDArray[np.bool_]:
    """Return where each task runs for the first time."""
    place = np.full(tasks, -1, np.int64)
    place[order[::-1]] = np.arange(len(order) - 1, -1, -1)
    first = np.zeros(len(order), bool)
    first[place[place >= 0]] = True
    return first


def _allowed(tables: Arrays, order: Ints, first: NDArray[np.bool_]) -> bool:
    """Tell whether every task runs, once where it must, and behind those it comes after."""
    if int(first.sum()) != len(tables.cost) or bool(tables.once[order[~first]].any()):
        return False
    place = np.empty(len(tables.cost), np.int64)
    place[order[first]] = np.flatnonzero(first)
    at, before = tables.after.spread(order[first])
    return bool((place[before] < np.flatnonzero(first)[at]).all())


class _Lives:
    """The instances that a sequence makes: where each is made and where it is read last."""

    def __init__(self, tables: Arrays, order: Ints, values: int) -> None:
        self.tables, self.order, self.count = tables, order, len(order)
        self.made_at, self.made = tables.makes.spread(order)
        self.by_value = np.argsort(self.made, kind="stable")
        stride = self.count + 1
        self.keys = self.made[self.by_value] * stride + self.made_at[self.by_value]
        read_at, read = tables.reads.spread(order)
        source, found = self._newest(read, read_at)
        self.valid = bool(found.all())
        self.last = self.made_at.copy()
        self.last[source] = read_at  # positions ascend, so the last one stays
        self.wanted = source
        if tables.any_kept:
            kept = np.flatnonzero(tables.kept)
            place = np.searchsorted(self.keys, kept * stride)
            place = place[place < len(self.keys)]
            originals = self.by_value[place]
            self.last[originals[tables.kept[self.made[originals]]]] = self.count

    def _newest(self, values: Ints, at: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Return the instance that a reader at a position sees, and whether there is one."""
        stride = self.count + 1
        if not len(self.keys):
            return np.zeros(0, np.int64), np.zeros(len(values), bool)
        place = np.searchsorted(self.keys, values * stride + at) - 1
        if self.tables.any_kept:
            kept = self.tables.kept[values]
            originals = np.searchsorted(self.keys, values[kept] * stride)
            place[kept] = np.minimum(originals, place[kept])
        source = self.by_value[np.maximum(place, 0)]
        return source, (place >= 0) & (self.made[source] == values)

    def profile(self) -> Ints:
        """Return the bytes in memory during each computation."""
        tables, count = self.tables, self.count
        size = tables.size[self.made]
        grown, shrunk = size.astype(np.float64), size.astype(np.float64)
        self._take_over(grown, shrunk)
        change = np.bincount(self.made_at, grown, count + 2)
        change -= np.bincount(self.last + 1, shrunk, count + 2)
        return np.cumsum(change)[:count].astype(np.int64) + tables.scratch[self.order]

    def _take_over(self, grown: NDArray[np.float64], shrunk: NDArray[np.float64]) -> None:
        """Let outputs have the memory of inputs that die where the outputs are made."""
        starts = np.searchsorted(self.made_at, np.arange(self.count))
        for inputs, outputs in self.tables.over:
            at = np.flatnonzero(inputs[self.order] >= 0)
            source, found = self._newest(inputs[self.order[at]], at)
            target = starts[at] + outputs[self.order[at]]
            free = found & (self.last[source] == at) & (shrunk[source] > 0) & (grown[target] > 0)
            grown[target[free]] = 0
            shrunk[source[free]] = 0


def gaps(problem: Problem, sequence: Ints) -> dict[int, list[tuple[int, int]]]:
    """Return by position of each repetition what keeping the instances before would take.

    For each output that is read again: the position up to which the instance before it stays
    anyway, and its bytes. Repetitions nobody reads have empty lists.
    """
    tables = problem.arrays
    first = _first_runs(sequence, len(problem.tasks))
    life = _Lives(tables, sequence, len(problem.values))
    wanted = np.zeros(len(life.made), bool)
    wanted[life.wanted] = True
    before = np.full(len(life.made), -1, np.int64)
    same = life.made[life.by_value[1:]] == life.made[life.by_value[:-1]]
    before[life.by_value[1:][same]] = life.by_value[:-1][same]
    found: dict[int, list[tuple[int, int]]] = {p: [] for p in np.flatnonzero(~first).tolist()}
    chosen = np.flatnonzero(wanted & ~first[life.made_at] & (before >= 0))
    rows = zip(
        life.made_at[chosen].tolist(),
        life.last[before[chosen]].tolist(),
        tables.size[life.made[chosen]].tolist(),
        strict=True,
    )
    for p, start, size in rows:
        found[p].append((start, size))
    return found
