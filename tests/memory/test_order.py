"""The order that holds less memory: the same nodes, the same bits, never a higher planned peak."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import penstock as ps
from penstock import options
from penstock.graph.ir import IR
from penstock.memory.lifetimes import lifetimes
from penstock.simulate import Sizes
from tests.random_graphs import Grown, grown
from tests.runtime.test_random_graphs import assert_agree


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    before = options.configure(order="memory")
    yield
    options.configure(order=before.order)


def peak(ir: IR) -> int:
    return lifetimes(ir, Sizes(ir)).peak()[0]


def both(fetches: Any, feed: dict[Any, Any]) -> list[tuple[IR, Any]]:
    """The IR and the results of some steps, depth first and in the order that holds less."""
    found = []
    for order in ("depth", "memory"):
        options.configure(order=order)
        with ps.Session() as session:
            session.run(ps.global_variables_initializer())
            results = [session.run(fetches, feed) for _ in range(3)]
            found.append((session._find_call(fetches, feed).plan.ir, results))
    return found


@settings(max_examples=25, deadline=None)
@given(grown())
def test_random_graphs_agree_with_the_reference(program: Grown) -> None:
    with ps.Session(graph=program.graph) as session:
        found = session.run([v.tensor for v in program.fetches], program.feeds)
        for array, value in zip(found, program.fetches, strict=True):
            assert_agree(np.asarray(array), value.array, value.exact)


def test_gradients_do_not_wait_for_their_updates() -> None:
    rng = np.random.default_rng(0)
    x = ps.placeholder(ps.float32, [4, 256])
    h = x
    for i in range(6):
        start = rng.standard_normal((256, 256)).astype(np.float32) * 0.06
        h = ps.tanh(ps.matmul(h, ps.get_variable(f"w{i}", initializer=start)))
    loss = ps.reduce_mean(ps.square(h))
    pairs = ps.train.GradientDescentOptimizer(0.1).compute_gradients(loss)
    clipped = [(g * 0.5, v) for g, v in pairs if g is not None]
    step = ps.train.GradientDescentOptimizer(0.1).apply_gradients(clipped)
    feed = {x: rng.standard_normal((4, 256)).astype(np.float32)}
    (deep, first), (less, second) = both([loss, step], feed)
    assert [a[0] for a in first] == [b[0] for b in second]
    assert sorted(deep.nodes) == sorted(less.nodes)
    assert peak(less) <= peak(deep)


def test_wide_sums_are_folded_as_they_come() -> None:
    x = ps.placeholder(ps.float32, [64, 64])
    parts = [ps.exp(x * float(i)) for i in range(8)]
    total = ps.stack([ps.reduce_sum(ps.matmul(p, x)) for p in parts])
    parts_too = ps.add_n([ps.reduce_max(p) for p in parts])
    rng = np.random.default_rng(0)
    feed = {x: rng.standard_normal((64, 64)).astype(np.float32)}
    (deep, first), (less, second) = both([total, parts_too], feed)
    for a, b in zip(first, second, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))
    assert peak(less) < peak(deep)


def test_reads_and_writes_of_a_variable_keep_their_order() -> None:
    v = ps.get_variable("v", [1024], initializer=ps.zeros_initializer())
    before = v.read_value()
    with ps.control_dependencies([before]):
        added = v.assign_add(ps.ones([1024]))
    with ps.control_dependencies([added]):
        after = v.read_value()
    sums = [ps.reduce_sum(before), ps.reduce_sum(after)]
    (_, first), (_, second) = both(sums, {})
    assert first == second == [[1024.0 * i, 1024.0 * (i + 1)] for i in range(3)]
