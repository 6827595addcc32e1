"""Planned memory under real runs: the same bits, whatever holds a value, fails or runs beside."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import penstock as ps
from penstock import options
from penstock.memory.arena_plan import ArenaPlan, plan_arena
from penstock.runtime import plan as plans
from tests.random_graphs import Grown, grown
from tests.runtime.test_random_graphs import assert_agree


@pytest.fixture(autouse=True)
def planned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Plan every value, the small ones too."""
    monkeypatch.setattr(plans, "plan_arena", partial(plan_arena, least_bytes=1))
    before = options.configure(memory_plan="on")
    yield
    options.configure(memory_plan=before.memory_plan)


def normal(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def arenas(session: ps.Session, fetches: Any, feed: dict[Any, Any]) -> dict[str, ArenaPlan]:
    return dict(session._find_call(fetches, feed).plan.arenas)


def layers(x: ps.Tensor, count: int = 6) -> list[ps.Tensor]:
    made = [x]
    for i in range(count):
        w = ps.constant(normal(16, 16, seed=i))
        made.append(ps.tanh(ps.matmul(made[-1], w) * 0.4) + 0.01 * made[max(0, i - 2)])
    return made


def plain(session_graph: ps.Graph, fetches: Any, feed: dict[Any, Any]) -> Any:
    """What a run without a plan gives."""
    before = options.configure(memory_plan="off")
    try:
        config = ps.ConfigProto(allow_soft_placement=True)
        with ps.Session(graph=session_graph, config=config) as session:
            return session.run(fetches, feed)
    finally:
        options.configure(memory_plan=before.memory_plan)


@settings(max_examples=25, deadline=None)
@given(grown())
def test_random_graphs_agree_with_the_reference(program: Grown) -> None:
    with ps.Session(graph=program.graph) as session:
        for _ in range(2):
            found = session.run([v.tensor for v in program.fetches], program.feeds)
            for array, value in zip(found, program.fetches, strict=True):
                assert_agree(np.asarray(array), value.array, value.exact)


def test_training_is_the_same_to_the_last_bit() -> None:
    x = ps.placeholder(ps.float32, [8, 16])
    w = ps.get_variable("w", [16, 16], initializer=ps.constant_initializer(normal(16, 16)))
    loss = ps.reduce_mean(ps.square(layers(ps.matmul(x, w))[-1]))
    step = ps.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    results = []
    for mode in ("off", "on"):
        options.configure(memory_plan=mode)
        with ps.Session() as session:
            session.run(ps.global_variables_initializer())
            losses = [session.run([loss, step], {x: normal(8, 16)})[0] for _ in range(5)]
            results.append((losses, session.run(w).tobytes()))
            assert bool(arenas(session, [loss, step], {x: normal(8, 16)})) == (mode == "on")
    assert results[0] == results[1]


def test_the_block_is_all_that_a_run_takes_and_trimming_frees_it() -> None:
    x = ps.placeholder(ps.float32, [4096, 16])
    out = ps.reduce_sum(layers(x)[-1])
    feed = {x: normal(4096, 16)}
    with ps.Session() as session:
        session.run(out, feed)
        (plan,) = arenas(session, out, feed).values()
        live = session.memory_stats()["live"]
        session.reset_peak_memory()
        session.run(out, feed)
        stats = session.memory_stats()
        assert stats["live"] == live
        assert plan.bytes <= stats["peak"] - live <= 1.02 * plan.bytes + 65536
        session.trim_memory()
        assert session.memory_stats()["reserved"] == live


def test_fetched_intermediates_are_the_users() -> None:
    x = ps.placeholder(ps.float32, [4, 16])
    made = layers(x)
    views = [ps.reshape(made[2], [16, 4]), ps.transpose(made[3][:, :1]), ps.split(made[4], 2)[1]]
    fetches = [*made[1:], *views]
    with ps.Session() as session:
        first = session.run(fetches, {x: normal(4, 16)})
        copies = [f.copy() for f in first]
        for f in session.run(fetches, {x: normal(4, 16, seed=1)}):
            f[...] = 0
        assert all(np.array_equal(a, b) for a, b in zip(first, copies, strict=True))


def test_variables_keep_what_they_are_given() -> None:
    x = ps.placeholder(ps.float32, [4, 16])
    made = layers(x)
    v = ps.get_variable("v", [4, 16], initializer=ps.zeros_initializer())
    u = ps.get_variable("u", [64], initializer=ps.zeros_initializer())
    assigned = ps.group(v.assign(made[-1]), u.assign(ps.reshape(made[3], [-1])))
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        wanted = session.run([made[-1], made[3]], {x: normal(4, 16)})
        session.run(assigned, {x: normal(4, 16)})
        session.run(made[-1], {x: normal(4, 16, seed=5)})
        assert np.array_equal(session.run(v), wanted[0])
        assert np.array_equal(session.run(u), wanted[1].reshape(-1))


def test_unknown_shapes_go_past_the_plan() -> None:
    x = ps.placeholder(ps.float32, [None, 16])
    made = layers(x)
    fixed = ps.matmul(
        ps.constant(normal(32, 32)), ps.exp(ps.constant(normal(32, 32))) * made[1][0, 0]
    )
    out = ps.reduce_sum(made[-1]) + ps.reduce_sum(fixed)
    with ps.Session() as session:
        for rows in (1, 7, 300):
            feed = {x: normal(rows, 16)}
            assert session.run(out, feed) == plain(ps.get_default_graph(), out, feed)


def test_runs_side_by_side_do_not_meet() -> None:
    x = ps.placeholder(ps.float32, [32, 16])
    out = layers(x)[-1]
    feeds = [normal(32, 16, seed=i) for i in range(4)]
    with ps.Session() as session:
        wanted = [session.run(out, {x: f}) for f in feeds]
        wrong: list[int] = []

        def work(number: int) -> None:
            for _ in range(40):
                if not np.array_equal(session.run(out, {x: feeds[number]}), wanted[number]):
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def test_after_an_error_the_session_goes_on() -> None:
    x = ps.placeholder(ps.float32, [4, 16])
    i = ps.placeholder(ps.int32, [])
    made = layers(x)
    out = ps.reduce_sum(made[-1]) + ps.cast(10 // i, ps.float32)
    with ps.Session() as session:
        live = []
        for _ in range(3):
            with pytest.raises(ps.errors.InvalidArgumentError, match="division by zero"):
                session.run(out, {x: normal(4, 16), i: 0})
            feed = {x: normal(4, 16), i: 3}
            assert session.run(out, feed) == plain(ps.get_default_graph(), out, feed)
            live.append(session.memory_stats()["live"])
        assert len(set(live)) == 1


def test_a_limit_below_the_block_leaves_it_out() -> None:
    x = ps.placeholder(ps.float32, [4096, 16])
    out = ps.reduce_sum(layers(x)[-1])
    feed = {x: normal(4096, 16)}
    with ps.Session() as session:
        wanted = session.run(out, feed)
        (plan,) = arenas(session, out, feed).values()
        session.set_memory_limit(session.memory_stats()["live"] + plan.bytes - 4096)
        try:
            assert session.run(out, feed) == wanted
        except ps.errors.ResourceExhaustedError as error:
            assert "largest live tensors" in str(error)
        session.set_memory_limit(None)
        assert session.run(out, feed) == wanted


def test_each_device_has_a_block() -> None:
    x = ps.placeholder(ps.float32, [32, 16])
    made = layers(x)
    with ps.device("/device:CPU:1"):
        h = ps.exp(ps.matmul(made[3], ps.constant(normal(16, 16))) * 0.1)
        there = ps.matmul(h, h, transpose_b=True)
    out = ps.reduce_sum(ps.tanh(made[-1])) + ps.reduce_sum(there)
    config = ps.ConfigProto(device_count={"CPU": 2})
    feed = {x: normal(32, 16)}
    with ps.Session(config=config) as session:
        wanted = plain(ps.get_default_graph(), out, feed)
        assert {session.run(out, feed) for _ in range(6)} == {wanted}
        assert len(arenas(session, out, feed)) == 2
        for device in ("CPU:0", "CPU:1"):
            assert session.memory_stats(device)["peak"] > 0


def test_an_accelerator_allocates_for_itself() -> None:
    x = ps.placeholder(ps.float32, [32, 16])
    out = ps.reduce_sum(layers(x)[-1])
    config = ps.ConfigProto(device_count={"SIM_GPU": 1}, allow_soft_placement=True)
    with ps.device("/device:SIM_GPU:0"):
        y = ps.reduce_sum(layers(x)[-1])
    with ps.Session(config=config) as session:
        assert np.isclose(
            session.run(y, {x: normal(32, 16)}), session.run(out, {x: normal(32, 16)})
        )
        assert all("SIM_GPU" not in name for name in arenas(session, y, {x: normal(32, 16)}))


def test_what_is_computed_again_is_planned_too() -> None:
    x = ps.placeholder(ps.float32, [64, 16])
    loss = ps.reduce_sum(layers(x, 12)[-1])
    (again,) = ps.gradients(loss, [x], checkpoints="memory")
    (kept,) = ps.gradients(loss, [x])
    feed = {x: normal(64, 16)}
    with ps.Session() as session:
        assert np.array_equal(session.run(again, feed), session.run(kept, feed))
        (small,) = arenas(session, again, feed).values()
        (large,) = arenas(session, kept, feed).values()
        assert small.bytes < large.bytes
        assert max(small.ratio, large.ratio) <= 1.15


def test_the_traced_and_the_stepped_run_agree() -> None:
    x = ps.placeholder(ps.float32, [8, 16])
    out = layers(x)[-1]
    feed = {x: normal(8, 16)}
    with ps.Session() as session:
        wanted = session.run(out, feed)
        metadata = ps.RunMetadata()
        options_ = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE)
        traced = session.run(out, feed, options=options_, run_metadata=metadata)
        assert np.array_equal(traced, wanted)
