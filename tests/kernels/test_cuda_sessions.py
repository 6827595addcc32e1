"""Sessions on a device whose kernels are the CUDA sources, run on the host: see host_gpu.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors, kernel_api
from penstock.kernel_api import DeviceType
from penstock.kernels.array import ARRAY
from penstock.kernels.gpu import CUDA, sources
from tests.kernels import cuda_host
from tests.kernels.host_gpu import HostGpu

pytestmark = pytest.mark.skipif(cuda_host.COMPILER is None, reason="there is no C++ compiler")
KIND = DeviceType("HOST_GPU", (CUDA, ARRAY), lambda: 0, HostGpu)


@pytest.fixture(autouse=True)
def on_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "launch", cuda_host.launch)
    monkeypatch.setitem(kernel_api.device_types, "HOST_GPU", KIND)


def session() -> ps.Session:
    config = ps.ConfigProto(device_count={"HOST_GPU": 1}, allow_soft_placement=True)
    return ps.Session(config=config)


def convnet(x: Any, labels: Any, device: str) -> tuple[Any, list[Any]]:
    """Return the loss and the variables of a small network with most kinds of kernels."""
    with ps.variable_scope("net", reuse=False), ps.device(device):
        seeded = ps.random_normal_initializer(stddev=0.3, seed=5)
        filters = ps.get_variable("filters", [3, 3, 2, 4], initializer=seeded)
        image = ps.nn.conv2d(x, filters, strides=[1, 1, 1, 1], padding="SAME")
        scale = ps.get_variable("scale", [4], initializer=ps.ones_initializer())
        offset = ps.get_variable("offset", [4], initializer=ps.zeros_initializer())
        image = ps.nn.fused_batch_norm(image, scale, offset)[0]
        image = ps.nn.max_pool(ps.nn.relu(image), [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
        flat = ps.reshape(image, [-1, 3 * 3 * 4])
        weights = ps.get_variable("weights", [36, 5], initializer=seeded)
        loss = ps.nn.sparse_softmax_cross_entropy_with_logits(
            labels=labels, logits=ps.matmul(flat, weights)
        )
        return ps.reduce_mean(loss), [filters, scale, offset, weights]


OPTIMIZERS: list[Callable[[], Any]] = [
    lambda: ps.train.AdamOptimizer(0.05),
    lambda: ps.train.MomentumOptimizer(0.05, 0.9, use_nesterov=True),
    lambda: ps.train.RMSPropOptimizer(0.01),
]


@pytest.mark.parametrize("make", OPTIMIZERS, ids=["adam", "momentum", "rms_prop"])
def test_training_is_the_cpus(make: Callable[[], Any], rng: np.random.Generator) -> None:
    images = rng.normal(size=(4, 6, 6, 2)).astype(np.float32)
    classes = rng.integers(0, 5, 4).astype(np.int64)
    found = []
    for device in ("/cpu:0", "/device:HOST_GPU:0"):
        with ps.Graph().as_default(), session() as sess:
            x, labels = (
                ps.placeholder(ps.float32, [None, 6, 6, 2]),
                ps.placeholder(ps.int64, [None]),
            )
            loss, variables = convnet(x, labels, device)
            with ps.device(device):
                step = make().minimize(loss)
            sess.run(ps.global_variables_initializer())
            for _ in range(3):
                sess.run(step, {x: images, labels: classes})
            found.append(sess.run([loss, *variables], {x: images, labels: classes}))
    for mine, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(mine, theirs, 2e-4, 2e-4)


def test_values_read_before_an_update_stay() -> None:
    with ps.device("/device:HOST_GPU:0"):
        variable = ps.get_variable("v", [3], initializer=ps.ones_initializer())
        before = variable.read_value()
        view = ps.reshape(before, [3, 1])
        with ps.control_dependencies([before, view]):
            step = ps.train.GradientDescentOptimizer(0.5).apply_gradients(
                [(ps.constant([1.0, 1.0, 1.0]), variable)]
            )
        with ps.control_dependencies([step]):
            after = variable.read_value()
            kept = before + 0.0
            seen = view + 0.0
    with session() as sess:
        sess.run(ps.global_variables_initializer())
        for number in range(3):
            values = sess.run([kept, seen, after])
            now = 1.0 - 0.5 * number
            assert [v.reshape(-1)[0] for v in values] == [now, now, now - 0.5]


def test_a_bad_index_fails_the_run_that_met_it() -> None:
    with ps.device("/device:HOST_GPU:0"):
        table = ps.get_variable("t", [4, 2], initializer=ps.ones_initializer())
        rows = ps.placeholder(ps.int32, [None])
        picked = ps.gather(table, rows)
        step = ps.scatter_update(table, rows, ps.zeros([1, 2]))
    with session() as sess:
        sess.run(ps.global_variables_initializer())
        with pytest.raises(errors.InvalidArgumentError, match=r"indices\[1\] = 4 is not in \[0, 4"):
            sess.run(picked, {rows: [0, 4]})
        with pytest.raises(errors.InvalidArgumentError, match=r"indices\[0\] = -1 is not in"):
            sess.run(step.op, {rows: [-1]})
        assert sess.run(picked, {rows: [3]}).tolist() == [[1, 1]]


def test_random_numbers_are_the_cpus() -> None:
    made: list[list[Any]] = []
    for device in ("/cpu:0", "/device:HOST_GPU:0"):
        with ps.Graph().as_default(), ps.device(device), session() as sess:
            ps.set_random_seed(11)
            fetches = [
                ps.random_uniform([7]),
                ps.random_uniform([5], maxval=100, dtype=ps.int32),
                ps.random_uniform([5], maxval=1 << 40, dtype=ps.int64),
                ps.random_normal([6], dtype=ps.float64),
                ps.truncated_normal([9]),
            ]
            made.append([sess.run(fetches) for _ in range(2)])
    for theirs, mine in zip(made[0], made[1], strict=True):
        for a, b in zip(theirs, mine, strict=True):
            np.testing.assert_allclose(b, a, 1e-6, 1e-7)


def test_random_numbers_are_drawn_again_from_their_place() -> None:
    """What gradients repeat are the same numbers, and the stream moves on as in a plain run."""

    def runs(wish: dict[str, Any]) -> tuple[list[Any], set[str]]:
        with ps.Graph().as_default(), ps.device("/device:HOST_GPU:0"), session() as sess:
            ps.set_random_seed(11)
            x = ps.placeholder(ps.float32, [16, 16])
            whole = ps.cast(ps.random_uniform([16, 16], maxval=9, dtype=ps.int32), ps.float32)
            h = ps.nn.dropout(ps.tanh(x) * whole, rate=0.5)
            h = ps.tanh(ps.tanh(h * ps.random_normal([16, 16])) * ps.truncated_normal([16]))
            (g,) = ps.gradients(ps.reduce_sum(h), x, **wish)
            feed = {x: np.linspace(-1, 1, 256, dtype=np.float32).reshape(16, 16)}
            values = [sess.run(g, feed) for _ in range(3)]
            return values, {n.op for n in sess.explain_plan(g, feed).ir}

    plain, _ = runs({})
    again, ops = runs({"checkpoints": []})
    ends = ("Uniform", "UniformInt", "StandardNormal")
    assert {f"_Random{end}{half}" for end in ends for half in ("Place", "At")} < ops
    assert {"_TruncatedNormalPlace", "_TruncatedNormalAt"} < ops
    np.testing.assert_array_equal(plain, again)
