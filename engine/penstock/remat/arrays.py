"""A problem as arrays, for the arithmetic on whole sequences (`measure`).

Lists of different lengths, one for each task, stand in one flat array with the place where each
begins; `spread` strings together those of a sequence of tasks. External values are left out: they
count nothing and are always there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from penstock.remat.problem import Problem

Ints = NDArray[np.int64]


class Lists:
    """A list of integers for each task."""

    def __init__(self, lists: Sequence[Sequence[int]]) -> None:
        """Flatten the lists."""
        self.count: Ints = np.array([len(found) for found in lists], np.int64)
        self.start: Ints = np.cumsum(self.count) - self.count
        self.flat: Ints = np.array([item for found in lists for item in found], np.int64)

    def spread(self, sequence: Ints) -> tuple[Ints, Ints]:
        """Return the items of the tasks of a sequence, and the position each comes from."""
        count = self.count[sequence]
        ends = np.cumsum(count)
        places = np.repeat(self.start[sequence] - ends + count, count)
        places += np.arange(len(places))
        return np.repeat(np.arange(len(sequence)), count), self.flat[places]


class Arrays:
    """Sizes, costs and edges of a problem.

    `over[k]` holds for each task its k-th chance to work in place, as (input, place of the output
    among the task's outputs), where both have the same size.
    """

    def __init__(self, problem: Problem) -> None:
        """Read the problem once."""
        tasks, values = problem.tasks, problem.values
        self.size: Ints = np.array([value.bytes for value in values], np.int64)
        self.kept = np.array([value.kept for value in values], bool)
        self.any_kept = bool(self.kept.any())
        self.cost = np.array([task.cost for task in tasks], np.float64)
        self.scratch: Ints = np.array([task.scratch for task in tasks], np.int64)
        self.once = np.array([not task.recomputable for task in tasks], bool)
        external = [value.external for value in values]
        self.reads = Lists(
            [[v for v in dict.fromkeys(task.inputs) if not external[v]] for task in tasks]
        )
        self.makes = Lists([task.outputs for task in tasks])
        self.after = Lists([task.after for task in tasks])
        chances: list[list[tuple[int, int]]] = []
        for task in tasks:
            pairs = [(v, out) for out, v in task.in_place if not external[v]]
            equal = [(v, o) for v, o in pairs if values[v].bytes == values[o].bytes]
            chances.append([(v, task.outputs.index(o)) for v, o in equal])
        most = max((len(found) for found in chances), default=0)
        self.over: list[tuple[Ints, Ints]] = [
            (
                np.array([c[k][0] if k < len(c) else -1 for c in chances], np.int64),
                np.array([c[k][1] if k < len(c) else -1 for c in chances], np.int64),
            )
            for k in range(most)
        ]
