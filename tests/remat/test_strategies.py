"""Every strategy against the optimum of tiny problems, and the properties all plans have."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from benchmarks.checkpointing import networks, optimum
from penstock.errors import FailedPreconditionError
from penstock.remat import solvers
from penstock.remat.evaluate import evaluate
from penstock.remat.infeasible import Infeasible, lower_bound
from penstock.remat.options import PlanOptions
from penstock.remat.pareto import pareto
from penstock.remat.plan import Plan
from penstock.remat.portfolio import Planner, plan_budget
from penstock.remat.problem import Problem
from penstock.remat.recompute import saved_values
from penstock.remat.schedule import from_sequence
from penstock.remat.solvers import BACKENDS, installed
from penstock.remat.strategies.chain_dp import chain_dp
from penstock.remat.strategies.greedy import SCORES, Stuck, greedy_by
from penstock.remat.strategies.keep_values import keep_values
from penstock.remat.strategies.lower_sets import lower_sets
from penstock.remat.strategies.memory import memory
from penstock.remat.strategies.polish import polish
from penstock.remat.strategies.revolve import revolve
from penstock.remat.strategies.sqrt_n_per_segment import sqrt_n_per_segment
from tests.remat.exact import least_cost, smallest_budget
from tests.remat.problems import plain_peak, random_problem, seeds

FAST = PlanOptions(search_steps=150)
few = settings(max_examples=6, deadline=None, derandomize=True)


def planned(problem: Problem, budget: int) -> Plan | None:
    try:
        return plan_budget(problem, budget, FAST)
    except Infeasible:
        return None


@given(seeds)
@few
def test_keep_sets_give_valid_schedules(seed: int) -> None:
    problem = random_problem(seed, 8)
    for keep in ([], saved_values(problem)[::2], range(len(problem.values))):
        result = evaluate(problem, keep_values(problem, keep))
        assert result.valid, result.reason
    assert keep_values(problem, range(len(problem.values))).clones == 0


@given(seeds)
@few
def test_strategies_give_valid_schedules_within_the_budget(seed: int) -> None:
    problem = random_problem(seed, 10)
    peak = plain_peak(problem)
    for budget in (int(0.6 * peak), int(0.8 * peak), peak):
        schedules = [chain_dp(problem, budget, FAST), revolve(problem, budget, FAST)]
        for score in SCORES:
            try:
                schedules.append(greedy_by(score, problem, budget, FAST))
            except Stuck:
                continue
        for schedule in schedules:
            if schedule is not None:
                result = evaluate(problem, schedule)
                assert result.valid, result.reason
                assert result.peak <= budget
    for schedule in (sqrt_n_per_segment(problem, None, FAST), memory(problem, None, FAST)):
        assert evaluate(problem, schedule).valid


@given(seeds)
@settings(few, max_examples=4)
def test_plans_never_beat_the_optimum_and_come_near_it(seed: int) -> None:
    problem = random_problem(seed, 3, in_place=False)
    peak, least = plain_peak(problem), smallest_budget(problem)
    assert lower_bound(problem) <= least
    for budget in sorted({least, (least + peak) // 2, peak}):
        optimum = least_cost(problem, budget)
        plan = planned(problem, budget)
        assert optimum is not None
        assert plan is not None, (least, budget)
        assert plan.evaluation.cost >= optimum - 1e-9
        assert plan.evaluation.cost <= 1.1 * optimum
    if least > 0:
        assert planned(problem, least - 1) is None


@given(seeds)
@few
def test_work_falls_as_the_budget_grows(seed: int) -> None:
    problem = random_problem(seed, 7)
    front = pareto(problem, 6, replace(FAST, search_steps=30))
    peaks = [plan.evaluation.peak for plan in front]
    work = [plan.evaluation.recomputed for plan in front]
    assert peaks == sorted(set(peaks)) and work == sorted(set(work), reverse=True)
    assert work[-1] == 0.0


def test_a_generous_budget_repeats_nothing() -> None:
    for seed in range(20):
        problem = random_problem(seed, 12)
        plan = plan_budget(problem, plain_peak(problem))
        assert plan.strategy == "plain" and plan.schedule.clones == 0


def test_plans_repeat() -> None:
    problem = random_problem(3, 12)
    budget = int(0.8 * plain_peak(problem))
    first, second = (plan_budget(problem, budget, FAST) for _ in range(2))
    assert first.schedule == second.schedule


@given(seeds)
@few
def test_an_infeasible_budget_names_a_feasible_one(seed: int) -> None:
    problem = random_problem(seed, 8)
    with pytest.raises(Infeasible, match="smallest found needs") as caught:
        plan_budget(problem, 0, FAST)
    error = caught.value
    assert error.budget == 0 and error.lower_bound <= error.smallest
    assert plan_budget(problem, error.smallest, FAST).evaluation.peak <= error.smallest


def test_without_local_search_the_smallest_is_feasible_too() -> None:
    problem = networks.unet(3)
    quick = replace(FAST, search_steps=0)
    with pytest.raises(Infeasible) as caught:
        plan_budget(problem, 1, quick)
    assert plan_budget(problem, caught.value.smallest, quick).schedule.clones


@pytest.mark.parametrize("problem", [networks.unet(3), networks.residual_chain(12)])
def test_twenty_growing_budgets_never_repeat_more(problem: Problem) -> None:
    planner = Planner(problem, replace(FAST, search_steps=0))
    last = float("inf")
    for k in range(1, 21):
        budget = planner.plain.peak * k // 20
        found = planner.find(budget)
        if found is None:
            assert last == float("inf"), "a smaller budget was feasible"
            continue
        assert found.needs.peak <= budget and found.needs.cost <= last * (1 + 1e-9)
        last = found.needs.cost
    assert last == pytest.approx(problem.plain_cost)


def test_explain_names_what_is_made_again() -> None:
    problem = random_problem(3, 12)
    plan = plan_budget(problem, int(0.8 * plain_peak(problem)), FAST)
    text = plan.explain()
    assert "planned peak" in text and "made again: " in text and plan.dropped
    assert ": 1x, " in text


@given(seeds)
@few
def test_lower_sets_keep_within_the_budget(seed: int) -> None:
    problem = random_problem(seed, 10)
    budget = int(0.8 * plain_peak(problem))
    schedule = lower_sets(problem, budget, FAST)
    if schedule is not None:
        result = evaluate(problem, schedule)
        assert result.valid and result.peak <= budget, result.reason


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_solver_finds_the_optimum(backend: str) -> None:
    if backend not in installed():
        pytest.skip("needs the extra `solvers`")
    for seed in range(2):
        problem = random_problem(seed, 4, in_place=False)
        budget = (smallest_budget(problem) + plain_peak(problem)) // 2
        answer = polish(problem, None, budget, 10.0, backend)
        assert answer.sequence is not None
        result = evaluate(problem, from_sequence(problem, answer.sequence))
        assert result.valid and result.peak <= budget
        assert result.cost == pytest.approx(least_cost(problem, budget))
        assert answer.bound + problem.plain_cost <= result.cost + 1e-3
        if backend == "cp_sat":
            assert polish(problem, None, smallest_budget(problem) - 1, 10.0, backend).infeasible


def test_a_solver_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "installed", list)
    problem = random_problem(3, 4)
    with pytest.raises(FailedPreconditionError, match=r"penstock\[solvers\]"):
        plan_budget(problem, int(0.8 * plain_peak(problem)), replace(FAST, solver_seconds=1.0))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_plans_are_near_the_optimum(seed: int) -> None:
    """The bench `checkpointing.optimum` judges fifty graphs, with a solver."""
    if not installed():
        pytest.skip("needs the extra `solvers`")
    problem, score = optimum.graph(seed), optimum.Score()
    for part in optimum.PARTS:
        score.add("", problem, int(part * plain_peak(problem)), 20.0)
    assert not score.missed and max(score.plain, default=1.0) <= 1.1
    assert max(score.solved, default=1.0) <= 1.01
