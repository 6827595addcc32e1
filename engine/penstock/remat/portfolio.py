"""The best schedule within a hard limit: several strategies, one answer.

The plain order is taken when it fits, so a generous budget costs nothing. Then the orders that need
less memory without repeating; then the dynamic program for chains, greedy eviction by several
scores and lower sets; each result is refined, the least repeated work wins and the earlier
strategy on a tie. How much is tried depends on the number of tasks and never on the clock, so a
plan is the same each time (an optional solver with a time limit excepted).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from penstock.remat.evaluate import evaluate
from penstock.remat.infeasible import Infeasible, lower_bound
from penstock.remat.options import PlanOptions
from penstock.remat.plan import Plan
from penstock.remat.problem import Problem
from penstock.remat.refine import refine
from penstock.remat.reorder import eager_order, in_given_order, reordered
from penstock.remat.schedule import Schedule, plain_schedule
from penstock.remat.search import local_search
from penstock.remat.strategies.chain_dp import chain_dp
from penstock.remat.strategies.greedy import Stuck, greedy_by
from penstock.remat.strategies.lower_sets import lower_sets
from penstock.remat.strategies.polish import polish
from penstock.remat.strategies.revolve import revolve

SMALL, MIDDLE, LARGE, SEARCHED = 120, 500, 2000, 120  # tasks
LADDER = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7)  # parts of the budget that eviction aims at


def plan_budget(problem: Problem, budget: int, options: PlanOptions | None = None) -> Plan:
    """Return a plan whose peak is at most `budget` bytes, or raise `Infeasible`."""
    options = options or PlanOptions()
    plain = plan_of(problem, plain_schedule(problem), "plain", budget)
    if plain.evaluation.peak <= budget:
        return plain
    order = eager_order(problem)
    moved = reordered(problem, order)
    eager = plan_of(moved, plain_schedule(moved), "order", budget)
    if eager.evaluation.peak >= plain.evaluation.peak:
        return _plan_repeating(problem, budget, options)
    if eager.evaluation.peak > budget:
        eager = _plan_repeating(moved, budget, options)
    back = plan_of(problem, in_given_order(eager.schedule, order), eager.strategy, budget)
    return back


def _plan_repeating(problem: Problem, budget: int, options: PlanOptions) -> Plan:
    """Return a plan for a problem whose plain order does not fit."""
    bound = lower_bound(problem)
    best: Plan | None = None
    if bound <= budget:
        for name, schedule in candidates(problem, budget, options):
            better = refine(problem, schedule, budget)
            best = _better(best, plan_of(problem, better, name, budget))
        best = _searched(problem, best, budget, options)
        best = _polished(problem, best, budget, options)
    if best is None:
        known = smallest_found(problem, options) if options.smallest else None
        peak = (known or plan_of(problem, plain_schedule(problem), "plain")).evaluation.peak
        raise Infeasible(budget, peak, bound)
    return best


def plan_of(problem: Problem, schedule: Schedule, name: str, budget: int | None = None) -> Plan:
    """Evaluate a schedule. Raises ValueError when it is invalid."""
    result = evaluate(problem, schedule)
    if not result.valid:
        raise ValueError(f"strategy {name} made an invalid schedule: {result.reason}")
    return Plan(problem, schedule, result, name, budget)


def candidates(
    problem: Problem, budget: int, options: PlanOptions
) -> Iterator[tuple[str, Schedule]]:
    """Yield schedules to choose from; all fit the budget on paper."""
    for name, strategy in (("revolve", revolve), ("chain", chain_dp)):
        planned = strategy(problem, budget, options)
        if planned and evaluate(problem, planned).peak <= budget:
            yield name, planned
            if name == "revolve":
                return
    if len(problem.tasks) <= MIDDLE:
        by_sets = lower_sets(problem, budget, options)
        if by_sets:
            yield "lower sets", by_sets
    for score, part in _tries(len(problem.tasks)):
        try:
            schedule = greedy_by(score, problem, int(budget * part), options)
        except Stuck:
            continue
        if evaluate(problem, schedule).peak <= budget:
            yield f"greedy {score}", schedule


def _tries(tasks: int) -> list[tuple[str, float]]:
    scores = ["work", "patient", "balanced"]
    if tasks <= SMALL:
        return [(score, part) for part in LADDER for score in (*scores, "distance")]
    if tasks <= MIDDLE:
        return [(score, part) for part in LADDER[:2] for score in scores]
    return [(score, 1.0) for score in scores[: 2 if tasks <= LARGE else 1]]


def _better(best: Plan | None, plan: Plan) -> Plan | None:
    if plan.budget is not None and plan.evaluation.peak > plan.budget:
        return best
    if best is None or plan.evaluation.cost < best.evaluation.cost * (1 - 1e-12):
        return plan
    return best


def _searched(
    problem: Problem, best: Plan | None, budget: int, options: PlanOptions
) -> Plan | None:
    """Improve a small problem's plan by local search; without one, look for any that fits."""
    if len(problem.tasks) > SEARCHED or not options.search_steps:
        return best
    start = best or smallest_found(problem, options)
    found = local_search(problem, start.schedule, budget, options.search_steps)
    found = plan_of(problem, found, f"{start.strategy} + search", budget).schedule
    if evaluate(problem, found).peak > budget:
        return best
    refined = refine(problem, found, budget)
    return _better(best, plan_of(problem, refined, f"{start.strategy} + search", budget))


def _polished(
    problem: Problem, best: Plan | None, budget: int, options: PlanOptions
) -> Plan | None:
    """Ask the optional solver for something better, and for a bound of the repeated work."""
    if not options.solver_seconds:
        return best
    hint = best.schedule if best else None
    answer = polish(problem, hint, budget, options.solver_seconds)
    if answer.schedule:
        refined = refine(problem, answer.schedule, budget)
        best = _better(best, plan_of(problem, refined, "solver", budget))
    bound = answer.bound / (problem.forward_cost or 1.0)
    exact = not any(task.in_place for task in problem.tasks)
    return replace(best, least_recomputed=bound) if best and exact else best


def smallest_found(problem: Problem, options: PlanOptions, rounds: int = 12) -> Plan:
    """Return the plan with the smallest peak that halving the budget finds."""
    best = plan_of(problem, plain_schedule(problem), "plain")
    low = lower_bound(problem)
    for _ in range(rounds):
        if low >= best.evaluation.peak:
            break
        middle = (low + best.evaluation.peak) // 2
        found = [plan_of(problem, s, name) for name, s in candidates(problem, middle, options)]
        smallest = min(found, key=lambda plan: plan.evaluation.peak, default=None)
        if smallest is None:
            low = middle + 1
        else:
            best = smallest
    return best
