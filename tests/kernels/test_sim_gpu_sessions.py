"""Programs on a simulated GPU against the same programs on the CPU: training, streams, mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors, options
from penstock.kernel_api import device_types
from penstock.kernels import sim_gpu
from tests.ops.test_training import RULES, SPARSE, build, slots_of

GPU = "/device:SIM_GPU:0"
F32 = ps.float32
CONFIG = ps.ConfigProto(device_count={"SIM_GPU": 1})


def on_both(make: Callable[[], Any]) -> list[Any]:
    """Return what `make()` evaluates to, three times, on the CPU and on the device."""
    results = []
    for device in ("/device:CPU:0", GPU):
        with ps.Graph().as_default(), ps.device(device):
            made = make()
            with ps.Session(config=CONFIG) as session:
                session.run(ps.global_variables_initializer())
                results.append([session.run(made) for _ in range(3)])
    return results


def trained(layers: Callable[[Any], Any]) -> tuple[list[float], list[float]]:
    """Return the losses of a few steps on the CPU and on the device, from the same weights."""
    losses = []
    for device in ("/device:CPU:0", GPU):
        with ps.Graph().as_default(), ps.device(device):
            loss = layers(np.random.default_rng(3))
            step = ps.train.AdamOptimizer(0.01).minimize(loss)
            with ps.Session(config=CONFIG) as session:
                session.run(ps.global_variables_initializer())
                losses.append([float(session.run([loss, step])[0]) for _ in range(5)])
    return losses[0], losses[1]


def weights(*shape: int) -> Any:
    values = np.random.default_rng(sum(shape)).normal(size=shape) * 0.3
    return ps.Variable(values, dtype=F32)


def mlp(rng: Any) -> Any:
    x = ps.constant(rng.normal(size=(16, 8)), F32)
    labels = ps.constant(rng.integers(0, 4, 16))
    hidden = ps.nn.relu(ps.matmul(x, weights(8, 12)) + weights(12))
    logits = ps.matmul(hidden, weights(12, 4)) + weights(4)
    return ps.reduce_mean(
        ps.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )


def convnet(rng: Any) -> Any:
    x = ps.constant(rng.normal(size=(4, 8, 8, 2)), F32)
    y = ps.nn.bias_add(ps.nn.conv2d(x, weights(3, 3, 2, 5), [1, 1, 1, 1], "SAME"), weights(5))
    y = ps.nn.max_pool(ps.nn.relu(y), [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    y = ps.nn.avg_pool(y, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    return ps.reduce_sum(ps.square(ps.matmul(ps.reshape(y, [4, -1]), weights(20, 3))))


def embedding(rng: Any) -> Any:
    rows = ps.nn.embedding_lookup(weights(30, 6), ps.constant(rng.integers(0, 30, (5, 4))))
    return ps.reduce_mean(ps.square(ps.reduce_sum(rows, axis=1) - 1.0))


@pytest.mark.parametrize("layers", [mlp, convnet, embedding])
def test_training_takes_the_same_course(layers: Any) -> None:
    cpu, gpu = trained(layers)
    assert cpu[-1] < cpu[0]
    np.testing.assert_allclose(gpu, cpu, rtol=2e-5)


@pytest.mark.parametrize("name", RULES)
def test_updates(name: str, rng: np.random.Generator) -> None:
    rule = RULES[name]
    start = slots_of(rule, (7, 3), "float32")
    grad = rng.uniform(-1, 1, (7, 3)).astype(np.float32)
    rows = np.array([5, 0, 5, 2])
    sparse = rng.uniform(-1, 1, (4, 3)).astype(np.float32)
    found = []
    for device in ("/device:CPU:0", GPU):
        with ps.Graph().as_default(), ps.device(device):
            op = name.split("-")[0]
            init, update, reads = build(f"Resource{op}", rule, start, grad)
            updates = [update]
            if name in SPARSE:
                again = build(f"ResourceSparse{op}", rule, start, sparse, rows)
                updates.append(again[1])
            with ps.Session(config=CONFIG) as session:
                session.run(init)
                for one in updates:
                    session.run(one)
                found.append(session.run(reads))
    for cpu, gpu in zip(*found, strict=True):
        np.testing.assert_allclose(gpu, cpu, rtol=2e-5, atol=2e-6)


def test_random_streams_are_the_same_bits() -> None:
    def draw() -> Any:
        shuffled = ps.random_shuffle(np.arange(11), seed=9)
        return [
            ps.random_uniform([7], seed=1),
            ps.random_uniform([7], dtype=ps.float64, seed=1),
            ps.random_uniform([7], dtype=ps.float16, seed=1),
            ps.random_uniform([7], -5, 9, dtype=ps.int32, seed=1),
            ps.random_uniform([7], -5, 9, dtype=ps.int64, seed=1),
            shuffled,
        ]

    cpu, gpu = on_both(draw)
    for ours, theirs in zip(gpu, cpu, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_random_normals_are_the_same_numbers() -> None:
    def draw() -> Any:
        return [
            ps.random_normal([301], seed=2),
            ps.truncated_normal([301], seed=2),
            ps.truncated_normal([301], dtype=ps.float64, seed=2),
            ps.multinomial(ps.log([[1.0, 2.0, 3.0]]), 50, seed=2),
        ]

    cpu, gpu = on_both(draw)
    for ours, theirs in zip(gpu, cpu, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


MISTAKES: dict[str, Callable[[Any], Any]] = {
    "integer division by zero": lambda i: ps.floordiv(i, 0 * i),
    "is not in [0, 2)": lambda i: ps.gather([1.0, 2.0], i),
    "is outside the valid range [0, 2)": lambda i: ps.nn.sparse_softmax_cross_entropy_with_logits(
        labels=i, logits=np.zeros([2, 2], "f")
    ),
    "integers to negative integer powers": lambda i: ps.pow(i, -i),
    "must be sorted": lambda i: ps.segment_sum(np.ones(2, "f"), i),
    "do not broadcast": lambda i: i + ps.placeholder_with_default(np.ones(3, "i"), None),
    "cannot reshape": lambda i: ps.reshape(i, ps.placeholder_with_default([5], [None])),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_told_as_on_the_cpu(text: str) -> None:
    for device, short in (("/device:CPU:0", "CPU:0"), (GPU, "SIM_GPU:0")):
        with ps.Graph().as_default(), ps.device(device):
            indices = ps.placeholder(ps.int32, [None])
            wrong = MISTAKES[text](indices)
            with (
                ps.Session(config=CONFIG) as session,
                pytest.raises(errors.InvalidArgumentError) as raised,
            ):
                session.run(wrong, {indices: [9, 3]})
            assert text in str(raised.value)
            assert f"on {short}" in str(raised.value)


def test_an_uninitialised_variable_is_named() -> None:
    with ps.device(GPU):
        variable = ps.get_variable("weight", [3])
        step = ps.assign_add(variable, [1.0, 2.0, 3.0])
    with (
        ps.Session(config=CONFIG) as session,
        pytest.raises(errors.FailedPreconditionError, match="weight"),
    ):
        session.run(step)


def test_the_number_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_SIM_GPU", raising=False)
    assert sim_gpu.count() == 0
    monkeypatch.setenv("PENSTOCK_SIM_GPU", "2")
    assert device_types["SIM_GPU"].count() == 2
    with ps.Session() as session:
        assert [d.device_type for d in session.list_devices()] == ["CPU", "SIM_GPU", "SIM_GPU"]
    monkeypatch.setenv("PENSTOCK_SIM_GPU", "many")
    with pytest.raises(ValueError, match="PENSTOCK_SIM_GPU='many' is no number of devices"):
        sim_gpu.count()


def test_a_device_that_runs_out_of_memory_stays_usable() -> None:
    before = options.configure(device_memory_limit=100_000)
    try:
        with ps.device(GPU):
            rows = ps.placeholder(ps.float32, [None])
            square = ps.multiply(rows[:, None], rows, name="square")
            total = ps.reduce_sum(square)
        with ps.Session(config=CONFIG) as session:
            for _ in range(20):
                with pytest.raises(errors.ResourceExhaustedError, match="square") as raised:
                    session.run(total, {rows: np.ones(500)})
                assert "SIM_GPU:0" in str(raised.value)
                assert session.run(total, {rows: np.ones(10)}) == 100.0
            (device,) = session._devices.python.values()
            raised.value.__traceback__ = None
            assert device.memory_stats()["live"] < 10_000
    finally:
        options.configure(device_memory_limit=before.device_memory_limit)
