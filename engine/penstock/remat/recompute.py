"""Recomputing on demand: which tasks bring back a value that was dropped.

`lacking` answers for one moment: given what is live, the tasks that must run, in an order that
works, before the wanted values are there. It never recurses, so depth is no limit.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from penstock.remat.problem import Problem


def lacking(problem: Problem, wanted: Iterable[int], live: Container[int]) -> list[int]:
    """Return the tasks to run again, producers first, so that all `wanted` values are live."""
    found: set[int] = set()
    open_values = [v for v in wanted if v not in live]
    while open_values:
        t = problem.producer[open_values.pop()]
        if t < 0 or t in found:
            continue
        found.add(t)
        open_values += [v for v in problem.tasks[t].inputs if v not in live]
    return sorted(found)


def never_dropped(problem: Problem) -> set[int]:
    """Return the values that cannot be made again: external, kept, or of a once-only task."""
    return {
        v
        for v, value in enumerate(problem.values)
        if value.external or value.kept or not problem.tasks[problem.producer[v]].recomputable
    }


def saved_values(problem: Problem) -> list[int]:
    """Return the values that the forward pass makes and the backward pass reads, in order."""
    return [
        v
        for task in problem.tasks
        if task.forward
        for v in task.outputs
        if any(not problem.tasks[reader].forward for reader in problem.readers[v])
    ]
