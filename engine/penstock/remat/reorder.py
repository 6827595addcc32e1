"""Less memory without repeating: tasks that free more than they make run as soon as they can.

All others keep the given order, so a gradient that only waits for its update does not wait in
memory. `reordered` returns the problem in that order; `in_given_order` brings a schedule back.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop, heappush

from penstock.remat.problem import Problem
from penstock.remat.schedule import Compute, Schedule


def eager_order(problem: Problem) -> list[int]:
    """Return the tasks in an order that respects inputs and `after`."""
    return _Ordering(problem).run()


class _Ordering:
    """What is ready while tasks are put in order."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.unread = [len(readers) for readers in problem.readers]
        self.blockers = [0] * len(problem.tasks)
        self.behind: list[list[int]] = [[] for _ in problem.tasks]
        for t, task in enumerate(problem.tasks):
            makers = {problem.producer[v] for v in task.inputs} | set(task.after)
            makers.discard(-1)
            self.blockers[t] = len(makers)
            for maker in makers:
                self.behind[maker].append(t)
        self.eager: list[int] = []
        self.done = bytearray(len(problem.tasks))
        self.order: list[int] = []

    def run(self) -> list[int]:
        for t in range(len(self.problem.tasks)):
            while self.eager:
                self._take(heappop(self.eager))
            self._take(t)
        return self.order

    def _take(self, t: int) -> None:
        if self.done[t]:
            return
        self.done[t] = 1
        self.order.append(t)
        for v in dict.fromkeys(self.problem.tasks[t].inputs):
            self.unread[v] -= 1
            if self.unread[v] == 1:
                self._consider(next(r for r in self.problem.readers[v] if not self.done[r]))
        for later in self.behind[t]:
            self.blockers[later] -= 1
            self._consider(later)

    def _consider(self, t: int) -> None:
        """Queue a task that is ready and leaves less in memory than it found."""
        if self.blockers[t] or self.done[t]:
            return
        values, task = self.problem.values, self.problem.tasks[t]
        freed = sum(
            values[v].bytes
            for v in dict.fromkeys(task.inputs)
            if self.unread[v] == 1 and not values[v].kept and not values[v].external
        )
        if sum(values[v].bytes for v in task.outputs) < freed:
            heappush(self.eager, t)


def reordered(problem: Problem, order: list[int]) -> Problem:
    """Return the problem with its tasks in another order; values keep their numbers."""
    place = {t: position for position, t in enumerate(order)}
    tasks = (problem.tasks[t] for t in order)
    moved = (replace(task, after=tuple(place[b] for b in task.after)) for task in tasks)
    return Problem(tuple(moved), problem.values)


def in_given_order(schedule: Schedule, order: list[int]) -> Schedule:
    """Return a schedule of the reordered problem as one of the given problem."""
    return Schedule(
        tuple(
            Compute(order[step.task], step.instance) if isinstance(step, Compute) else step
            for step in schedule.steps
        )
    )
