"""Peak memory against repeated work: the plans worth choosing between."""

from __future__ import annotations

from penstock.remat.infeasible import Infeasible, lower_bound
from penstock.remat.options import PlanOptions
from penstock.remat.plan import Plan
from penstock.remat.portfolio import plan_budget, plan_of
from penstock.remat.problem import Problem
from penstock.remat.refine import refine
from penstock.remat.schedule import plain_schedule


def plan_pareto(
    problem: Problem, points: int = 20, options: PlanOptions | None = None
) -> list[Plan]:
    """Return plans from the smallest budget met to the plain peak, smallest peak first.

    Budgets are spread evenly. Along the list peaks grow and repeated work falls, strictly: a plan
    found for a smaller budget is carried on and refined where a larger one finds nothing better.
    """
    plain = plan_of(problem, plain_schedule(problem), "plain")
    low, high = lower_bound(problem), plain.evaluation.peak
    budgets = sorted({low + (high - low) * i // points for i in range(points + 1)})
    front: list[Plan] = []
    carried: Plan | None = None
    for budget in budgets:
        try:
            found = plan_budget(problem, budget, options)
        except Infeasible:
            continue
        if carried:
            again = refine(problem, carried.schedule, budget)
            held = plan_of(problem, again, carried.strategy, budget)
            if held.evaluation.cost <= found.evaluation.cost:
                found = held
        carried = found
        if not front or found.evaluation.cost < front[-1].evaluation.cost:
            front = [plan for plan in front if plan.evaluation.peak < found.evaluation.peak]
            front.append(found)
    return front
