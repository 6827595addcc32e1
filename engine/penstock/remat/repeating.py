"""Sequences that repeat work to fit a budget: the candidates, and the choice among them.

Enters: a problem whose order does not fit by itself, and a budget. Leaves: the sequence with the
least repeated work that was found. The dynamic program for chains, lower sets and greedy eviction
by several scores propose; each proposal is refined. Plans of smaller budgets are looked at, too,
for they may be better. Small problems are then searched, and an optional solver has the last word.
What the plans of one problem share is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from penstock.remat.blocks import Chain, find_chain
from penstock.remat.infeasible import lower_bound
from penstock.remat.measure import Measured, measure
from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.refine import refine
from penstock.remat.search import local_search
from penstock.remat.strategies.beam import beam
from penstock.remat.strategies.chain_dp import ChainTables
from penstock.remat.strategies.greedy import Stuck, evicted_by
from penstock.remat.strategies.lower_sets import Family
from penstock.remat.strategies.polish import polish
from penstock.remat.strategies.revolve import Uniform, is_uniform, uniform_chain

SMALL, MIDDLE, LARGE, SEARCHED, BEAMED = 120, 500, 2000, 120, 64  # tasks
LADDER = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7)  # parts of the budget that eviction aims at
STEP = 1.25  # tables of a chain are made for memories this far apart
LONGEST = 64  # blocks of a chain that tables are made for
RUNGS, TRIED_BELOW = 20, 2  # plans of so many smaller budgets are tried, too
TIGHT = 0.5  # forward passes; plans that repeat more are compared with those of all smaller budgets
SLACK = 1.3  # eviction may repeat so much more than the best so far, for refining takes some away


class Found(NamedTuple):
    """A sequence, what made it, and a proven bound of the repeated work."""

    strategy: str
    needs: Measured
    bound: float = 0.0


class Repeating:
    """Sequences that repeat work, for a problem whose order does not fit by itself."""

    def __init__(self, problem: Problem, options: PlanOptions) -> None:
        """Measure the plain order."""
        self.problem, self.options = problem, options
        self.plain = measure(problem, range(len(problem.tasks)))
        self.bound = lower_bound(problem)
        self._tables: dict[int, ChainTables] = {}
        self._found: dict[int, Found | None] = {}

    @cached_property
    def chain(self) -> Chain | None:
        """The problem as a chain of at most LONGEST blocks."""
        return find_chain(self.problem, LONGEST)

    @cached_property
    def uniform(self) -> Uniform | None:
        """The problem as a uniform chain."""
        if self.chain is None:
            return None
        if self.chain.thinned:
            return uniform_chain(self.problem)
        return Uniform(self.problem, self.chain) if is_uniform(self.chain) else None

    @cached_property
    def family(self) -> Family:
        """The lower sets."""
        return Family(self.problem)

    def tables(self, most: int) -> ChainTables | None:
        """Return the tables of the chain for memories up to at least `most` bytes."""
        if self.chain is None:
            return None
        room = max(self.plain.peak, 1)
        while room / STEP >= most and room > 1:
            room = int(room / STEP)
        if room not in self._tables:
            self._tables[room] = ChainTables(self.problem, self.chain, room)
        return self._tables[room]

    @property
    def searching(self) -> bool:
        """Whether the problem is small enough for local search."""
        return len(self.problem.tasks) <= SEARCHED and self.options.search_steps > 0

    @property
    def beaming(self) -> bool:
        """Whether the problem is small enough for a search state by state."""
        return self.searching and len(self.problem.tasks) <= BEAMED

    def reaches(self, budget: int) -> bool:
        """Tell whether a search of states finds anything, whatever it repeats."""
        return beam(self.problem, budget, self._most).needs is not None

    @cached_property
    def least(self) -> Found:
        """The candidate with the smallest peak that halving the budget finds."""
        best, low = Found("plain", self.plain), self.bound
        for _ in range(12 if len(self.problem.tasks) <= LARGE else 5):
            if low >= best.needs.peak:
                break
            middle = (low + best.needs.peak) // 2
            found = min(self.candidates(middle), key=lambda f: f.needs.peak, default=None)
            if found is None:
                low = middle + 1
            else:
                best = found
        return best

    def find(self, budget: int) -> Found | None:
        """Return the best sequence within the budget, or None."""
        if self.bound > budget:
            return None
        best = self._tried(budget)
        for rung in self._rungs(budget) if best else ():
            lower = self._tried(rung)
            best = _better(best, lower, budget) if lower else best
        if best is None and self.least.needs.peak <= budget:
            refined = refine(self.problem, self.least.needs, budget)
            best = self.least._replace(needs=refined)
        for rung in self._tight_rungs(best, budget):
            lower = self._tried(rung)
            best = _better(best, lower, budget) if lower else best
        best = self._searched(best, budget)
        return self._polished(best, budget)

    def _rungs(self, budget: int) -> list[int]:
        """Return the next lower twentieths of the plain peak, whose plans might be better."""
        if len(self.problem.tasks) > MIDDLE or self.uniform:
            return []
        below = [self.plain.peak * k // RUNGS for k in range(RUNGS)]
        return [rung for rung in below if self.bound <= rung < budget][: -1 - TRIED_BELOW : -1]

    def _tight_rungs(self, best: Found | None, budget: int) -> list[int]:
        """Return smaller budgets, down to the least, where little room makes plans erratic."""
        small = len(self.problem.tasks) <= MIDDLE and not self.uniform
        if not small or best is None or best.needs.recomputed <= TIGHT:
            return []
        least = self.least.needs.peak
        steps = [least + (self.plain.peak - least) * k // RUNGS for k in range(RUNGS)]
        return [rung for rung in steps if rung < budget]

    def _tried(self, budget: int) -> Found | None:
        """Return the best refined candidate within the budget, or None."""
        if budget not in self._found:
            best: Found | None = None
            for found in self.candidates(budget):
                refined = refine(self.problem, found.needs, budget)
                best = _better(best, found._replace(needs=refined), budget)
                self.enough = best.needs.recomputed if best else self.options.limit_recomputed
            self._found[budget] = best
        return self._found[budget]

    def candidates(self, budget: int) -> Iterator[Found]:
        """Yield sequences to choose from; all fit the budget on paper."""
        self.enough = self.options.limit_recomputed
        tasks = len(self.problem.tasks)
        if self.uniform:
            found = self.uniform.best(budget)
            if found:
                yield Found("revolve", found)
                return
        tables = self.tables(int(budget * 1.1))
        if tables:
            found = tables.best(budget)
            if found:
                yield Found("chain", found)
        if tasks <= MIDDLE:
            found = self.family.best(budget)
            if found:
                yield Found("lower sets", found)
        for score, part in _tries(tasks):
            limit = min(self.options.limit_recomputed, SLACK * self.enough + 0.02)
            try:
                found = evicted_by(score, self.problem, int(budget * part), limit)
            except Stuck:
                continue
            if found.peak <= budget:
                yield Found(f"greedy {score}", found)

    @property
    def _most(self) -> float:
        """Return the whole work that plans stay below."""
        return self.problem.plain_cost + self.options.limit_recomputed * self.problem.forward_cost

    def _searched(self, best: Found | None, budget: int) -> Found | None:
        """Improve a small problem's plan by search; without one, look for any that fits."""
        if not self.searching:
            return best
        if self.beaming:
            found = beam(self.problem, budget, best.needs.cost if best else self._most)
            if found.needs:
                best = _better(best, Found("beam", found.needs), budget)
            if best and found.exact:
                return best
        start = best or self.least
        needs = local_search(self.problem, start.needs, budget, self.options.search_steps)
        if needs.peak > budget:
            return best
        refined = refine(self.problem, needs, budget)
        return _better(best, Found(f"{start.strategy} + search", refined), budget)

    def _polished(self, best: Found | None, budget: int) -> Found | None:
        """Ask the optional solver for something better, and for a bound of the repeated work."""
        seconds = self.options.solver_seconds
        if not seconds:
            return best
        answer = polish(self.problem, best and best.needs.sequence.tolist(), budget, seconds)
        if answer.sequence:
            refined = refine(self.problem, measure(self.problem, answer.sequence), budget)
            best = _better(best, Found("solver", refined), budget)
        bound = answer.bound / (self.problem.forward_cost or 1.0)
        exact = not any(task.in_place for task in self.problem.tasks)
        return best._replace(bound=bound) if best and exact else best


def _tries(tasks: int) -> list[tuple[str, float]]:
    scores = ["work", "patient", "balanced"]
    if tasks <= SMALL:
        return [(score, part) for part in LADDER for score in (*scores, "distance")]
    if tasks <= MIDDLE:
        return [(score, part) for part in LADDER[:2] for score in scores]
    return [(score, 1.0) for score in scores[: 2 if tasks <= LARGE else 1]]


def _better(best: Found | None, found: Found, budget: int) -> Found | None:
    if found.needs.peak > budget or not found.needs.valid:
        return best
    if best is None or found.needs.cost < best.needs.cost * (1 - 1e-12):
        return found
    return best
