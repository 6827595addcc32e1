"""The search of states: the optimum where it leaves nothing out, valid sequences where it does."""

import pytest
from hypothesis import given, settings

from benchmarks.checkpointing import optimum
from penstock.remat.portfolio import Planner
from penstock.remat.strategies.beam import beam
from tests.remat.exact import least_cost, smallest_budget
from tests.remat.problems import plain_peak, random_problem, seeds

few = settings(max_examples=6, deadline=None, derandomize=True)


@given(seeds)
@few
def test_it_finds_the_optimum_of_tiny_problems(seed: int) -> None:
    problem = random_problem(seed, 3, in_place=False)
    peak, least = plain_peak(problem), smallest_budget(problem)
    for budget in sorted({least, (least + peak) // 2, peak}):
        found = beam(problem, budget)
        assert found.exact and found.needs is not None
        assert found.needs.cost == pytest.approx(least_cost(problem, budget))
    below = beam(problem, least - 1)
    assert below.exact and below.needs is None


@given(seeds)
@few
def test_a_narrow_beam_gives_valid_sequences_too(seed: int) -> None:
    problem = random_problem(seed, 12)
    budget = int(0.8 * plain_peak(problem))
    for width in (1, 30):
        needs = beam(problem, budget, width=width).needs
        assert needs is None or (needs.valid and needs.peak <= budget)


def test_nothing_that_repeats_as_much_is_returned() -> None:
    problem = random_problem(3, 12)
    budget = int(0.8 * plain_peak(problem))
    needs = beam(problem, budget).needs
    assert needs is not None
    assert beam(problem, budget, needs.cost).needs is None
    again = beam(problem, budget, needs.cost + 1e-3).needs
    assert again is not None and again.cost == needs.cost


@pytest.mark.parametrize(("seed", "least"), [(11, 20), (27, 26), (41, 35)])
def test_the_least_memory_of_a_graph_is_found(seed: int, least: int) -> None:
    """A solver proved that none of these can do with less."""
    problem = optimum.graph(seed)
    planner = Planner(problem)
    assert planner.smallest() == least
    found = planner.find(least)
    assert found is not None and found.needs.peak <= least
