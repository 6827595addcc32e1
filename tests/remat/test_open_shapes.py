"""A budget when the graph leaves sizes open: planned for the values that are fed."""

from __future__ import annotations

import numpy as np
import pytest

import penstock as ps
from penstock.remat.infeasible import Infeasible

BUDGET = 300_000


def network(budget: int | None, width: int = 32, depth: int = 24):
    """A chain whose batch is open; returns (input, gradient)."""
    x = ps.placeholder(ps.float32, [None, width], name="x")
    h = x
    for _ in range(depth):
        h = ps.tanh(h)
    (gradient,) = ps.gradients(ps.reduce_sum(h), x, memory_budget=budget)
    return x, gradient


def values(rows: int, width: int = 32) -> np.ndarray:
    return np.random.default_rng(rows).standard_normal((rows, width)).astype(np.float32)


def repeats(explanation) -> int:
    return sum("_recomputed" in node.attrs for node in explanation.ir)


def test_each_size_has_its_plan():
    x, gradient = network(BUDGET)
    with ps.Graph().as_default():
        y, plain = network(None)
        with ps.Session() as session:
            expected = {n: session.run(plain, {y: values(n)}) for n in (8, 64, 300)}
    with ps.Session() as session:
        for n in (8, 300, 64, 300):
            np.testing.assert_array_equal(session.run(gradient, {x: values(n)}), expected[n])
        needed = {}
        for n in (8, 64, 300):
            result, memory = session.run_with_memory(gradient, {x: values(n)})
            np.testing.assert_array_equal(result, expected[n])
            needed[n] = memory.peak - memory.live_before
            explained = session.explain_plan(gradient, {x: values(n)})
            assert (repeats(explained) > 0) == (n == 300)
        assert needed[8] < needed[64] <= needed[300] <= BUDGET


def test_a_size_for_which_nothing_fits_says_so_and_others_go_on():
    x, gradient = network(BUDGET)
    with ps.Session() as session:
        with pytest.raises(Infeasible, match="memory budget of 300,000 bytes"):
            session.run(gradient, {x: values(5000)})
        assert session.run(gradient, {x: values(300)}).shape == (300, 32)


@pytest.mark.parametrize("with_options", [False, True])
def test_callables_plan_for_each_size(with_options):
    x, gradient = network(BUDGET)
    with ps.Session() as session:
        call = session.make_callable(gradient, [x], accept_options=with_options)
        for n in (8, 300):
            np.testing.assert_array_equal(call(values(n)), session.run(gradient, {x: values(n)}))
        with pytest.raises(TypeError, match="takes 1 values, got 2"):
            call(values(8), values(8))


def test_values_that_do_not_fit_are_refused_as_ever():
    x, gradient = network(BUDGET)
    with ps.Session() as session:
        with pytest.raises(ps.errors.FeedError):
            session.run(gradient, {x: np.zeros((3, 5), np.float32)})
        with pytest.raises(ps.errors.FeedError):
            session.run(gradient, {x: [[1.0] * 32, [2.0]]})


def test_a_plan_without_values_assumes_a_size():
    x, gradient = network(2_000_000)
    with ps.Session() as session:
        assert session.explain_plan(gradient, [x]).recomputation.explain()
        assert session.explain_plan(gradient, {x: None}).recomputation is not None


def test_training_with_an_open_batch():
    x = ps.placeholder(ps.float32, [None, 64])
    h = x
    for i in range(10):
        h = ps.layers.dense(h, 64, ps.nn.tanh, name=f"layer{i}")
    loss = ps.reduce_mean(ps.square(h))
    train = ps.train.AdamOptimizer(0.01).minimize(loss, memory_budget=600_000)
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        losses = [session.run([loss, train], {x: values(n, 64)})[0] for n in (256, 256, 100, 256)]
        assert losses[3] < losses[0]
