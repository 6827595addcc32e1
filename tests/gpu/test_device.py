"""One real GPU: copies, memory, streams, capture, feeds, and training as on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors
from penstock.kernel_api import Step, Stretch
from penstock.kernels.gpu import library
from penstock.kernels.gpu.device import GpuDevice, open_device, peer_copy
from penstock.kernels.gpu.graphs import WARM_RUNS, Recorder

pytestmark = pytest.mark.gpu
NAME = "/job:localhost/replica:0/task:0/device:GPU:0"


@pytest.fixture
def device() -> Iterator[GpuDevice]:
    opened = open_device(NAME, 0, 0)
    assert isinstance(opened, GpuDevice)
    yield opened
    opened.close()


@pytest.mark.parametrize("dtype", ["float32", "bool", "int8", "complex64", "float16"])
@pytest.mark.parametrize("count", [0, 1, 1000, 5_000_000])
def test_there_and_back(device: GpuDevice, count: int, dtype: str, rng: Any) -> None:
    value = rng.integers(0, 100, count).astype(dtype)
    np.testing.assert_array_equal(device.to_host(device.to_device(value)), value)


def test_copies_wait_for_kernels(device: GpuDevice) -> None:
    ones = device.to_device(np.ones((2048, 2048), np.float32))

    def many(x: Any) -> Any:
        for _ in range(50):
            x = device.xp.matmul(x, ones) / 2048
        return x

    assert (device.to_host(device.bind(many, [False], [False])(ones)) == 1).all()


def test_memory_comes_back(device: GpuDevice) -> None:
    live = device.memory_stats()["live"]
    for _ in range(200):
        array = device.to_device(np.ones(1 << 20, np.float32))
        device.to_host(array)
    del array
    stats = device.memory_stats()
    assert stats["live"] == live and stats["reserved"] < 64 << 20
    assert device.trim() > 0


def test_a_limit_is_resource_exhausted(device: GpuDevice) -> None:
    device.set_memory_limit(8 << 20)
    with pytest.raises(errors.ResourceExhaustedError):
        device.to_device(np.ones(16 << 20, np.uint8))
    assert device.to_host(device.to_device(np.ones(4))).tolist() == [1] * 4


def test_a_captured_graph_replays(device: GpuDevice) -> None:
    def doubled(x: Any) -> Any:
        return (x * 2,)

    steps = (Step(doubled, (0,), (1,)), Step(doubled, (1,), (2,), (1,)))
    recorder = device.bind(Recorder(device, Stretch(steps, (2,))), [False], [False])
    for number in range(WARM_RUNS + 3):
        result = recorder(device.to_device(np.full(1000, number, np.float32)))[0]
        assert (device.to_host(result) == 4 * number).all()


def test_between_two_gpus(device: GpuDevice) -> None:
    if library.device_count() < 2:
        pytest.skip("there is one GPU")
    other = open_device(NAME.replace("GPU:0", "GPU:1"), 1, 0)
    value = np.arange(1 << 20, dtype=np.float32)
    copy = peer_copy(device.to_device(value), device, other)
    np.testing.assert_array_equal(other.to_host(copy), value)


def test_cupy_arrays_are_fed() -> None:
    cupy = library.cupy()
    x = ps.placeholder(ps.float32, [4])
    with ps.Session() as session:
        assert session.run(x * 2, {x: cupy.ones(4, cupy.float32)}).tolist() == [2] * 4


def test_training_is_the_cpus(rng: np.random.Generator) -> None:
    images = rng.normal(size=(8, 12)).astype(np.float32)
    found = []
    for place in ("/cpu:0", "/gpu:0"):
        with ps.Graph().as_default(), ps.device(place), ps.Session() as session:
            x = ps.placeholder(ps.float32, [None, 12])
            seeded = ps.random_normal_initializer(seed=3)
            weights = ps.get_variable("w", [12, 5], initializer=seeded)
            loss = ps.reduce_mean(ps.square(ps.nn.log_softmax(ps.matmul(x, weights))))
            step = ps.train.AdamOptimizer(0.1).minimize(loss)
            session.run(ps.global_variables_initializer())
            for _ in range(5):
                session.run(step, {x: images})
            found.append(session.run([loss, weights], {x: images}))
    for mine, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(mine, theirs, 1e-3, 1e-4)


def test_a_bad_index_fails_its_run() -> None:
    with ps.device("/gpu:0"):
        rows = ps.placeholder(ps.int32, [None])
        picked = ps.gather(ps.ones([4, 2]) * 1.0, rows)
    with ps.Session() as session:
        with pytest.raises(errors.InvalidArgumentError, match=r"indices\[1\] = 4 is not in"):
            session.run(picked, {rows: [0, 4]})
        assert session.run(picked, {rows: [3]}).tolist() == [[1, 1]]
