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
from math import inf

from penstock.remat.blocks import Chain, find_chain
from penstock.remat.found import Found, better
from penstock.remat.infeasible import lower_bound
from penstock.remat.measure import measure
from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.refine import refine
from penstock.remat.search import local_search
from penstock.remat.stairs import Stairs
from penstock.remat.strategies.beam import Beam, beam
from penstock.remat.strategies.chain_dp import ChainTables
from penstock.remat.strategies.greedy import Stuck, evicted_by
from penstock.remat.strategies.lower_sets import Family
from penstock.remat.strategies.polish import polish
from penstock.remat.strategies.revolve import Uniform, is_uniform, uniform_chain

SMALL, MIDDLE, LARGE, SEARCHED, BEAMED = 120, 500, 2000, 120, 64  # tasks
LADDER = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7)  # parts of the budget that eviction aims at
STEP = 1.25  # tables of a chain are made for memories this far apart
LONGEST = 64  # blocks of a chain that tables are made for
SCORES = ("work", "patient", "balanced", "distance")
STEPS, HALVED = 24, 7  # steps from the least budget, which so much halving finds, to the plain peak
WIDE, WIDTHS = 40, ((100, 1000), (50, 400))  # tasks; states to keep and to look at in a stage
SLACK = 1.3  # eviction may repeat so much more than the best so far, for refining takes some away


class Repeating:
    """Sequences that repeat work, for a problem whose order does not fit by itself."""

    def __init__(self, problem: Problem, options: PlanOptions) -> None:
        """Measure the plain order."""
        self.problem, self.options = problem, options
        self.plain = measure(problem, range(len(problem.tasks)))
        self.bound = lower_bound(problem)
        self._tables: dict[int, ChainTables] = {}

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
        return self._beam(budget, inf).needs is not None

    def _beam(self, budget: int, most: float) -> Beam:
        """Search the states of a plan with less work than `most`."""
        tasks = len(self.problem.tasks)
        limit = self.problem.plain_cost
        limit += self.options.limit_recomputed * self.problem.forward_cost
        wide = WIDTHS[0] if tasks <= WIDE else WIDTHS[1]
        return beam(self.problem, budget, min(most, limit), *wide)

    @cached_property
    def least(self) -> Found:
        """The candidate with the smallest peak that halving the budget finds."""
        best, low = Found("plain", self.plain), self.bound
        tries = _tries(len(self.problem.tasks))
        for _ in range(12 if len(self.problem.tasks) <= LARGE else 5):
            if low >= best.needs.peak:
                break
            middle = (low + best.needs.peak) // 2
            found = min(self.candidates(middle, tries), key=lambda f: f.needs.peak, default=None)
            if found is None:
                low = middle + 1
            else:
                best = found
        return best

    def find(self, budget: int) -> Found | None:
        """Return the best sequence within the budget, or None."""
        if self.bound > budget:
            return None
        small = len(self.problem.tasks) <= SMALL
        best = self.stairs.best(budget) if self.stairs else None
        if small or best is None:
            best = better(self._best(budget, _tries(len(self.problem.tasks))), best, budget)
        if best is None and self.least.needs.peak <= budget:
            refined = refine(self.problem, self.least.needs, budget)
            best = self.least._replace(needs=refined)
        best = self._searched(best, budget)
        return self._polished(best, budget)

    @cached_property
    def stairs(self) -> Stairs | None:
        """The plans of smaller budgets, which may be better."""
        tasks = len(self.problem.tasks)
        if tasks > MIDDLE or self.uniform:
            return None
        scores = [(score, 1.0) for score in (SCORES if tasks <= SMALL else SCORES[:3])]
        low, high = self.bound, self.plain.peak
        for _ in range(HALVED):
            middle = (low + high) // 2
            if any(True for _ in self.candidates(middle, scores)):
                high = middle
            else:
                low = middle + 1
        ends = high, self.plain.peak
        return Stairs(self.problem, ends, STEPS, lambda budget: self._best(budget, scores))

    def _best(self, budget: int, tries: list[tuple[str, float]]) -> Found | None:
        """Return the best refined candidate within the budget, or None."""
        best: Found | None = None
        for found in self.candidates(budget, tries):
            refined = refine(self.problem, found.needs, budget)
            best = better(best, found._replace(needs=refined), budget)
            self.enough = best.needs.recomputed if best else self.options.limit_recomputed
        return best

    def candidates(self, budget: int, tries: list[tuple[str, float]]) -> Iterator[Found]:
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
        for score, part in tries:
            limit = min(self.options.limit_recomputed, SLACK * self.enough + 0.02)
            try:
                found = evicted_by(score, self.problem, int(budget * part), limit)
            except Stuck:
                continue
            if found.peak <= budget:
                yield Found(f"greedy {score}", found)

    def _searched(self, best: Found | None, budget: int) -> Found | None:
        """Improve a small problem's plan by search; without one, look for any that fits."""
        if not self.searching:
            return best
        if self.beaming:
            found = self._beam(budget, best.needs.cost if best else inf)
            if found.needs:
                best = better(best, Found("beam", found.needs), budget)
            if best and found.exact:
                return best
        start = best or self.least
        needs = local_search(self.problem, start.needs, budget, self.options.search_steps)
        if needs.peak > budget:
            return best
        refined = refine(self.problem, needs, budget)
        return better(best, Found(f"{start.strategy} + search", refined), budget)

    def _polished(self, best: Found | None, budget: int) -> Found | None:
        """Ask the optional solver for something better, and for a bound of the repeated work."""
        seconds = self.options.solver_seconds
        if not seconds:
            return best
        answer = polish(self.problem, best and best.needs.sequence.tolist(), budget, seconds)
        if answer.sequence:
            refined = refine(self.problem, measure(self.problem, answer.sequence), budget)
            best = better(best, Found("solver", refined), budget)
        bound = answer.bound / (self.problem.forward_cost or 1.0)
        exact = not any(task.in_place for task in self.problem.tasks)
        return best._replace(bound=bound) if best and exact else best


def _tries(tasks: int) -> list[tuple[str, float]]:
    if tasks <= SMALL:
        return [(score, part) for part in LADDER for score in SCORES]
    if tasks <= MIDDLE:
        return [(score, part) for part in LADDER[:2] for score in SCORES[:3]]
    return [(score, 1.0) for score in SCORES[: 2 if tasks <= LARGE else 1]]
