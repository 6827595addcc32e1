"""Along stairs of budgets, work never grows, however erratic the proposals are."""

from hypothesis import given, settings

from penstock.remat.found import Found
from penstock.remat.measure import measure
from penstock.remat.portfolio import Planner
from penstock.remat.problem import Problem
from penstock.remat.stairs import LANDINGS, Stairs
from penstock.remat.strategies.greedy import Stuck, evicted_by
from tests.remat.problems import random_problem, seeds


def erratic(problem: Problem, budget: int) -> Found | None:
    """Propose well, badly or nothing, as the last digit says."""
    aim = (budget, budget * 7 // 10, 0)[budget % 3]
    try:
        return Found("erratic", evicted_by("work", problem, aim, 30.0))
    except Stuck:
        return None


@given(seeds)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_work_never_grows(seed: int) -> None:
    problem = random_problem(seed, 10)
    planner = Planner(problem)
    low, high = planner.inner.bound, planner.inner.plain.peak
    stairs = Stairs(problem, (low, high), 6, lambda budget: erratic(problem, budget))
    last = float("inf")
    for budget in range(low, high):
        found = stairs.best(budget)
        if found is None:
            assert last == float("inf"), "a smaller budget was met"
            continue
        assert found.needs.peak <= budget and found.needs.cost <= last
        last = found.needs.cost
        assert found.needs.peak == measure(problem, found.needs.sequence).peak


def test_each_step_is_proposed_for_once() -> None:
    problem = random_problem(3, 10)
    asked: list[int] = []

    def propose(budget: int) -> Found | None:
        asked.append(budget)
        return None

    stairs = Stairs(problem, (100, 1000), 5, propose)
    for budget in (50, 1000, 600, 1000):
        assert stairs.best(budget) is None
    assert len(asked) == 5 and asked == sorted(asked) and LANDINGS > 1
