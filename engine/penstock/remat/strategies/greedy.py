"""Greedy eviction on any graph, run on paper: what the other strategies fall back on.

Tasks run in the given order. When a task lacks room, the live value with the lowest score goes;
when it lacks an input, the input is computed again (and what that lacks, without recursion).
A score weighs work to make a value again, evicted neighbours included (union-find keeps the work
of connected evicted values), against bytes and the time until the next use, which is known here.
Raises `Stuck` when nothing can be evicted, or the work explodes. Ties go to the earlier value.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from penstock.remat.measure import Measured, measure
from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.recompute import never_dropped
from penstock.remat.schedule import Schedule, from_sequence

Floats = NDArray[np.float64]
Score = Callable[[Floats, Floats, Floats], Floats]

SCORES: dict[str, Score] = {  # (work, bytes, time to the next use) → the lowest goes first
    "balanced": lambda work, size, wait: work / (size * wait),
    "work": lambda work, size, wait: work / size,
    "patient": lambda work, size, wait: work / (size * np.sqrt(wait)),
    "distance": lambda work, size, wait: 1.0 / wait,
}


class Stuck(Exception):
    """The greedy walk found nothing to evict, or repeats too much."""


def greedy(problem: Problem, budget: int | None, options: PlanOptions) -> Schedule:
    """Evict by work over bytes and waiting time."""
    return greedy_by("balanced", problem, budget, options)


def greedy_by(score: str, problem: Problem, budget: int | None, options: PlanOptions) -> Schedule:
    """Evict by one of SCORES. Without a budget nothing is evicted."""
    found = evicted_by(score, problem, budget, options.limit_recomputed)
    return from_sequence(problem, found.sequence.tolist())


def evicted_by(score: str, problem: Problem, budget: int | None, limit: float) -> Measured:
    """Return the sequence; `limit` is how many forward passes may be repeated at most."""
    walk = _Walk(problem, budget, SCORES[score], limit)
    for t in range(len(problem.tasks)):
        walk.step(t)
    return measure(problem, walk.sequence)


def _reach(problem: Problem) -> list[int]:
    """Return for each value the last task that may need it, through repetitions too."""
    reach = [readers[-1] if readers else -1 for readers in problem.readers]
    for t in range(len(problem.tasks) - 1, -1, -1):
        task = problem.tasks[t]
        if task.recomputable:
            furthest = max((reach[v] for v in task.outputs), default=-1)
            for v in task.inputs:
                reach[v] = max(reach[v], furthest)
    return reach


class _Walk:
    """The state of one greedy run: what is live, and what bringing values back would cost.

    Tables that single steps change and evictions scan are byte or integer arrays; `numpy` sees
    the same memory, so both are quick.
    """

    def __init__(self, problem: Problem, budget: int | None, score: Score, limit: float) -> None:
        count = len(problem.values)
        self.problem, self.score = problem, score
        self.budget = float("inf") if budget is None else float(budget)
        self.allowed = limit * problem.forward_cost + 1e-9
        self.sequence: list[int] = []
        self.runs = bytearray(len(problem.tasks))
        self.live, self.locks = bytearray(count), array("q", [0]) * count
        self.next = array("q", [r[0] if r else -1 for r in problem.readers])
        self.around, self.bytes = array("d", [0.0]) * count, 0
        self.seen_live = np.frombuffer(self.live, bool)
        self.seen_locks = np.frombuffer(self.locks, np.int64)
        self.seen_next = np.frombuffer(self.next, np.int64)
        self.seen_around = np.frombuffer(self.around, np.float64)
        self.size = [value.bytes for value in problem.values]
        self.divisor = np.maximum(problem.arrays.size, 1e-3)
        self.external = [value.external for value in problem.values]
        self.evictable = np.ones(count, bool)
        self.evictable[sorted(never_dropped(problem))] = False
        self.may_go: list[bool] = self.evictable.tolist()
        self.work = [0.0] * count
        for task in problem.tasks:
            for v in task.outputs:
                self.work[v] = max(task.cost, 1e-9)
        self.seen_work = np.array(self.work)
        self.place = [0] * count
        self.parent = list(range(count))
        self.together = list(self.work)
        self.evicted = bytearray(count)
        self.near: list[tuple[int, ...] | None] = [None] * count
        self._hold(problem)

    def _hold(self, problem: Problem) -> None:
        """Values that cannot be made again stay while anything may be recomputed from them."""
        self.until: dict[int, int] = {}
        self.ending: dict[int, list[int]] = {}
        for v, last in enumerate(_reach(problem)):
            value = problem.values[v]
            if not self.may_go[v] and not value.external and not value.kept:
                self.until[v] = last
                self.ending.setdefault(last, []).append(v)

    def step(self, t: int) -> None:
        """Run original task t, repetitions before it as needed."""
        tasks, live, external = self.problem.tasks, self.live, self.external
        stack = [t]
        self._lock(t, 1)
        while stack:
            now = stack[-1]
            for v in tasks[now].inputs:
                if not live[v] and not external[v]:
                    maker = self.problem.producer[v]
                    stack.append(maker)
                    self._lock(maker, 1)
                    break
            else:
                self._compute(now, t)
                stack.pop()
                self._lock(now, -1)
                self._bury(tasks[now].inputs, t)
                self._bury(tasks[now].outputs, t)
        if t in self.ending:
            self._bury(self.ending[t], t)

    def _lock(self, t: int, by: int) -> None:
        for v in self.problem.tasks[t].inputs:
            self.locks[v] += by

    def _compute(self, now: int, t: int) -> None:
        task = self.problem.tasks[now]
        if now == t:
            for v in task.inputs:
                self._advance(v, t)
        elif self.runs[now]:
            self.allowed -= task.cost
            if self.allowed < 0 or not task.recomputable:
                raise Stuck(f"recomputing {task.name!r} goes too far")
        fresh = [v for v in task.outputs if not self.live[v]]
        room = task.scratch - (self._inherited(now, t) if task.in_place else 0)
        for v in fresh:
            room += self.size[v]
        while self.bytes + room > self.budget:
            self._evict(t)
        self.sequence.append(now)
        self.runs[now] = 1
        for v in fresh:
            self.live[v] = True
            self.bytes += self.size[v]
            self._revive(v)

    def _inherited(self, now: int, t: int) -> int:
        """Return the bytes that outputs take over from inputs dying in this computation."""
        values, total = self.problem.values, 0
        taken: set[int] = set()
        for out, v in self.problem.tasks[now].in_place:
            dies = self.next[v] < 0 and self.locks[v] == 1 and self.until.get(v, -1) <= t
            same = self.size[out] == self.size[v]
            if dies and same and not values[v].kept and not {out, v} & taken:
                taken |= {out, v}
                total += self.size[v] if self.live[v] else 0
        return total

    def _advance(self, v: int, t: int) -> None:
        """Move the next use of v behind task t."""
        readers = self.problem.readers[v]
        while self.place[v] < len(readers) and readers[self.place[v]] <= t:
            self.place[v] += 1
        self.next[v] = readers[self.place[v]] if self.place[v] < len(readers) else -1

    def _bury(self, candidates: Sequence[int], t: int) -> None:
        """Free the candidates that no later task reads."""
        for v in candidates:
            if self.next[v] >= 0 or not self.live[v] or self.locks[v]:
                continue
            if self.until.get(v, -1) <= t and not self.problem.values[v].kept:
                self._leave(v)

    def _evict(self, t: int) -> None:
        able = self.seen_live & self.evictable & (self.seen_locks == 0) & (self.seen_next >= 0)
        choice = np.flatnonzero(able)
        if not choice.size:
            raise Stuck("nothing is left to evict")
        wait = (self.seen_next[choice] - t + 1).astype(float)
        work = self.seen_work[choice] + self.seen_around[choice]
        scores = self.score(work, self.divisor[choice], wait)
        self._leave(int(choice[np.argmin(scores)]))

    def _leave(self, v: int) -> None:
        """Take v out of memory and join its evicted neighbours' work."""
        self.live[v] = False
        self.bytes -= self.size[v]
        if not self.may_go[v]:
            return
        self.evicted[v] = 1
        self.parent[v] = v
        self.together[v] = self.work[v]
        for other in self._neighbours(v):
            if self.evicted[other]:
                a, b = self._root(v), self._root(other)
                if a != b:
                    self.parent[b] = a
                    self.together[a] += self.together[b]
        self._refresh(v)

    def _revive(self, v: int) -> None:
        if self.evicted[v]:
            self.evicted[v] = 0
            self.together[self._root(v)] -= self.work[v]
        self._refresh(v)

    def _refresh(self, v: int) -> None:
        """Recompute the evicted work around v and around its live neighbours."""
        live, evicted, together = self.live, self.evicted, self.together
        for w in (v, *self._neighbours(v)):
            if live[w] and self.may_go[w]:
                total = 0.0
                roots: list[int] = []
                for n in self._neighbours(w):
                    if evicted[n] and (root := self._root(n)) not in roots:
                        roots.append(root)
                        total += max(together[root], 0.0)
                self.around[w] = total

    def _root(self, v: int) -> int:
        parent = self.parent
        while parent[v] != v:
            parent[v] = parent[parent[v]]
            v = parent[v]
        return v

    def _neighbours(self, v: int) -> tuple[int, ...]:
        found = self.near[v]
        if found is None:
            problem = self.problem
            maker = problem.producer[v]
            near = list(problem.tasks[maker].inputs) if maker >= 0 else []
            for t in problem.readers[v][:8]:
                if problem.tasks[t].recomputable:
                    near += problem.tasks[t].outputs
            found = self.near[v] = tuple(dict.fromkeys(near))
        return found
