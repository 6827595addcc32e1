"""Keep a set of values, recompute the rest segment by segment: what `collection` asks for.

A value that the backward pass reads and that is not kept is dropped behind its last forward use.
When the backward pass first wants a dropped value, everything it lacks up to kept values is
computed again, the rest of that segment along with it, and stays until its own last use.
Values that cannot be made again are always kept.
"""

from __future__ import annotations

from collections.abc import Collection

from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.recompute import lacking, never_dropped
from penstock.remat.schedule import Schedule, from_sequence


def collection(problem: Problem, budget: int | None, options: PlanOptions) -> Schedule:
    """Keep exactly the values the caller named. The budget is not looked at."""
    return keep_values(problem, options.keep)


def keep_values(problem: Problem, keep: Collection[int]) -> Schedule:
    """Return the schedule that keeps `keep` across the forward pass and recomputes the rest."""
    return from_sequence(problem, keeping(problem, keep))


def keeping(problem: Problem, keep: Collection[int]) -> list[int]:
    """Return the tasks in their order, repetitions where the backward pass wants them."""
    held = never_dropped(problem) | set(keep)
    dropped = droppable(problem, held)
    live = set(held)
    sequence: list[int] = []
    for t, task in enumerate(problem.tasks):
        if not task.forward:
            lost = [v for v in task.inputs if v in dropped and v not in live]
            if lost:
                again = lacking(problem, lost, live)
                sequence += again
                for repeated in again:
                    live.update(problem.tasks[repeated].outputs)
        sequence.append(t)
        live.update(v for v in task.outputs if v not in dropped or not task.forward)
    return sequence


def droppable(problem: Problem, held: Collection[int]) -> set[int]:
    """Return the values made forward that are not held; they are gone when backward starts."""
    return {v for task in problem.tasks if task.forward for v in task.outputs if v not in held}
