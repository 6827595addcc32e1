"""predict: from a graph to a simulation in one call, on machines that are not there."""

from __future__ import annotations

import numpy as np
import pytest

import penstock as ps
from penstock import errors
from penstock.graph.devices import short_name
from penstock.simulate import DeviceModel, FixedCosts, Machine, Simulation


def devices(step: Simulation) -> set[str]:
    return {short_name(n.device) for n in step.nodes.values() if n.end > n.start}


def loss_of(width: int, layers: int) -> tuple[ps.Tensor, ps.Tensor]:
    x = ps.placeholder(ps.float32, [None, width], name="x")
    h = x
    for i in range(layers):
        h = ps.nn.relu(ps.matmul(h, ps.get_variable(f"w{i}", [width, width])))
    return x, ps.reduce_mean(h)


def test_a_training_step_on_a_gpu_that_is_not_there() -> None:
    x, loss = loss_of(256, 2)
    train = ps.train.AdamOptimizer().minimize(loss)
    box = Machine.gpu_box(gpus=1)
    step = ps.simulate.predict([train, loss], shapes={x: [64, 256]}, machine=box)
    assert "GPU:0" in devices(step)
    assert [t.bytes for t in step.transfers if short_name(t.source) == "CPU:0"] == [64 * 256 * 4]
    assert step.peak[box.devices[1].name] > 3 * 2 * 256 * 256 * 4  # weights and both slots


def test_feeds_say_how_large_they_are() -> None:
    x, loss = loss_of(64, 1)
    small, large = (
        ps.simulate.predict(loss, {x: np.zeros([n, 64], np.float32)}).step_time for n in (8, 8000)
    )
    assert large > 10 * small


def test_a_strategy_by_name() -> None:
    with ps.Graph().as_default():
        x = ps.placeholder(ps.float32, [64, 512])
        y = sum(ps.tanh(ps.matmul(x, ps.get_variable(f"w{i}", [512, 512]))) for i in range(4))
        world = Machine.local(cpus=4, cores=4)
        default, greedy = (
            ps.simulate.predict(y, shapes={x: [64, 512]}, machine=world, strategy=s)
            for s in ("default", "greedy_earliest_finish")
        )
    assert devices(default) == {"CPU:0"} and len(devices(greedy)) == 4
    assert greedy.step_time < 0.5 * default.step_time


def test_requests_are_met_or_refused() -> None:
    x = ps.placeholder(ps.float32, [4])
    with ps.device("/device:GPU:1"):
        y = ps.tanh(x)
    step = ps.simulate.predict(y, shapes={x: [4]}, machine=Machine.gpu_box(gpus=2))
    assert "GPU:1" in devices(step)
    with pytest.raises(errors.InvalidArgumentError, match="GPU:1"):
        ps.simulate.predict(y, shapes={x: [4]}, machine=Machine.local())
    soft = ps.simulate.predict(
        y, shapes={x: [4]}, machine=Machine.local(), allow_soft_placement=True
    )
    assert devices(soft) == {"CPU:0"}


def test_larger_models_are_predicted_to_take_longer() -> None:
    """The order of predictions is the order of what a step of each really does."""
    times = []
    for width, layers in ((32, 1), (128, 2), (512, 3)):
        with ps.Graph().as_default():
            x, loss = loss_of(width, layers)
            train = ps.train.GradientDescentOptimizer(0.1).minimize(loss)
            times.append(ps.simulate.predict(train, shapes={x: [64, width]}).step_time)
    assert times == sorted(times) and times[2] > 20 * times[0]


def test_the_machine_needs_a_host() -> None:
    with pytest.raises(errors.NotFoundError, match="no device CPU:0"):
        ps.simulate.predict(ps.constant(1), machine=Machine([DeviceModel("GPU:0")]))


def test_costs_may_be_told() -> None:
    x = ps.placeholder(ps.float32, [4])
    step = ps.simulate.predict(ps.tanh(x), shapes={x: [4]}, costs=FixedCosts({"Tanh": 2.0}))
    assert step.step_time == 2.0
