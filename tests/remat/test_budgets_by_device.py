"""A budget for each device: planned, kept and refused device by device."""

from typing import Any

import numpy as np
import pytest

import penstock as ps
from benchmarks.checkpointing.budgeted import normal
from penstock.memory.kernel_memory import allocated
from penstock.remat.infeasible import Infeasible

SIDE = (64, 256)
UNIT = allocated(64 * 256 * 4)
CPUS = (["/cpu:0", "/cpu:1"], {"CPU": 2})
CPU_AND_GPU = (["/cpu:0", "/device:SIM_GPU:0"], {"SIM_GPU": 1})
GPUS = (["/device:SIM_GPU:0", "/device:SIM_GPU:1"], {"SIM_GPU": 2})


def tower(devices: list[str], **wish: Any) -> tuple[Any, Any]:
    """Five steps on one device, five on the other."""
    x = ps.placeholder(ps.float32, SIDE)
    h = x
    for i in range(10):
        with ps.device(devices[i // 5]):
            h = ps.tanh(ps.sin(h))
    (g,) = ps.gradients(ps.reduce_sum(h), [x], colocate_gradients_with_ops=True, **wish)
    return x, g


def measured(
    devices: list[str], count: dict[str, int], **wish: Any
) -> tuple[Any, tuple[tuple[str, int, int], ...], list[int], int]:
    """Return the gradient, the plan's devices, the peaks of a run on them, and its clones."""
    with ps.Graph().as_default():
        x, g = tower(devices, **wish)
        with ps.Session(config=ps.ConfigProto(device_count=count)) as session:
            feed = {x: normal(*SIDE)}
            result = session.run(g, feed)
            whole = session._find_call(g, feed).plan
            plan = whole.log.recomputation
            for node in whole.ir:
                original = node.attrs.get("_recomputed", node.name.encode()).decode()
                assert whole.ir[original].device == node.device
            told = plan.devices if plan else ()
            names = [name for name, _, _ in told]
            before = []
            for name in names:
                session.reset_peak_memory(name)
                before.append(session.memory_stats(name)["live"])
            session.run(g, feed)
            peaks = [session.memory_stats(name)["peak"] for name in names]
            taken = [peak - live for peak, live in zip(peaks, before, strict=True)]
            return result, told, taken, plan.schedule.clones if plan else 0


@pytest.mark.parametrize(
    ("devices", "count", "budget"),
    [
        (*CPUS, "1GB"),
        (*CPUS, 5 * UNIT),
        (*CPU_AND_GPU, "1GB"),
        (*CPU_AND_GPU, 6 * UNIT),
        (*GPUS, "1GB"),
        (*GPUS, 6 * UNIT),
    ],
    ids=str,
)
def test_each_device_stays_within_its_budget(
    devices: list[str], count: dict[str, int], budget: Any
) -> None:
    plain, _, _, _ = measured(devices, count)
    again, told, taken, clones = measured(devices, count, memory_budget=budget)
    np.testing.assert_array_equal(plain, again)
    assert (clones > 0) == (budget != "1GB")
    assert len(told) == 2
    for (_, allowed, planned), peak in zip(told, taken, strict=True):
        assert peak <= planned <= allowed
        assert planned > UNIT


def test_a_budget_for_each_where_their_sum_is_no_guide() -> None:
    budget = {"SIM_GPU:0": 4 * UNIT, "SIM_GPU:1": 10 * UNIT}
    _, told, taken, clones = measured(*GPUS, memory_budget=budget)
    assert clones and [allowed for _, allowed, _ in told] == [4 * UNIT, 10 * UNIT]
    assert taken[0] <= 4 * UNIT and taken[1] <= 10 * UNIT


def test_a_device_without_a_budget_is_not_bounded() -> None:
    budget = {"/cpu:1": 5 * UNIT}
    _, told, taken, clones = measured(*CPUS, memory_budget=budget)
    assert [name[-5:] for name, _, _ in told] == ["CPU:1"]
    assert taken[0] <= 5 * UNIT
    assert clones


def test_the_device_with_too_little_is_named() -> None:
    with pytest.raises(Infeasible, match=r"on CPU:1"):
        measured(*CPUS, memory_budget={"CPU:0": "1GB", "CPU:1": UNIT})


def test_the_limit_of_an_accelerator_is_its_own_again_after_the_run() -> None:
    devices, count = GPUS
    with ps.Graph().as_default():
        x, g = tower(devices, memory_budget="1GB")
        with ps.Session(config=ps.ConfigProto(device_count=count)) as session:
            session.set_memory_limit(1 << 30, "SIM_GPU:0")
            session.run(g, {x: normal(*SIDE)})
            assert session._devices.python[told_full("SIM_GPU:0")].memory_limit == 1 << 30


def told_full(name: str) -> str:
    return f"/job:localhost/replica:0/task:0/device:{name}"


@pytest.mark.parametrize(
    ("budget", "error"),
    [({}, ValueError), ({"CPU:0": "much"}, ValueError), ({"CPU:0": 0}, ValueError)],
)
def test_what_is_no_budget_is_refused(budget: Any, error: type[Exception]) -> None:
    x = ps.placeholder(ps.float32, [2])
    with pytest.raises(error):
        ps.gradients(ps.tanh(x), x, memory_budget=budget)
