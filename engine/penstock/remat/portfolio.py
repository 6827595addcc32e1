"""The best schedule within a hard limit: several strategies, one answer.

The plain order is taken when it fits, so a generous budget costs nothing. Then the order that needs
less memory without repeating; then what repeats work (`Repeating`), where the least repeated work
wins and the earlier strategy on a tie. How much is tried depends on the number of tasks and never
on the clock, so a plan is the same each time (an optional solver with a time limit excepted). A
`Planner` keeps what the plans of one problem share.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from penstock.remat.evaluate import evaluate
from penstock.remat.found import Found
from penstock.remat.infeasible import Infeasible
from penstock.remat.measure import measure
from penstock.remat.options import PlanOptions
from penstock.remat.plan import Plan
from penstock.remat.problem import Problem
from penstock.remat.reorder import eager_order, reordered
from penstock.remat.repeating import Repeating
from penstock.remat.schedule import Schedule, place_frees


def plan_budget(problem: Problem, budget: int, options: PlanOptions | None = None) -> Plan:
    """Return a plan whose peak is at most `budget` bytes, or raise `Infeasible`."""
    return Planner(problem, options).plan(budget)


def plan_of(problem: Problem, schedule: Schedule, name: str, budget: int | None = None) -> Plan:
    """Evaluate a schedule. Raises ValueError when it is invalid."""
    result = evaluate(problem, schedule)
    if not result.valid:
        raise ValueError(f"strategy {name} made an invalid schedule: {result.reason}")
    return Plan(problem, schedule, result, name, budget)


class Planner:
    """Plans of one problem for any budgets."""

    def __init__(self, problem: Problem, options: PlanOptions | None = None) -> None:
        """Find out whether another order needs less memory; all else waits until it is wanted."""
        self.given, self.options = problem, options or PlanOptions()
        self.plain = measure(problem, range(len(problem.tasks)))
        self._found: dict[int, Found | None] = {}

    @cached_property
    def order(self) -> list[int] | None:
        """The order that plans start from, None where the given order needs no more."""
        order = eager_order(self.given)
        return order if measure(self.given, order).peak < self.plain.peak else None

    @cached_property
    def inner(self) -> Repeating:
        """The search for repetitions, in the better order."""
        problem = self.given if self.order is None else reordered(self.given, self.order)
        return Repeating(problem, self.options)

    def plan(self, budget: int) -> Plan:
        """Return a plan whose peak is at most `budget` bytes, or raise `Infeasible`."""
        found = self.find(budget)
        if found is None:
            smallest = self.smallest() if self.options.smallest else self.inner.plain.peak
            raise Infeasible(budget, smallest, self.inner.bound)
        return self.made(found, budget)

    def made(self, found: Found, budget: int | None = None) -> Plan:
        """Return the plan of a sequence."""
        schedule = place_frees(self.given, found.needs.sequence.tolist())
        plan = plan_of(self.given, schedule, found.strategy, budget)
        return replace(plan, least_recomputed=found.bound)

    def find(self, budget: int) -> Found | None:
        """Return the best sequence within the budget, or None. What was found is kept."""
        if budget not in self._found:
            self._found[budget] = self._find(budget)
        return self._found[budget]

    def _find(self, budget: int) -> Found | None:
        if self.plain.peak <= budget:
            return Found("plain", self.plain)
        if self.order is not None and self.inner.plain.peak <= budget:
            return self.in_given_order(Found("order", self.inner.plain))
        found = self.inner.find(budget)
        return found and self.in_given_order(found)

    def in_given_order(self, found: Found) -> Found:
        """Return a sequence of the better order as one of the given problem."""
        if self.order is None:
            return found
        order = self.order
        sequence = [order[t] for t in found.needs.sequence.tolist()]
        return found._replace(needs=measure(self.given, sequence))

    def smallest(self) -> int:
        """Return the smallest budget that a plan was found for; planning with it succeeds.

        What halving finds without searching is feasible by construction (`Repeating.least`);
        below that, states are searched, or local search is asked a few times.
        """
        low, high = self.inner.bound, self.inner.least.needs.peak
        tries = 0 if not self.inner.searching else high if self.inner.beaming else 3
        while tries and low < high:
            tries -= 1
            middle = (low + high) // 2
            if self.inner.reaches(middle) if self.inner.beaming else self.find(middle):
                high = middle
            else:
                low = middle + 1
        return high
