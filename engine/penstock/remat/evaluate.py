"""The one simulator: is a schedule valid, how much memory and work does it need.

Memory during a computation is everything live, its outputs and its scratch. An output takes over
the memory of an input as the task's `in_place` table allows, when the schedule frees that input
directly behind the task. External values count nothing. The result of an invalid schedule says
what is wrong with it and where, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.remat.problem import Problem
from penstock.remat.schedule import Compute, Free, Schedule


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a schedule needs.

    `reason` is empty for a valid schedule. `peak` is in bytes, reached at step `peak_step` with
    `live` (pairs of value and instance, that step's outputs included) in memory. `recomputed` is
    the work done again, as a part of one forward pass: the r of the literature.
    """

    reason: str = ""
    peak: int = 0
    peak_step: int = -1
    live: tuple[tuple[int, int], ...] = ()
    cost: float = 0.0
    recomputed: float = 0.0
    profile: tuple[int, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the schedule can run at all."""
        return not self.reason


class _Memory:
    """The live instances of a schedule as it runs."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.live: dict[int, list[int]] = {}
        self.bytes = 0
        self.runs = [0] * len(problem.tasks)
        self.taken: set[tuple[int, int]] = set()

    def fault(self, step: Compute | Free) -> str:
        """Return why the step cannot be taken now, or nothing."""
        problem, live = self.problem, self.live
        if isinstance(step, Free):
            value = problem.values[step.value]
            if step.instance not in live.get(step.value, ()):
                return f"instance {step.instance} of {value.name!r} is freed but not live"
            if value.kept and step.instance == 0:
                return f"{value.name!r} is wanted at the end but freed"
            return ""
        task, runs = problem.tasks[step.task], self.runs[step.task]
        if step.instance != runs:
            return f"{task.name!r} runs as instance {step.instance}, expected {runs}"
        if runs and not task.recomputable:
            return f"{task.name!r} may run only once"
        for v in task.inputs:
            if not live.get(v) and not problem.values[v].external:
                return f"{task.name!r} reads {problem.values[v].name!r}, which is not live"
        for before in task.after:
            if not self.runs[before]:
                return f"{task.name!r} runs before {problem.tasks[before].name!r}"
        return ""

    def compute(self, step: Compute, dying: set[tuple[int, int]]) -> int:
        """Run a task whose inputs `dying` are freed next; return the bytes while it runs."""
        problem, task = self.problem, self.problem.tasks[step.task]
        taken_over: set[int] = set()
        for out, v in task.in_place:
            mine = self.live.get(v)
            if not mine or (v, mine[-1]) not in dying or (v, mine[-1]) in self.taken:
                continue
            if out not in taken_over and problem.values[out].bytes == problem.values[v].bytes:
                self.taken.add((v, mine[-1]))
                taken_over.add(out)
        for v in task.outputs:
            self.live.setdefault(v, []).append(step.instance)
            if v not in taken_over:
                self.bytes += problem.values[v].bytes
        self.runs[step.task] += 1
        return self.bytes + task.scratch

    def free(self, step: Free) -> None:
        self.live[step.value].remove(step.instance)
        if (step.value, step.instance) in self.taken:
            self.taken.discard((step.value, step.instance))
        else:
            self.bytes -= self.problem.values[step.value].bytes


def evaluate(problem: Problem, schedule: Schedule) -> Evaluation:
    """Run a schedule on paper. `profile` holds the bytes during each computation."""
    steps, memory = schedule.steps, _Memory(problem)
    peak, peak_step, profile = 0, -1, []
    cost = 0.0
    for position, step in enumerate(steps):
        reason = memory.fault(step)
        if reason:
            return Evaluation(reason=f"step {position}: {reason}")
        if isinstance(step, Free):
            memory.free(step)
            continue
        cost += problem.tasks[step.task].cost
        profile.append(memory.compute(step, _freed_next(steps, position)))
        if profile[-1] > peak:
            peak, peak_step = profile[-1], position
    reason = _unfinished(problem, memory)
    if reason:
        return Evaluation(reason=reason)
    again = sum(problem.tasks[s.task].cost for s in schedule.computes if s.instance)
    forward = problem.forward_cost or 1.0
    live = _live_at(problem, schedule, peak_step)
    return Evaluation("", peak, peak_step, live, cost, again / forward, tuple(profile))


def _freed_next(steps: tuple[Compute | Free, ...], position: int) -> set[tuple[int, int]]:
    """Return the instances freed between this computation and the next."""
    found: set[tuple[int, int]] = set()
    for i in range(position + 1, len(steps)):
        step = steps[i]
        if isinstance(step, Compute):
            break
        found.add((step.value, step.instance))
    return found


def _unfinished(problem: Problem, memory: _Memory) -> str:
    for t, runs in enumerate(memory.runs):
        if not runs:
            return f"{problem.tasks[t].name!r} never runs"
    return ""


def _live_at(problem: Problem, schedule: Schedule, peak_step: int) -> tuple[tuple[int, int], ...]:
    """Return the instances in memory while a step runs."""
    live: set[tuple[int, int]] = set()
    for step in schedule.steps[: peak_step + 1]:
        if isinstance(step, Free):
            live.discard((step.value, step.instance))
        else:
            live |= {(v, step.instance) for v in problem.tasks[step.task].outputs}
    return tuple(sorted(live))
