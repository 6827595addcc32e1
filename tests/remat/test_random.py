"""Random numbers that are drawn again are the ones that were drawn, and streams move on once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.kernel_api import device_types
from penstock.ops.redraw import HALVES, at_op, place_op
from tests.remat.test_rewrite import SIDE, UNIT, clones, normal, plan_of

X = normal(*SIDE)
DROP = 0.5


def dropped(wish: dict[str, Any], layers: int = 5) -> tuple[Any, Any, list[Any]]:
    """A chain of dropouts: the gradient, the input and what each layer let through."""
    ps.set_random_seed(5)
    x = ps.placeholder(ps.float32, SIDE)
    h, through = x, []
    for _ in range(layers):
        h = ps.nn.dropout(ps.tanh(h), rate=DROP)
        through.append(h)
    (g,) = ps.gradients(ps.reduce_sum(h * h), x, **wish)
    return g, x, through


def drawn_again(plan: Any) -> set[str]:
    return {n.op for n in clones(plan)} & {at_op(op) for op in HALVES}


WISHES: list[dict[str, Any]] = [{"checkpoints": []}, {"checkpoints": "memory"}]
DEVICES = ["/cpu:0", "/device:SIM_GPU:0"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_dropout_is_the_same_in_every_run(wish: dict[str, Any], device: str) -> None:
    def runs(wish: dict[str, Any]) -> tuple[list[Any], Any]:
        config = ps.ConfigProto(device_count={"SIM_GPU": 1}, inter_op_parallelism_threads=2)
        with ps.Graph().as_default(), ps.device(device):
            g, x, through = dropped(wish)
            with ps.Session(config=config) as session:
                asked: list[Any] = [g, [g, *through], g, through, g]
                return [session.run(f, {x: X}) for f in asked], plan_of(session, g, {x: X})

    plain, _ = runs({})
    again, plan = runs(wish)
    assert drawn_again(plan)
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_array_equal(a, b)
    g, *through = again[1]
    np.testing.assert_array_equal(g == 0, through[-1] == 0)
    assert not np.array_equal(again[0], again[2]), "the stream goes on"


DRAWS: dict[str, Callable[[Any], Any]] = {
    "RandomUniform": lambda x: x * ps.random_uniform(SIDE),
    "RandomStandardNormal": lambda x: x * ps.random_normal(SIDE),
    "TruncatedNormal": lambda x: x * ps.truncated_normal(SIDE),
    "RandomUniformInt": lambda x: (
        x * ps.cast(ps.random_uniform(SIDE, maxval=9, dtype=ps.int32), ps.float32)
    ),
    "RandomShuffle": lambda x: x * ps.random_shuffle(ps.constant(X)),
    "Multinomial": lambda x: x * ps.cast(ps.multinomial(X, SIDE[1]), ps.float32),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("op", sorted(HALVES))
def test_every_random_op_can_be_drawn_again(op: str, device: str) -> None:
    def runs(wish: dict[str, Any]) -> tuple[list[Any], Any]:
        config = ps.ConfigProto(device_count={"SIM_GPU": 1})
        with ps.Graph().as_default(), ps.device(device):
            ps.set_random_seed(3)
            x = ps.placeholder(ps.float32, SIDE)
            (g,) = ps.gradients(ps.reduce_sum(ps.tanh(DRAWS[op](ps.tanh(x)))), x, **wish)
            with ps.Session(config=config) as session:
                return [session.run(g, {x: X}) for _ in range(2)], plan_of(session, g, {x: X})

    plain, before = runs({})
    again, plan = runs({"checkpoints": []})
    assert op in {n.op for n in before.ir} and drawn_again(plan) == {at_op(op)}
    assert sum(n.op == place_op(op) for n in plan.ir) == 1
    for a, b in zip(plain, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_accelerators_have_both_halves() -> None:
    for op in sorted(HALVES):
        for kind in ("SIM_GPU", "GPU"):
            tables = device_types[kind].kernels
            assert all(any(t.entries(f(op)) for t in tables) for f in (place_op, at_op))


def test_runs_side_by_side_draw_from_places_of_their_own() -> None:
    """Each gradient is zero where its own run dropped, whatever other runs draw meanwhile."""
    g, x, through = dropped({"checkpoints": []}, layers=3)
    with ps.Session() as session, ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: session.run([g, through[-1]], {x: X}), range(12)))
    for grad, kept in runs:
        np.testing.assert_array_equal(grad == 0, kept == 0)
    assert len({kept.tobytes() for _, kept in runs}) == len(runs)


def test_unseeded_numbers_are_drawn_again_too() -> None:
    x = ps.placeholder(ps.float32, SIDE)
    mask = ps.random_normal(SIDE)
    y = ps.exp(ps.sin(x) * mask)
    (g,) = ps.gradients(ps.reduce_sum(y), x, checkpoints=[])
    with ps.Session() as session:
        grad, drawn = session.run([g, mask + 0.0], {x: X})
        assert drawn_again(plan_of(session, [g, mask + 0.0], {x: X})) == {"_RandomStandardNormalAt"}
    wanted = np.exp(np.sin(X) * drawn) * drawn * np.cos(X)
    np.testing.assert_allclose(grad, wanted, rtol=2e-5, atol=1e-6)


def test_masks_are_given_up_before_what_costs_more() -> None:
    """A budget that a few masks pay for is met by drawing them again, not by products."""
    ps.set_random_seed(1)
    x = ps.placeholder(ps.float32, [64, 256])
    h = x
    for i in range(3):
        w = ps.constant(normal(256, 256, seed=i) / 16)
        h = ps.nn.dropout(ps.tanh(ps.matmul(h, w)), rate=DROP)
    loss = ps.reduce_sum(h * h)
    (plain,) = ps.gradients(loss, x, memory_budget="1GB")
    with ps.Session() as session:
        peak = plan_of(session, plain, {x: X}).log.recomputation.evaluation.peak
        (g,) = ps.gradients(loss, x, memory_budget=peak - UNIT // 4)
        plan = plan_of(session, g, {x: X})
        assert drawn_again(plan) and not any(n.op == "MatMul" for n in clones(plan))


def test_the_halves_are_the_whole() -> None:
    shape = np.array([7], np.int32)
    place = ps.raw_ops._RandomUniformPlace(shape, stream="s", seed=7, seed2=11, name="p")
    halves = ps.raw_ops._RandomUniformAt(shape, place, dtype=ps.float32, name="h")
    whole = ps.raw_ops.RandomUniform(shape, dtype=ps.float32, seed=7, seed2=11)
    with ps.Session() as session:
        for i in range(3):
            here, a, b = session.run([place, halves, whole])
            np.testing.assert_array_equal(a, b)
            assert here.tolist() == [7, 7 * 256 * i, 11]


def test_a_place_has_three_numbers() -> None:
    shape = np.array([7], np.int32)
    place = ps.placeholder(ps.uint64)
    for device in DEVICES:
        with ps.device(device):
            x = ps.raw_ops._RandomUniformAt(shape, place, dtype=ps.float32, name="x")
        config = ps.ConfigProto(device_count={"SIM_GPU": 1})
        with (
            ps.Session(config=config) as session,
            pytest.raises(ps.errors.InvalidArgumentError, match=r"place must have shape \[3\]"),
        ):
            session.run(x, {place: np.zeros(2, np.uint64)})


@pytest.mark.parametrize("devices", [["/cpu:0", "/cpu:1"], ["/cpu:0", "/device:SIM_GPU:0"]])
def test_both_halves_stand_on_the_device_of_the_original(devices: list[str]) -> None:
    def runs(wish: dict[str, Any]) -> tuple[list[Any], Any]:
        config = ps.ConfigProto(device_count={"CPU": 2, "SIM_GPU": 1})
        with ps.Graph().as_default():
            ps.set_random_seed(5)
            x = ps.placeholder(ps.float32, SIDE)
            h = x
            for i in range(4):
                with ps.device(devices[i // 2]):
                    h = ps.nn.dropout(ps.tanh(h), rate=DROP)
            (g,) = ps.gradients(ps.reduce_sum(h), x, colocate_gradients_with_ops=True, **wish)
            with ps.Session(config=config) as session:
                return [session.run(g, {x: X}) for _ in range(2)], plan_of(session, g, {x: X})

    plain, before = runs({})
    again, plan = runs({"checkpoints": []})
    np.testing.assert_array_equal(plain, again)
    halves = [n for n in plan.ir if n.op in ("_RandomUniformPlace", "_RandomUniformAt")]
    stream = {n.name: n.attrs["stream"].decode() for n in halves if n.op.endswith("Place")}
    assert len(stream) == 4 and len({n.device for n in halves}) == 2
    for node in halves:
        original = stream.get(node.name) or stream[node.inputs[-1][0]]
        assert node.device == before.ir[original].device
