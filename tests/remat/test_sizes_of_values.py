"""Sizes that values decide are planned at their largest, so that budgets hold for all values."""

from __future__ import annotations

import numpy as np
import pytest

import penstock as ps
from penstock.memory.kernel_memory import allocated

ROWS, WIDTH = 512, 32
UNIT = allocated(ROWS * WIDTH * 4)


def normal() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((ROWS, WIDTH)).astype(np.float32)


def masked(x: ps.Tensor) -> ps.Tensor:
    """The rows whose first number is positive."""
    return ps.boolean_mask(x, x[:, 0] > -10.0)


def dealt(x: ps.Tensor) -> ps.Tensor:
    """The rows, most of them in one of two lists, put together again."""
    which = ps.cast(x[:, 0] > 10.0, ps.int32)
    return ps.concat(ps.dynamic_partition(x, which, 2), 0)


def found(x: ps.Tensor) -> ps.Tensor:
    """Numbers at the places where they are, which are all."""
    return ps.gather_nd(x, ps.where(x > -10.0))


def distinct(x: ps.Tensor) -> ps.Tensor:
    """The rows in a new order, by distinct numbers."""
    return ps.gather(x, ps.unique(ps.range(ROWS) + ps.cast(x[:, 0] * 0.0, ps.int32)).y)


def network(cut, budget=None):
    """A chain of steps behind an op whose size values decide; returns (input, gradient)."""
    x = ps.placeholder(ps.float32, [ROWS, WIDTH], name="x")
    h = cut(ps.sin(x))
    for _ in range(12):
        h = ps.tanh(h)
    (gradient,) = ps.gradients(ps.reduce_sum(h), x, memory_budget=budget)
    return x, gradient


@pytest.mark.parametrize("cut", [masked, dealt, found, distinct])
def test_a_budget_holds_whatever_values_decide(cut):
    with ps.Graph().as_default(), ps.Session() as session:
        x, plain = network(cut)
        expected, memory = session.run_with_memory(plain, {x: normal()})
    with ps.Graph().as_default(), ps.Session() as session:
        x, gradient = network(cut, "1GB")
        plan = session.explain_plan(gradient, {x: normal()}).recomputation
        needs = plan.evaluation.peak
        assert needs >= memory.peak - memory.live_before and not plan.guessed
    with ps.Graph().as_default(), ps.Session() as session:
        x, gradient = network(cut, int(needs * 0.75))
        result, memory = session.run_with_memory(gradient, {x: normal()})
        np.testing.assert_array_equal(result, expected)
        assert memory.share_peak <= needs * 0.75
        explained = session.explain_plan(gradient, {x: normal()})
        assert explained.recomputation.schedule.clones


def test_what_has_no_bound_is_told():
    x = ps.placeholder(ps.float32, [4])
    n = ps.cast(ps.reduce_sum(x), ps.int32)
    h = ps.fill(ps.stack([n]), 1.0) * x[0]
    (gradient,) = ps.gradients(ps.reduce_sum(ps.tanh(ps.tanh(h))), x, memory_budget="1MB")
    with ps.Session() as session:
        explained = session.explain_plan(gradient, {x: [1, 1, 1, 1]})
    plan = explained.recomputation
    assert "Tanh" in plan.guessed
    assert "sizes that only a run tells" in plan.explain()


def test_sizes_that_cannot_go_together_are_left_open():
    x = ps.placeholder(ps.float32, [6])
    y = ps.placeholder(ps.float32, [4])
    together = ps.boolean_mask(x, x > 0.0) + ps.boolean_mask(y, y > 0.0)
    (gradient,) = ps.gradients(ps.reduce_sum(ps.tanh(together)), x, memory_budget="1MB")
    with ps.Session() as session:
        feed = {x: [1, 1, 0, 0, 0, 1], y: [1, 1, 1, 0]}
        assert session.run(gradient, feed).shape == (6,)
        assert session.explain_plan(gradient, feed).recomputation.guessed
