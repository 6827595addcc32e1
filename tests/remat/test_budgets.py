"""Budgets against reality: a run takes what was planned, and never more than was allowed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import penstock as ps
from benchmarks.checkpointing.budgeted import NETWORKS, Built, normal
from benchmarks.checkpointing.budgets import LEAST_SHARE, Row, faults, run_once, sweep
from penstock import options
from penstock.graph.extract import extract
from penstock.memory.kernel_memory import allocated, elementwise, from_tables
from penstock.ops import wrappers
from penstock.runtime.kernel_questions import KernelQuestions
from penstock.simulate import Sizes

NO_BOUND = 1 << 50
SMALL: dict[str, dict[str, int]] = {
    "mlp": {"rows": 16, "width": 32, "layers": 5},
    "convnet": {"batch": 2, "side": 8, "width": 8},
    "resnet": {"side": 8, "width": 16, "blocks": 2},
    "unet": {"batch": 1, "side": 8, "width": 4},
    "transformer": {"length": 8, "width": 16, "layers": 1},
    "lstm": {"rows": 4, "width": 16, "steps": 4},
    "embedding": {"words": 30, "rows": 32, "width": 16},
}


UNARY = ("Abs", "Exp", "Tanh", "Relu", "Sigmoid", "Square", "Neg", "Softmax", "Erf", "Softplus")
BINARY = ("AddV2", "Mul", "Sub", "Maximum", "TanhGrad", "ReluGrad", "SigmoidGrad", "RealDiv")


def small(name: str) -> Callable[..., Built]:
    return lambda wish: NETWORKS[name](wish, **SMALL[name])


def check(row: Row) -> None:
    assert row.measured <= row.planned <= row.budget
    # The portable kernels take memory by thread; how many take part in a small loop is chance.
    least = 0.6 if options.current.portable_kernels else LEAST_SHARE
    assert row.measured >= least * row.planned


@pytest.mark.parametrize("name", NETWORKS)
def test_a_run_takes_what_was_planned(name: str) -> None:
    plain = run_once(small(name), NO_BOUND)
    assert plain.clones == 0
    check(plain)
    assert run_once(small(name), plain.planned).clones == 0


@pytest.mark.parametrize("name", ["mlp", "convnet"])
def test_a_run_with_repetitions_takes_what_was_planned(name: str) -> None:
    plain = run_once(small(name), NO_BOUND)
    row = run_once(small(name), plain.planned * 85 // 100)
    assert row.clones
    check(row)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_twenty_budgets(name: str) -> None:
    """More memory never costs more work, and runs take what was planned."""
    before = None
    for row in sweep(small(name), 20):
        assert faults(row, before) == "", row
        before = row


def of_op(op: str) -> Any:
    """One node of an op on matrices."""
    x, y = (ps.placeholder(ps.float32, [4, 32]) for _ in range(2))
    make = getattr(wrappers.raw, op)
    if op == "AddN":
        return make([x, y])
    if op == "BiasAdd":
        return make(x, ps.placeholder(ps.float32, [32]))
    if op == "LogicalNot":
        return make(ps.placeholder(ps.bool, [4, 32]))
    return make(x, y) if op in BINARY else make(x)


@pytest.mark.parametrize("op", [*UNARY, *BINARY, "AddN", "BiasAdd", "LogicalNot"])
def test_the_tables_say_what_the_kernels_do(op: str) -> None:
    with ps.Graph().as_default() as graph:
        tensor = of_op(op)
        feeds = list(tensor.op.inputs)
        ir = extract(graph, [tensor], [], feeds)
    node, sizes = ir[tensor.op.name], Sizes(ir)
    asked = KernelQuestions(1)(node, ir, sizes)
    assert asked is not None
    told = from_tables(node, sizes)
    assert set(asked.in_place) == set(told.in_place[: len(asked.in_place)])
    if elementwise(node):
        assert asked.scratch == told.scratch == 0


def test_a_kernel_tells_of_what_it_takes_for_itself() -> None:
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [3, 70])
        loss = ps.nn.sparse_softmax_cross_entropy_with_logits(
            labels=ps.constant([1, 2, 3]), logits=x
        )
        ir = extract(graph, [loss], [], [x])
    node = next(n for n in ir if n.op == "SparseSoftmaxCrossEntropyWithLogits")
    asked = KernelQuestions(1)(node, ir, Sizes(ir))
    assert asked is not None
    assert asked.scratch == allocated(3 * 8), "the labels as int64"
    assert asked.in_place == ((1, 0),), "the gradient goes where the logits were"


def test_half_floats_are_widened_on_the_way() -> None:
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float16, [4, 32])
        ir = extract(graph, [ps.nn.softmax(x)], [], [x])
    node = next(n for n in ir if n.op == "Softmax")
    asked = KernelQuestions(1)(node, ir, Sizes(ir))
    assert asked is not None
    assert asked.scratch >= 4 * 32 * 4
    assert not asked.in_place


def of_a_size_that_values_decide() -> tuple[Any, Any]:
    rows = ps.placeholder(ps.int32, [], name="rows")
    v = ps.Variable(normal(1, 100))
    h = ps.matmul(ps.expand_dims(ps.cast(ps.range(rows), ps.float32), 1), v)
    for i in range(6):
        h = ps.tanh(h, name=f"step_{i}")
    (g,) = ps.gradients(ps.reduce_sum(h), v, memory_budget="200KB")
    return rows, g


def test_a_run_that_needs_more_than_its_budget_fails_and_says_who_holds_it() -> None:
    with ps.Graph().as_default(), ps.Session() as session:
        rows, g = of_a_size_that_values_decide()
        session.run(ps.global_variables_initializer())
        session.run(g, {rows: 32})
        with pytest.raises(ps.errors.ResourceExhaustedError) as caught:
            session.run(g, {rows: 400})
        told = str(caught.value)
        assert "its memory budget is 200000 bytes" in told
        assert "the plan of this run needs" in told
        assert "step_" in told, "the live set, by node"
        session.run(g, {rows: 32})
        session.run(ps.tile(normal(1, 100), [4000, 1]))


def test_runs_at_the_same_time_have_a_budget_each() -> None:
    with ps.Graph().as_default(), ps.Session() as session:
        fetches, feed = small("mlp")({"memory_budget": NO_BOUND})
        session.run(ps.global_variables_initializer())
        _, memory = session.run_with_memory(fetches, feed)
    with ps.Graph().as_default(), ps.Session() as session:
        fetches, feed = small("mlp")({"memory_budget": memory.share_peak + 4096})
        session.run(ps.global_variables_initializer())
        kept = [session.run(fetches[0], feed) for _ in range(3)]
        with ThreadPoolExecutor(4) as pool:
            kept += pool.map(lambda _: session.run(fetches[0], feed), range(12))
        assert all(np.isfinite(loss) for loss in kept)


def test_fetched_arrays_of_earlier_runs_do_not_count() -> None:
    with ps.Graph().as_default(), ps.Session() as session:
        x = ps.placeholder(ps.float32, [64, 256])
        (g,) = ps.gradients(ps.reduce_sum(ps.tanh(x)), x, memory_budget="200KB")
        feed = {x: normal(64, 256)}
        kept = [session.run(g, feed) for _ in range(10)]
        assert sum(a.nbytes for a in kept) > 200_000
        assert session.memory_stats()["live"] >= sum(a.nbytes for a in kept)


def test_a_part_keeps_the_whole_in_memory_and_is_planned_so() -> None:
    def build(wish: Any) -> Built:
        x = ps.placeholder(ps.float32, [8, 4, 256])
        h = ps.tanh(x * 0.5)
        total = ps.constant(0.0)
        for part in [*ps.unstack(ps.exp(h), axis=0), *ps.split(ps.sin(h), 4, axis=0)]:
            total += ps.reduce_sum(ps.tanh(part + 1.0))
        return ps.gradients(total, x, **wish), {x: normal(8, 4, 256)}

    plain = run_once(build, NO_BOUND)
    check(plain)
    check(run_once(build, plain.planned * 9 // 10))
