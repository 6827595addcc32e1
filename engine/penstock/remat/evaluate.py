"""The one simulator: is a schedule valid, how much memory and work does it need.

Memory during a computation is everything live, its outputs and its scratch. An output takes over
the memory of an input as the task's `in_place` table allows, when the schedule frees that input
directly behind the task. External values count nothing. The result of an invalid schedule says
what is wrong with it and where, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.remat.problem import Problem, Task
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
        self.tasks, self.values = problem.tasks, problem.values
        self.size = [value.bytes for value in problem.values]
        self.live: list[list[int]] = [[] for _ in problem.values]
        self.external = [value.external for value in problem.values]
        self.bytes = 0
        self.runs = [0] * len(problem.tasks)
        self.taken: set[tuple[int, int]] = set()

    def compute(self, step: Compute, dying: set[tuple[int, int]]) -> str:
        """Run a task whose inputs `dying` are freed next; return why it cannot, or nothing."""
        t, live = step.task, self.live
        task, runs = self.tasks[t], self.runs[t]
        if step.instance != runs:
            return f"{task.name!r} runs as instance {step.instance}, expected {runs}"
        if runs and not task.recomputable:
            return f"{task.name!r} may run only once"
        for v in task.inputs:
            if not live[v] and not self.external[v]:
                return f"{task.name!r} reads {self.values[v].name!r}, which is not live"
        for before in task.after:
            if not self.runs[before]:
                return f"{task.name!r} runs before {self.tasks[before].name!r}"
        taken_over = self._take_over(task, dying) if dying else set()
        for v in task.outputs:
            live[v].append(runs)
            if v not in taken_over:
                self.bytes += self.size[v]
        self.runs[t] = runs + 1
        return ""

    def _take_over(self, task: Task, dying: set[tuple[int, int]]) -> set[int]:
        """Return the outputs that get the memory of an input."""
        taken_over: set[int] = set()
        for out, v in task.in_place:
            mine = self.live[v]
            if not mine or (v, mine[-1]) not in dying or (v, mine[-1]) in self.taken:
                continue
            if out not in taken_over and self.size[out] == self.size[v]:
                self.taken.add((v, mine[-1]))
                taken_over.add(out)
        return taken_over

    def free(self, step: Free) -> str:
        """Give an instance back; return why that cannot be, or nothing."""
        v, instance = step.value, step.instance
        if instance not in self.live[v]:
            return f"instance {instance} of {self.values[v].name!r} is freed but not live"
        if self.values[v].kept and instance == 0:
            return f"{self.values[v].name!r} is wanted at the end but freed"
        self.live[v].remove(instance)
        if (v, instance) in self.taken:
            self.taken.discard((v, instance))
        else:
            self.bytes -= self.size[v]
        return ""


def evaluate(problem: Problem, schedule: Schedule) -> Evaluation:
    """Run a schedule on paper. `profile` holds the bytes during each computation."""
    steps, memory, tasks = schedule.steps, _Memory(problem), problem.tasks
    peak, peak_step, profile = 0, -1, []
    cost = again = 0.0
    for position, step in enumerate(steps):
        if isinstance(step, Free):
            reason = memory.free(step)
        else:
            task = tasks[step.task]
            dying = _freed_next(steps, position) if task.in_place else set()
            reason = memory.compute(step, dying)
            cost += task.cost
            again += task.cost if step.instance else 0.0
            profile.append(memory.bytes + task.scratch)
            if profile[-1] > peak:
                peak, peak_step = profile[-1], position
        if reason:
            return Evaluation(reason=f"step {position}: {reason}")
    for t, runs in enumerate(memory.runs):
        if not runs:
            return Evaluation(reason=f"{tasks[t].name!r} never runs")
    live = _live_at(problem, schedule, peak_step)
    recomputed = again / (problem.forward_cost or 1.0)
    return Evaluation("", peak, peak_step, live, cost, recomputed, tuple(profile))


def _freed_next(steps: tuple[Compute | Free, ...], position: int) -> set[tuple[int, int]]:
    """Return the instances freed between this computation and the next."""
    found: set[tuple[int, int]] = set()
    for i in range(position + 1, len(steps)):
        step = steps[i]
        if isinstance(step, Compute):
            break
        found.add((step.value, step.instance))
    return found


def _live_at(problem: Problem, schedule: Schedule, peak_step: int) -> tuple[tuple[int, int], ...]:
    """Return the instances in memory while a step runs."""
    live: set[tuple[int, int]] = set()
    for step in schedule.steps[: peak_step + 1]:
        if isinstance(step, Free):
            live.discard((step.value, step.instance))
        else:
            live.update([(v, step.instance) for v in problem.tasks[step.task].outputs])
    return tuple(sorted(live))
