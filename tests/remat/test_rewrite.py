"""Repetitions in real graphs: the same gradients bit for bit, less memory, nothing drawn twice."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.graph.ir import IR, Node
from penstock.memory.kernel_memory import allocated
from penstock.remat.infeasible import Infeasible
from penstock.runtime.plan import Plan

Wish = dict[str, Any]
SIDE = (64, 256)
UNIT = allocated(64 * 256 * 4)


def normal(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def plan_of(session: ps.Session, fetches: Any, feed: dict[Any, Any]) -> Plan:
    return session._find_call(fetches, feed).plan


def clones(plan: Plan) -> list[Node]:
    return [n for n in plan.ir if "_recomputed" in n.attrs]


Build = Callable[[Wish], tuple[list[Any], dict[Any, Any]]]


def mlp(wish: Wish) -> tuple[list[Any], dict[Any, Any]]:
    x = ps.placeholder(ps.float32, [32, 16])
    weights = [ps.Variable(normal(16, 16, seed=i)) for i in range(6)]
    h = x
    for w in weights:
        h = ps.tanh(ps.matmul(h, w) * 0.3 + 0.1)
    return ps.gradients(ps.reduce_sum(h * h), [x, *weights], **wish), {x: normal(32, 16)}


def convnet(wish: Wish) -> tuple[list[Any], dict[Any, Any]]:
    ps.set_random_seed(7)
    x = ps.placeholder(ps.float32, [4, 8, 8, 3])
    filters = [ps.Variable(normal(3, 3, 3, 4)), ps.Variable(normal(3, 3, 4, 4, seed=2))]
    scale, offset = ps.Variable(np.ones(4, np.float32)), ps.Variable(np.zeros(4, np.float32))
    h = x
    for f in filters:
        h = ps.nn.conv2d(h, f, strides=[1, 1, 1, 1], padding="SAME")
        h, _, _ = ps.nn.fused_batch_norm(h, scale, offset)
        h = ps.nn.dropout(ps.nn.relu(h), rate=0.4)
    return ps.gradients(ps.reduce_sum(h * h), [x, *filters, scale, offset], **wish), {
        x: normal(4, 8, 8, 3)
    }


def residual(wish: Wish) -> tuple[list[Any], dict[Any, Any]]:
    x = ps.placeholder(ps.float32, [8, 32])
    h = x
    for i in range(8):
        h = h + ps.tanh(ps.sin(h) * (0.5 + i))
    return ps.gradients(ps.reduce_mean(h), [x], **wish), {x: normal(8, 32)}


def embedding(wish: Wish) -> tuple[list[Any], dict[Any, Any]]:
    ids = ps.placeholder(ps.int32, [10])
    table = ps.Variable(normal(20, 8))
    h = ps.nn.embedding_lookup(table, ids)
    for _ in range(4):
        h = ps.tanh(ps.exp(h * 0.2))
    (g,) = ps.gradients(ps.reduce_sum(h * h), [table], **wish)
    assert isinstance(g, ps.IndexedSlices)
    return [g.values, g.indices], {ids: np.arange(10, dtype=np.int32) % 7}


def second_order(wish: Wish) -> tuple[list[Any], dict[Any, Any]]:
    x = ps.placeholder(ps.float32, [8, 8])
    h = x
    for _ in range(4):
        h = ps.tanh(ps.exp(h * 0.3))
    (g,) = ps.gradients(ps.reduce_sum(h), [x], **wish)
    return [g, *ps.gradients(ps.reduce_sum(g * g), [x], **wish)], {x: normal(8, 8)}


def unknown_batch(wish: Wish) -> tuple[list[Any], dict[Any, Any]]:
    x = ps.placeholder(ps.float32, [None, 6])
    h = x
    for i in range(5):
        h = ps.reshape(ps.tanh(h + float(i)), [-1, 3, 2])
        h = ps.reshape(h * ps.reduce_mean(h, [0], keepdims=True), [-1, 6])
    return ps.gradients(ps.reduce_sum(h), [x], **wish), {x: normal(9, 6)}


NETS: list[Build] = [mlp, convnet, residual, embedding, second_order, unknown_batch]
WISHES: list[Wish] = [{"checkpoints": "speed"}, {"checkpoints": "memory"}, {"checkpoints": []}]


def run(build: Build, wish: Wish, config: Any = None) -> tuple[list[Any], Plan]:
    with ps.Graph().as_default() as graph:
        fetches, feed = build(wish)
        with ps.Session(graph=graph, config=config) as session:
            session.run(ps.global_variables_initializer())
            return session.run(fetches, feed), plan_of(session, fetches, feed)


@pytest.mark.parametrize("wish", WISHES, ids=str)
@pytest.mark.parametrize("build", NETS)
def test_gradients_stay_the_same_bit_for_bit(build: Build, wish: Wish) -> None:
    plain, _ = run(build, {})
    again, plan = run(build, wish)
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_array_equal(a, b)
    if wish == {"checkpoints": []}:
        assert clones(plan), "nothing is kept, so something must be computed again"


@pytest.mark.parametrize("build", NETS)
def test_a_budget_below_the_plain_peak_holds_on_paper(build: Build) -> None:
    _, plan = run(build, {"memory_budget": "1GB"})
    assert plan.log.recomputation is not None
    assert not clones(plan)
    peak = plan.log.recomputation.evaluation.peak
    plain, _ = run(build, {})
    try:
        again, tight = run(build, {"memory_budget": peak * 9 // 10})
    except Infeasible:
        return
    assert tight.log.recomputation is not None
    assert tight.log.recomputation.evaluation.peak <= peak * 9 // 10
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_array_equal(a, b)


def chain(n: int, points: list[int] | None = None, **wish: Any) -> tuple[Any, Any, list[Any]]:
    x = ps.placeholder(ps.float32, SIDE)
    h, steps = x, []
    for _ in range(n):
        h = ps.tanh(h)
        steps.append(h)
    if points is not None:
        wish["checkpoints"] = [steps[i - 1] for i in points]
    (g,) = ps.gradients(ps.reduce_sum(h), x, **wish)
    return x, g, steps


def units(x: Any, g: Any) -> float:
    """The memory of one run, in activations."""
    with ps.Session() as session:
        _, memory = session.run_with_memory(g, {x: normal(*SIDE)})
        _, memory = session.run_with_memory(g, {x: normal(*SIDE)})
    return float(memory.peak - memory.live_before) / UNIT


@pytest.mark.parametrize(
    ("n", "points", "expected"),
    [(5, [1, 3], 4), (5, [2], 4), (5, None, 5)],
)
def test_chains_hold_what_they_keep(n: int, points: list[int] | None, expected: int) -> None:
    with ps.Graph().as_default():
        x, g, _ = chain(n, points)
        assert expected - 1 <= units(x, g) <= expected + 0.2


@pytest.mark.parametrize(("n", "expected"), [(6, 6), (100, 20)])
def test_the_strategy_memory_on_chains(n: int, expected: int) -> None:
    with ps.Graph().as_default():
        x, g, _ = chain(n, checkpoints="memory")
        assert units(x, g) <= expected


@pytest.mark.parametrize("budget", [4, 5, 7, 12, 40])
def test_a_run_stays_within_its_budget(budget: int) -> None:
    with ps.Graph().as_default():
        x, g, _ = chain(40, memory_budget=int((budget + 0.1) * UNIT))
        assert units(x, g) <= budget + 0.1


@pytest.mark.parametrize("wish", [{"memory_budget": "1GB"}, *WISHES], ids=str)
@pytest.mark.parametrize("build", [mlp, convnet, residual, embedding, second_order])
def test_runs_hold_no_more_than_was_planned(build: Build, wish: Wish) -> None:
    with ps.Graph().as_default():
        fetches, feed = build(wish)
        with ps.Session() as session:
            session.run(ps.global_variables_initializer())
            session.run(fetches, feed)
            _, memory = session.run_with_memory(fetches, feed)
            planned = plan_of(session, fetches, feed).log.recomputation
    assert planned is not None
    held = memory.peak - memory.live_before
    assert held <= planned.evaluation.peak + sum(allocated(v.nbytes) for v in feed.values())
    if build in (residual, second_order):
        assert held >= 0.9 * planned.evaluation.peak


def test_a_sufficient_budget_changes_nothing() -> None:
    with ps.Graph().as_default():
        x, g, _ = chain(10, memory_budget="1GB")
        with ps.Session() as session:
            assert not clones(plan_of(session, g, {x: normal(*SIDE)}))
        x, plain, _ = chain(10)
        assert units(*chain(10, memory_budget="1GB")[:2]) <= units(x, plain)


def test_an_impossible_budget_names_a_possible_one() -> None:
    with ps.Graph().as_default():
        x, g, _ = chain(10, memory_budget=UNIT)
        with ps.Session() as session, pytest.raises(ps.errors.ResourceExhaustedError) as caught:
            session.run(g, {x: normal(*SIDE)})
        smallest = caught.value.smallest  # type: ignore[attr-defined]
        x, g, _ = chain(10, memory_budget=smallest)
        assert units(x, g) <= smallest / UNIT


def test_dropout_is_drawn_once() -> None:
    with ps.Graph().as_default():
        x = ps.placeholder(ps.float32, [50, 50])
        h = ps.nn.dropout(ps.exp(x), rate=0.5, seed=3)
        loss = ps.reduce_sum(ps.tanh(h) * h)
        (g,) = ps.gradients(loss, x, checkpoints=[])
        with ps.Session() as session:
            dropped, grad = session.run([h, g], {x: normal(50, 50)})
            assert clones(plan_of(session, g, {x: normal(50, 50)}))
    np.testing.assert_array_equal(dropped == 0, grad == 0)


def test_variables_keep_the_values_of_the_forward_pass() -> None:
    def trained(**wish: Any) -> list[Any]:
        with ps.Graph().as_default():
            ws = [ps.Variable(normal(8, 8, seed=i)) for i in range(4)]
            h = ps.constant(normal(8, 8))
            for w in ws:
                h = ps.tanh(ps.exp(ps.matmul(h, w) * 0.2))
            step = ps.train.MomentumOptimizer(0.1, 0.9).minimize(ps.reduce_sum(h), **wish)
            with ps.Session() as session:
                session.run(ps.global_variables_initializer())
                for _ in range(3):
                    session.run(step)
                return list(session.run(ws))

    plain = trained()
    for wish in WISHES:
        for a, b in zip(plain, trained(**wish), strict=True):
            np.testing.assert_array_equal(a, b)


def test_fed_and_fetched_values_are_the_originals() -> None:
    with ps.Graph().as_default():
        x, g, steps = chain(6, [])
        value = normal(*SIDE)
        with ps.Session() as session:
            plain = session.run(steps[2], {x: value})
            fetched, grad = session.run([steps[2], g], {x: value})
            np.testing.assert_array_equal(plain, fetched)
            fed = session.run(g, {x: value, steps[2]: plain})
            assert clones(plan_of(session, [steps[2], g], {x: value}))
        assert not fed.any() or np.array_equal(fed, grad)


def test_regions_are_recomputed_and_nothing_else() -> None:
    with ps.Graph().as_default():
        x = ps.placeholder(ps.float32, SIDE)
        scale = ps.constant(0.5)

        @ps.recompute_grad
        def inner(a: Any) -> Any:
            return ps.tanh(ps.sin(a) * scale)

        @ps.recompute_grad
        def block(a: Any, b: Any) -> Any:
            return ps.exp(inner(a)) * ps.sigmoid(b)

        h = ps.tanh(x, name="before")
        y = ps.tanh(block(h, h), name="after")
        (g,) = ps.gradients(ps.reduce_sum(y), x)
        with ps.Session() as session:
            made_again = clones(plan_of(session, g, {x: normal(*SIDE)}))
            result = session.run(g, {x: normal(*SIDE)})
        assert made_again
        assert all("_recompute" in n.attrs for n in made_again)
        assert not {n.attrs["_recomputed"] for n in made_again} & {b"before", b"after"}
        h = ps.tanh(x)
        y = ps.tanh(ps.exp(ps.tanh(ps.sin(h) * scale)) * ps.sigmoid(h))
        (plain,) = ps.gradients(ps.reduce_sum(y), x)
        np.testing.assert_array_equal(result, ps.Session().run(plain, {x: normal(*SIDE)}))


def test_marks_survive_export_and_import() -> None:
    with ps.Graph().as_default() as graph:
        x, g, _ = chain(8, [])
        definition = graph.as_graph_def()
    with ps.Graph().as_default():
        got_x, got = ps.import_graph_def(definition, return_elements=[x.name, g.name], name="again")
        with ps.Session() as session:
            assert clones(plan_of(session, got, {got_x: normal(*SIDE)}))


DEVICES = [
    (["/cpu:0", "/cpu:1"], {"CPU": 2}),
    (["/cpu:0", "/device:SIM_GPU:0"], {"SIM_GPU": 1}),
    (["/device:SIM_GPU:0", "/device:SIM_GPU:1"], {"SIM_GPU": 2}),
]


@pytest.mark.parametrize(("devices", "count"), DEVICES, ids=str)
@pytest.mark.parametrize("wish", [*WISHES, {"memory_budget": 6 * UNIT}], ids=str)
def test_clones_stay_on_the_device_of_the_original(
    wish: Wish, devices: list[str], count: dict[str, int]
) -> None:
    def build(wish: Wish) -> tuple[list[Any], dict[Any, Any]]:
        x = ps.placeholder(ps.float32, SIDE)
        h = x
        for i in range(6):
            with ps.device(devices[i // 3]):
                h = ps.tanh(ps.sin(h))
        wish = {**wish, "colocate_gradients_with_ops": True}
        return ps.gradients(ps.reduce_sum(h), [x], **wish), {x: normal(*SIDE)}

    config = ps.ConfigProto(device_count=count)
    (plain,), _ = run(build, {}, config)
    (again,), plan = run(build, wish, config)
    np.testing.assert_array_equal(plain, again)
    if wish not in ({"checkpoints": "speed"}, {"memory_budget": 6 * UNIT}):
        assert clones(plan)
    for node in clones(plan):
        assert node.device == plan.ir[node.attrs["_recomputed"].decode()].device


def test_nothing_merges_clones_back() -> None:
    from penstock import options
    from penstock.passes.context import PassContext, PlanLog
    from penstock.passes.merge_duplicates import merge_duplicates

    with ps.Graph().as_default():
        x, g, _ = chain(6, [])
        with ps.Session() as session:
            ir: IR = plan_of(session, g, {x: normal(*SIDE)}).ir
    merged = merge_duplicates(ir, PassContext(options.current, lambda _: [], PlanLog()))
    assert len(merged) == len(ir)


@pytest.mark.parametrize(
    ("wish", "error", "says"),
    [
        ({"checkpoints": "fast"}, ValueError, "'speed', 'memory', 'collection'"),
        ({"checkpoints": "collection"}, ValueError, "add_to_collection"),
        ({"checkpoints": 3}, TypeError, "list of tensors"),
        ({"memory_budget": "lots"}, ValueError, "500MB"),
        ({"memory_budget": 0}, ValueError, "positive"),
    ],
)
def test_what_cannot_be_asked(wish: Wish, error: type[Exception], says: str) -> None:
    x = ps.placeholder(ps.float32, [])
    with pytest.raises(error, match=says):
        ps.gradients(ps.tanh(x), x, **wish)


def test_amounts() -> None:
    from penstock.autodiff.requests import bytes_of

    assert [bytes_of(t) for t in ("500MB", "1.5 GiB", "12", 7, "2k")] == [
        500_000_000,
        3 << 29,
        12,
        7,
        2000,
    ]
    assert [allocated(n) for n in (0, 1, 65, 81, 129, 1_000_000)] == [64, 64, 80, 96, 160, 1 << 20]


def test_a_plan_tells_what_is_repeated() -> None:
    with ps.Graph().as_default():
        x, g, _ = chain(6, [])
        with ps.Session() as session:
            told = str(session.explain_plan(g, [x]))
    assert "repeats   Tanh/recompute_1: collection does not keep the first result" in told
    assert "planned peak" in told
