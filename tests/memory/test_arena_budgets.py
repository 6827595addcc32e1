"""Planned memory within a budget: the block is part of what a run may take, and nothing breaks."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

import penstock as ps
from benchmarks.checkpointing.budgeted import NETWORKS, normal
from penstock import options
from penstock.remat.infeasible import Infeasible
from penstock.runtime.plan import Plan

NO_BOUND = 1 << 50
SIDE = (64, 256)
UNIT = 64 * 256 * 4
CPUS = (["/cpu:0", "/cpu:1"], {"CPU": 2})
ALONE = ps.ConfigProto(intra_op_parallelism_threads=1)  # kernels then take what they told


@pytest.fixture(autouse=True)
def planned() -> Iterator[None]:
    """Plan memory."""
    before = options.configure(memory_plan="on")
    yield
    options.configure(memory_plan=before.memory_plan)


class Run:
    """Two runs of a network with a budget: its plan, what it took, and all that it left."""

    def __init__(self, name: str, budget: int, plan: str = "on", **sizes: int) -> None:
        options.configure(memory_plan=plan)
        with ps.Graph().as_default(), ps.Session(config=ALONE) as session:
            fetches, feed = NETWORKS[name]({"memory_budget": budget}, **sizes)
            session.run(ps.global_variables_initializer())
            self.plan: Plan = session._find_call(fetches, feed).plan
            losses, taken = [], []
            for _ in range(2):
                result, memory = session.run_with_memory(fetches, feed)
                losses.append(result[0].tobytes())
                taken.append(memory.share_peak)
            live = session.memory_stats()["live"]
            session.run(fetches, feed)
            assert session.memory_stats()["live"] <= live
            weights = [session.run(v).tobytes() for v in ps.global_variables()]
            self.left = losses, weights
            self.measured = max(taken)
        recomputation = self.plan.log.recomputation
        assert recomputation is not None
        self.recomputation = recomputation
        self.planned = recomputation.evaluation.peak


def check(name: str, part: float, **sizes: int) -> Run:
    plain = Run(name, NO_BOUND, "off", **sizes)
    budget = int(plain.planned * part)
    run = Run(name, budget, **sizes)
    assert run.left == plain.left
    assert run.measured <= run.planned <= budget == run.recomputation.budget
    assert run.measured >= 0.95 * run.planned
    for arena in run.plan.arenas.values():
        assert arena.ratio <= 1.15
        assert arena.needed <= budget
    return run


@pytest.mark.parametrize(
    ("name", "part", "sizes"),
    [
        ("mlp", 1.2, {"layers": 4}),
        ("mlp", 0.85, {"layers": 4}),
        ("embedding", 0.8, {}),
        ("lstm", 0.9, {"steps": 6}),
        ("convnet", 0.8, {"batch": 2}),
    ],
)
def test_a_block_within_a_budget(name: str, part: float, sizes: dict[str, int]) -> None:
    run = check(name, part, **sizes)
    assert (run.recomputation.schedule.clones > 0) == (part < 1)
    told = run.recomputation.explain()
    assert ("a block on CPU:0" if run.plan.arenas else "no block on CPU:0") in told
    # Portable products need so much beside a block that none may fit.
    assert len(run.plan.arenas) == 1 or options.current.portable_kernels


@pytest.mark.slow
@pytest.mark.parametrize("part", [1.0, 0.9, 0.75, 0.6, 0.5])
@pytest.mark.parametrize("name", NETWORKS)
def test_blocks_within_budgets(name: str, part: float) -> None:
    try:
        check(name, part)
    except Infeasible:
        assert part <= 0.6


def chain(budget: Any, shape: Any = SIDE, steps: int = 8, **more: Any) -> tuple[Any, Any]:
    """A chain of cheap steps: its input and the gradient."""
    x = ps.placeholder(ps.float32, shape)
    h = x
    for _ in range(steps):
        h = ps.tanh(ps.sin(h))
    (g,) = ps.gradients(ps.reduce_sum(h), x, memory_budget=budget, **more)
    return x, g


def plain_chain(values: Any, steps: int = 8) -> Any:
    with ps.Graph().as_default(), ps.Session() as session:
        x, g = chain(None, values.shape, steps)
        return session.run(g, {x: values})


def test_where_no_block_fits_the_run_has_none_and_says_so() -> None:
    x, g = chain(1, steps=5)
    with ps.Session() as session:
        with pytest.raises(Infeasible) as caught:
            session.run(g, {x: normal(*SIDE)})
        x, g = chain(caught.value.smallest, steps=5)
        plan = session._find_call(g, {x: normal(*SIDE)}).plan
        assert not plan.arenas
        assert "no block on CPU:0" in session.explain_plan(g, [x]).recomputation.explain()
        result, memory = session.run_with_memory(g, {x: normal(*SIDE)})
        assert memory.share_peak <= caught.value.smallest
    assert np.array_equal(result, plain_chain(normal(*SIDE), 5))


def test_each_fed_size_has_its_block() -> None:
    budget = 12 * UNIT
    x, g = chain(budget, [None, 256])
    with ps.Session() as session:
        blocks = []
        for rows in (64, 16, 64, 100):
            feed = {x: normal(rows, 256)}
            result, memory = session.run_with_memory(g, feed)
            assert np.array_equal(result, plain_chain(feed[x]))
            (arena,) = session._find_call(g, feed).plan.arenas.values()
            assert memory.share_peak == arena.needed <= budget
            blocks.append(arena.bytes)
        assert blocks[1] < blocks[0] == blocks[2] != blocks[3]


def across(devices: list[str], **wish: Any) -> tuple[Any, Any]:
    """Steps on one device, then on another; layers of both have weights."""
    x = ps.placeholder(ps.float32, SIDE)
    h = x
    for i in range(12):
        with ps.device(devices[i // 6]):
            h = ps.tanh(ps.sin(h) * 1.5)
    (g,) = ps.gradients(ps.reduce_sum(h), [x], colocate_gradients_with_ops=True, **wish)
    return x, g


@pytest.mark.parametrize(
    "budget", [NO_BOUND, 12 * UNIT, {"CPU:0": 13 * UNIT, "CPU:1": 11 * UNIT}, {"CPU:1": 12 * UNIT}]
)
def test_each_device_has_a_block_within_its_budget(budget: Any) -> None:
    devices, count = CPUS
    feed = normal(*SIDE)
    config = ps.ConfigProto(device_count=count)
    with ps.Graph().as_default(), ps.Session(config=config) as session:
        x, g = across(devices)
        wanted = session.run(g, {x: feed})
    with ps.Session(config=config) as session:
        x, g = across(devices, memory_budget=budget)
        plan = session._find_call(g, {x: feed}).plan
        assert plan.log.recomputation is not None
        assert len(plan.arenas) == 2
        names = [name for name, _, _ in plan.log.recomputation.devices]
        for _ in range(2):
            before = [session.memory_stats(name)["live"] for name in names]
            for name in names:
                session.reset_peak_memory(name)
            assert np.array_equal(session.run(g, {x: feed}), wanted)
            peaks = [session.memory_stats(name)["peak"] for name in names]
            told = plan.log.recomputation.devices
            for (_, allowed, expected), peak, live in zip(told, peaks, before, strict=True):
                assert peak - live <= expected <= allowed


def test_runs_at_the_same_time_have_a_block_and_a_budget_each() -> None:
    x, g = chain(10 * UNIT)
    feeds = [normal(*SIDE, seed=i) for i in range(4)]
    wanted = [plain_chain(f) for f in feeds]
    with ps.Session() as session:
        session.run(g, {x: feeds[0]})
        live = session.memory_stats()["live"]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda i: session.run(g, {x: feeds[i % 4]}), range(40)))
        assert all(np.array_equal(f, wanted[i % 4]) for i, f in enumerate(found))
        (arena,) = session._find_call(g, {x: feeds[0]}).plan.arenas.values()
        assert session.run_with_memory(g, {x: feeds[0]})[1].share_peak == arena.needed
        del found
        assert session.memory_stats()["live"] <= live + UNIT


def test_errors_and_deadlines_leave_nothing_behind() -> None:
    x = ps.placeholder(ps.float32, SIDE)
    i = ps.placeholder(ps.int32, [])
    h = x
    for step in range(16):
        h = ps.tanh(ps.sin(h))
        if step == 12:
            h *= ps.cast(10 // i, ps.float32)
    (g,) = ps.gradients(ps.reduce_sum(h), x, memory_budget=11 * UNIT)
    feed = {x: normal(*SIDE), i: 5}
    hurried = ps.RunOptions(timeout_in_ms=1)
    with ps.Session() as session:
        wanted = session.run(g, feed)
        assert session._find_call(g, feed).plan.arenas
        live = session.memory_stats()["live"]
        for _ in range(3):
            with pytest.raises(ps.errors.InvalidArgumentError, match="division by zero"):
                session.run(g, {**feed, i: 0})
            with suppress(ps.errors.DeadlineExceededError):
                session.run(g, feed, options=hurried)
            assert session.memory_stats()["live"] <= live
            assert np.array_equal(session.run(g, feed), wanted)


def test_a_session_closed_during_runs_lets_go_of_their_blocks() -> None:
    x, g = chain(11 * UNIT)
    session = ps.Session()
    session.run(g, {x: normal(*SIDE)})
    ended: list[BaseException | None] = []

    def work() -> None:
        try:
            for _ in range(500):
                session.run(g, {x: normal(*SIDE)})
        except (ps.errors.CancelledError, RuntimeError) as error:
            ended.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    session.close()
    for thread in threads:
        thread.join()
    assert len(ended) == 2


def test_a_stepped_and_a_traced_run_agree() -> None:
    x, g = chain(10 * UNIT)
    feed = {x: normal(*SIDE)}
    with ps.Session() as session:
        wanted = session.run(g, feed)
        assert session._find_call(g, feed).plan.arenas
        stepper = session.stepper(g, feed)
        assert np.array_equal(session.run(g, feed), wanted)
        assert np.array_equal(stepper.finish(), wanted)
        traced = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE)
        metadata = ps.RunMetadata()
        assert np.array_equal(session.run(g, feed, options=traced, run_metadata=metadata), wanted)
        assert np.array_equal(session.run(g, feed), wanted)


def test_an_imported_graph_has_blocks_within_its_budget() -> None:
    x, g = chain(10 * UNIT)
    feed = normal(*SIDE)
    exported = ps.get_default_graph().as_graph_def()
    with ps.Graph().as_default(), ps.Session() as session:
        x, g = ps.import_graph_def(exported, return_elements=[x.name, g.name], name="again")
        result, memory = session.run_with_memory(g, {x: feed})
        (arena,) = session._find_call(g, {x: feed}).plan.arenas.values()
        assert memory.share_peak == arena.needed <= 10 * UNIT
        assert np.array_equal(result, plain_chain(feed))


def test_second_order_gradients() -> None:
    def twice(**wish: Any) -> tuple[Any, Any]:
        x = ps.placeholder(ps.float32, SIDE)
        h = x
        for _ in range(5):
            h = ps.tanh(ps.sin(h))
        (first,) = ps.gradients(ps.reduce_sum(h), x)
        (second,) = ps.gradients(ps.reduce_sum(first * first), x, **wish)
        return x, second

    feed = normal(*SIDE)
    with ps.Session() as session:
        x, g = twice()
        wanted = session.run(g, {x: feed})
        x, g = twice(memory_budget=NO_BOUND)
        _, memory = session.run_with_memory(g, {x: feed})
        budget = memory.share_peak * 8 // 10
        x, g = twice(memory_budget=budget)
        result, memory = session.run_with_memory(g, {x: feed})
        plan = session._find_call(g, {x: feed}).plan
        assert np.array_equal(result, wanted)
        assert memory.share_peak <= budget
        assert any("_recomputed" in node.attrs for node in plan.ir)


def test_variables_that_keep_and_fetches_that_leave_count() -> None:
    x = ps.placeholder(ps.float32, SIDE)
    v = ps.Variable(np.zeros(SIDE, np.float32))
    u = ps.Variable(np.zeros(SIDE, np.float32))
    made = [x]
    for _ in range(12):
        made.append(ps.tanh(ps.sin(made[-1])))
    (g,) = ps.gradients(ps.reduce_sum(made[-1]), x, memory_budget=12 * UNIT)
    kept = ps.group(v.assign(made[3]), u.assign(made[6] * 2.0))
    fetches = [g, made[5], kept]
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        for seed in range(3):
            feed = {x: normal(*SIDE, seed=seed)}
            (found, five, _), memory = session.run_with_memory(fetches, feed)
            plan = session._find_call(fetches, feed).plan
            assert plan.log.recomputation is not None
            assert memory.share_peak <= plan.log.recomputation.evaluation.peak <= 12 * UNIT
            assert np.array_equal(session.run(made[5], feed), five)
            assert np.array_equal(session.run(v), session.run(made[3], feed))
            assert np.array_equal(session.run(u), session.run(made[6] * 2.0, feed))
            assert found.shape == SIDE


def test_the_hard_limit_counts_the_block() -> None:
    """A value that no plan knows the size of ends the run when it does not fit beside the block."""
    x, g = chain(10 * UNIT)
    rows = ps.placeholder(ps.int32, [])
    more = ps.reduce_sum(ps.fill([rows, 256], 1.0) * 2.0)
    feed = {x: normal(*SIDE)}
    with ps.Session() as session:
        assert session.run([g, more], {**feed, rows: 4})[1] == 2048
        assert session._find_call([g, more], {**feed, rows: 4}).plan.arenas
        with pytest.raises(ps.errors.ResourceExhaustedError, match="memory budget"):
            session.run([g, more], {**feed, rows: 4096})
        assert session.run([g, more], {**feed, rows: 4})[1] == 2048
