"""Where a forward graph can be cut: the places between tasks, and how much crosses each.

Cutting behind task t of the forward order, the values made before and read behind (by forward
tasks) cross. A cut that one value crosses is an articulation point of the chain; a few values are
as good (an LSTM's h and c). Blocks are what lies between cuts.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.remat.problem import Problem


@dataclass(frozen=True, slots=True)
class Cut:
    """A place in the order: behind task `after`, the values in `crossing` go over."""

    after: int
    crossing: tuple[int, ...]
    bytes: int


def find_cuts(problem: Problem, widest: int = 2) -> list[Cut]:
    """Return the cuts of the forward order that at most `widest` counted values cross."""
    last = {
        v: max(readers)
        for v, value in enumerate(problem.values)
        if not value.external
        and (readers := [t for t in problem.readers[v] if problem.tasks[t].forward])
    }
    ending: dict[int, list[int]] = {}
    for v, t in last.items():
        ending.setdefault(t, []).append(v)
    crossing: set[int] = set()
    cuts: list[Cut] = []
    for t, task in enumerate(problem.tasks):
        if not task.forward:
            continue
        crossing.difference_update(ending.get(t, ()))
        crossing.update(v for v in task.outputs if last.get(v, -1) > t)
        if 0 < len(crossing) <= widest:
            over = tuple(sorted(crossing))
            cuts.append(Cut(t, over, sum(problem.values[v].bytes for v in over)))
    return cuts


def bottlenecks(problem: Problem) -> list[int]:
    """Return the single values that cross a cut, each once, in order."""
    return list(dict.fromkeys(cut.crossing[0] for cut in find_cuts(problem, 1)))
