"""What every strategy returns: an ordered list of computations and frees.

A schedule is determined by its sequence of computations: a reader takes the newest instance of a
value, and an instance is freed behind its last reader. `from_sequence` does that for any list of
tasks, leaves out recomputations nobody reads, and numbers the instances, so strategies need to
say only what is computed again, and where. Instance 0 of a task is the original, the others are
clones. For a later loop body the form stays the same: its steps are those of one iteration.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from penstock.remat.problem import Problem


@dataclass(frozen=True, slots=True)
class Compute:
    """Run a task; its outputs become instance `instance` of their values."""

    task: int
    instance: int = 0


@dataclass(frozen=True, slots=True)
class Free:
    """Give back the memory of one instance of a value."""

    value: int
    instance: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps in the order in which they run."""

    steps: tuple[Compute | Free, ...]

    @property
    def computes(self) -> tuple[Compute, ...]:
        """The computations without the frees."""
        return tuple(step for step in self.steps if isinstance(step, Compute))

    @property
    def sequence(self) -> tuple[int, ...]:
        """The tasks in the order in which they run, repeated where they are recomputed."""
        return tuple(step.task for step in self.steps if isinstance(step, Compute))

    @property
    def clones(self) -> int:
        """How many computations are repetitions."""
        return sum(step.instance > 0 for step in self.computes)


def from_sequence(problem: Problem, sequence: Iterable[int]) -> Schedule:
    """Number the instances of a sequence of tasks and free each behind its last reader.

    Repetitions whose outputs nobody reads are left out; first runs never are.
    """
    return place_frees(problem, drop_unread(problem, list(sequence)))


def drop_unread(problem: Problem, sequence: Sequence[int]) -> list[int]:
    """Return the sequence without repetitions that no later task reads."""
    first: dict[int, int] = {}
    for position, t in enumerate(sequence):
        first.setdefault(t, position)
    wanted = bytearray(len(problem.values))
    useful: list[int] = []
    for position in range(len(sequence) - 1, -1, -1):
        task = problem.tasks[sequence[position]]
        if first[sequence[position]] != position and not any(wanted[v] for v in task.outputs):
            continue
        for v in task.outputs:
            wanted[v] = 0
        for v in task.inputs:
            wanted[v] = not problem.values[v].kept
        useful.append(sequence[position])
    useful.reverse()
    return useful


def place_frees(problem: Problem, sequence: Sequence[int]) -> Schedule:
    """Free every instance directly behind its last reader, or its maker when there is none."""
    values = problem.values
    runs = [0] * len(problem.tasks)
    newest: dict[int, tuple[int, int]] = {}
    last: dict[tuple[int, int], int] = {}
    for position, t in enumerate(sequence):
        task = problem.tasks[t]
        for v in task.inputs:
            if v in newest:
                last[newest[v]] = position
        for v in task.outputs:
            instance = (v, runs[t])
            if not values[v].kept or not runs[t]:
                newest[v] = instance
            if not values[v].kept or runs[t]:
                last[instance] = position
        runs[t] += 1
    dying: dict[int, list[tuple[int, int]]] = {}
    for instance, position in last.items():
        if not (values[instance[0]].kept and instance[1] == 0):
            dying.setdefault(position, []).append(instance)
    steps: list[Compute | Free] = []
    runs = [0] * len(problem.tasks)
    for position, t in enumerate(sequence):
        steps.append(Compute(t, runs[t]))
        runs[t] += 1
        steps += [Free(v, k) for v, k in sorted(dying.get(position, ()))]
    return Schedule(tuple(steps))


def plain_schedule(problem: Problem) -> Schedule:
    """Return the given order without recomputation, values freed at their last use."""
    return place_frees(problem, range(len(problem.tasks)))
