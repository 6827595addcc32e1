"""Peak memory against repeated work: the plans worth choosing between."""

from __future__ import annotations

from penstock.remat.found import Found
from penstock.remat.options import PlanOptions
from penstock.remat.plan import Plan
from penstock.remat.portfolio import Planner
from penstock.remat.problem import Problem


def pareto(problem: Problem, points: int = 20, options: PlanOptions | None = None) -> list[Plan]:
    """Return plans from the smallest budget met to the plain peak, smallest peak first.

    Budgets are spread evenly. Along the list peaks grow and repeated work falls, strictly: a plan
    found for a smaller budget is carried on where a larger one finds nothing better. Each plan is
    the one that `plan_budget` makes for its `budget`.
    """
    planner = Planner(problem, options)
    low, high = planner.inner.bound, planner.plain.peak
    budgets = sorted({low + (high - low) * i // points for i in range(points + 1)})
    front: list[tuple[int, Found]] = []
    for budget in budgets:
        found = planner.find(budget)
        if found is None or (front and found.needs.cost >= front[-1][1].needs.cost):
            continue
        front = [(b, f) for b, f in front if f.needs.peak < found.needs.peak]
        front.append((budget, found))
    return [planner.made(found, budget) for budget, found in front]
