"""The bars that cost models decide: memory against repeated work on the networks of the bench.

Time is 1 + r/3 of plain (backward costs twice forward). Where an optimum is known, it is stated.
"""

import pytest

from benchmarks.checkpointing import networks
from penstock.remat.evaluate import evaluate
from penstock.remat.options import PlanOptions
from penstock.remat.plan import Plan
from penstock.remat.portfolio import plan_budget
from penstock.remat.problem import Problem
from penstock.remat.schedule import plain_schedule
from penstock.remat.strategies.chain_dp import chain_dp
from penstock.remat.strategies.revolve import revolve
from penstock.remat.strategies.sqrt_n_per_segment import sqrt_n_per_segment

OPTIONS = PlanOptions()


def within(problem: Problem, part: float) -> Plan:
    """Return the plan for a part of the plain peak."""
    return plan_budget(problem, int(part * evaluate(problem, plain_schedule(problem)).peak))


def time_ratio(plan: Plan) -> float:
    return 1 + plan.evaluation.recomputed / 3


@pytest.mark.parametrize(
    ("units", "least"), [(16, 0.859), (15, 0.869), (14, 0.970), (10, 1.475), (6, 2.778)]
)
def test_tanh_chain_of_100_values(units: int, least: float) -> None:
    """The input is one of the hundred values, and the gradient is counted."""
    problem = networks.tanh_chain(99)
    plan = plan_budget(problem, units)
    assert plan.evaluation.peak <= units
    assert plan.evaluation.recomputed <= 1.01 * least


@pytest.mark.parametrize(("length", "units"), [(64, 14), (256, 26), (1024, 48), (4096, 93)])
def test_memory_grows_like_the_root(length: int, units: int) -> None:
    plan = plan_budget(networks.tanh_chain(length - 1), units)
    assert plan.evaluation.peak <= units and plan.evaluation.recomputed <= 1.0


def test_the_tables_agree_with_the_closed_form() -> None:
    problem = networks.tanh_chain(59)
    for units in (5, 7, 10, 14):
        found = [strategy(problem, units, OPTIONS) for strategy in (chain_dp, revolve)]
        work = [evaluate(problem, schedule).recomputed for schedule in found if schedule]
        assert len(work) == 2 and work[0] == pytest.approx(work[1])


def test_residual_chain_fifteen_times_deeper() -> None:
    shallow = networks.residual_chain(19)
    memory = evaluate(shallow, plain_schedule(shallow)).peak
    plan = plan_budget(networks.residual_chain(19 * 15), memory)
    assert plan.evaluation.peak <= memory and plan.evaluation.recomputed <= 1.0


@pytest.mark.parametrize(("part", "most"), [(0.25, 1.12), (0.5, 1.03)])
def test_bottleneck_resnet_of_50_blocks(part: float, most: float) -> None:
    assert time_ratio(within(networks.resnet((3, 8, 36, 3)), part)) <= most


@pytest.mark.parametrize(("part", "most"), [(0.7, 1.05), (0.5, 1.16)])
def test_unet_of_depth_5(part: float, most: float) -> None:
    assert time_ratio(within(networks.unet(), part)) <= most


@pytest.mark.parametrize(("part", "most"), [(0.25, 1.14), (0.117, 1.24), (0.10, 1.27)])
def test_transformer_of_24_layers(part: float, most: float) -> None:
    assert time_ratio(within(networks.transformer(), part)) <= most


def test_lstm_at_a_twentieth_of_memory() -> None:
    """A hundred steps have less to gain than a thousand; the bench runs those."""
    assert within(networks.lstm(200), 0.1).evaluation.recomputed <= 1.0


def test_the_baseline_is_what_was_published() -> None:
    problem = networks.tanh_chain(99)
    result = evaluate(problem, sqrt_n_per_segment(problem, None, OPTIONS))
    assert result.peak <= 20 and result.recomputed == pytest.approx(0.9, abs=0.1)
