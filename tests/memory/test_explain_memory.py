"""explain_memory: the peak, what was live then by node and kind, on every kind of device."""

import threading

import numpy as np
import pytest

import penstock as ps
from penstock.runtime.memory_log import GROUPS

ONE = ps.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1)
MIB = 1 << 20


def chain(length: int, x: ps.Tensor) -> list[ps.Tensor]:
    """Tanh of tanh, each of as many bytes as x."""
    made = [x]
    for i in range(length):
        made.append(ps.tanh(made[-1], name=f"a{i + 1}"))
    return made


def momentum(device: str = "") -> tuple[ps.Tensor, ps.Tensor, ps.Operation]:
    """A layer trained with momentum; what is fed, the loss, the update."""
    with ps.device(device):
        x = ps.placeholder(ps.float32, [512, 64], name="x")
        w = ps.Variable(np.ones((64, 256), np.float32) / 64, name="w")
        count = ps.Variable(0.0, trainable=False, name="count")
        y = ps.nn.relu(ps.matmul(x, w, name="product"), name="hidden")
        loss = ps.reduce_mean(ps.square(y), name="loss")
        train = ps.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
        with ps.control_dependencies([train]):
            train = ps.assign_add(count, 1.0).op
    return x, loss, train


def test_the_live_set_at_the_peak_of_a_chain():
    x = ps.placeholder(ps.float32, [MIB // 4], name="x")
    ys = chain(4, x)
    grad = ps.gradients(ys[-1], [x])[0]
    value = np.zeros(MIB // 4, np.float32)
    with ps.Session(config=ONE) as session:
        session.run(grad, {x: value})
        memory = session.explain_memory(grad, {x: value})
        np.testing.assert_array_equal(memory.results, session.run(grad, {x: value}))
    cpu = memory.devices["CPU:0"]
    assert list(memory.devices) == ["CPU:0"] and memory.peak == {"CPU:0": cpu.peak}
    held = memory.live_at_peak(group="activations")
    assert {"a1", "a2", "a3", "a4"} <= {t.name for t in held}
    assert all(t.bytes == MIB and t.shape == (MIB // 4,) and t.dtype == "float32" for t in held)
    assert all("test_explain_memory.py" in t.source for t in held if t.name.startswith("a"))
    a1 = next(t for t in held if t.name == "a1")
    assert a1.op == "Tanh" and memory.nodes[a1.made_at] == "a1" and a1.made_at < cpu.at
    assert a1.last_use is not None and a1.last_use > cpu.at
    assert memory.nodes[a1.last_use] == a1.last_reader
    assert cpu.outside == {"feeds": MIB}  # used without a copy
    assert sum(cpu.groups.values()) == cpu.peak


def test_the_peak_is_that_of_a_plain_run():
    x = ps.placeholder(ps.float32, [MIB // 4], name="x")
    grad = ps.gradients(chain(6, x)[-1], [x])[0]
    value = np.zeros(MIB // 4, np.float32)
    with ps.Session(config=ONE) as session:
        plain = [session.run_with_memory(grad, {x: value})[1] for _ in range(3)][-1]
        memory = session.explain_memory(grad, {x: value})
        assert memory.peak["CPU:0"] == plain.peak == plain.devices["CPU:0"].peak
        assert memory.devices["CPU:0"].after == plain.live_after
        assert memory.devices["CPU:0"].planned == plain.peak


@pytest.mark.parametrize("kind", ["CPU", "SIM_GPU"])
def test_kinds_of_memory_in_training(kind):
    x, loss, train = momentum(f"/device:{kind}:0")
    config = ps.ConfigProto(
        device_count={"SIM_GPU": 1},
        allow_soft_placement=True,
        inter_op_parallelism_threads=1,
        intra_op_parallelism_threads=1,
    )
    feed = {x: np.ones((512, 64), np.float32)}
    with ps.Session(config=config) as session:
        session.run(ps.global_variables_initializer())
        session.run([loss, train], feed)
        memory = session.explain_memory(train, feed)
        usage = session.memory_usage()
    here = memory.devices[f"{kind}:0"]
    weights = 64 * 256 * 4
    assert here.groups["parameters"] == here.groups["slots"] == weights
    assert 4 <= here.groups["variables"] <= 64
    assert set(here.groups) <= set(GROUPS)
    assert len({m.groups.get("elsewhere", 0) for m in here.timeline}) == 1
    assert here.groups["activations"] >= 2 * 512 * 256 * 4
    assert sum(here.groups.values()) == here.peak
    names = {t.name: t for t in here.live}
    assert names['"w"'].group == "parameters" and names['"w/Momentum"'].group == "slots"
    assert names['"w"'].op == "variable" and names['"w"'].last_use is None
    assert here.after == here.before
    assert here.planned == (here.peak if kind == "CPU" else None)
    assert usage[f"{kind}:0"].parameters == usage[f"{kind}:0"].slots == weights
    assert usage[f"{kind}:0"].live == here.after


def test_updates_of_variables_are_followed():
    """A variable that is copied before its update, because somebody read it, is counted twice."""
    v = ps.Variable(np.zeros(MIB // 4, np.float32), name="v")
    old = ps.identity(v.read_value(), name="old")
    with ps.control_dependencies([old]):
        new = ps.assign_add(v, np.float32(1.0) * ps.ones([MIB // 4]), name="new")
    with ps.Session(config=ONE) as session:
        session.run(v.initializer)
        memory = session.explain_memory([old, new.op])
    cpu = memory.devices["CPU:0"]
    assert cpu.groups["parameters"] == MIB and cpu.groups["fetches"] == MIB
    last = cpu.timeline[-1].groups
    assert last["parameters"] == last["fetches"] == MIB
    assert len({m.groups.get("elsewhere", 0) for m in cpu.timeline}) == 1


def test_the_first_run_of_a_session_and_what_is_fetched():
    n = ps.placeholder(ps.int32, [], name="n")
    big = ps.fill([n], 2.0, name="big")
    feed = {n: MIB // 4}
    with ps.Session(config=ONE) as session:
        first = session.explain_memory([big, big + 1.0], feed)
        cpu = first.devices["CPU:0"]
        assert cpu.groups["fetches"] == 2 * MIB and cpu.after - cpu.before > MIB
        again = session.explain_memory(big + 1.0, feed).devices["CPU:0"]
        assert again.groups["elsewhere"] >= 2 * MIB  # the arrays that `first` keeps
        del first
        after = session.explain_memory(big + 1.0, feed).devices["CPU:0"]
        assert after.groups.get("elsewhere", 0) < MIB


def test_scratch_is_told_apart():
    x = ps.placeholder(ps.float32, [8, 32, 32, 8])
    w = ps.Variable(np.ones((3, 3, 8, 8), np.float32))
    y = ps.nn.conv2d(x, w, [1, 1, 1, 1], "SAME", name="conv")
    grad = ps.gradients(ps.square(y), [w])[0]
    feed = {x: np.ones((8, 32, 32, 8), np.float32)}
    with ps.Session(config=ONE) as session:
        session.run(w.initializer)
        memory = session.explain_memory(grad, feed)
    for moment in memory.devices["CPU:0"].timeline:
        assert moment.peak >= moment.live >= moment.ended >= 0
        assert sum(moment.groups.values()) == moment.live


def test_several_devices_and_what_travels():
    with ps.device("/cpu:0"):
        x = ps.placeholder(ps.float32, [MIB // 4], name="x")
        a = ps.exp(x, name="a")
    with ps.device("/cpu:1"):
        b = ps.sin(a, name="b")
    with ps.device("/device:SIM_GPU:0"):
        c = ps.sqrt(b * b, name="c")
    with ps.device("/cpu:0"):
        d = ps.add(c, a, name="d")
    config = ps.ConfigProto(
        device_count={"CPU": 2, "SIM_GPU": 1},
        inter_op_parallelism_threads=1,
        intra_op_parallelism_threads=1,
    )
    feed = {x: np.zeros(MIB // 4, np.float32)}
    with ps.Session(config=config) as session:
        session.run(d, feed)
        plain = session.run_with_memory(d, feed)[1]
        memory = session.explain_memory(d, feed)
    assert list(memory.devices) == list(plain.devices) == ["CPU:0", "CPU:1", "SIM_GPU:0"]
    assert memory.peak == {name: device.peak for name, device in plain.devices.items()}
    for device in memory.devices.values():
        assert len(device.timeline) == len(memory.nodes) + 1 and device.after <= MIB
        assert len({m.groups.get("elsewhere", 0) for m in device.timeline}) == 1, device.device


def test_each_run_has_a_window_of_its_own():
    x = ps.placeholder(ps.float32, [None], name="x")
    y = ps.exp(x, name="y") * 2.0
    with ps.Session(config=ONE) as session:
        large = session.run_with_memory(y, {x: np.zeros(MIB // 4, np.float32)})[1]
        small = session.run_with_memory(y, {x: np.zeros(1000, np.float32)})[1]
        assert large.peak >= MIB > small.peak
        assert session.memory_stats()["peak"] >= MIB
        session.reset_peak_memory()
        assert session.memory_stats()["peak"] < MIB


def test_runs_at_the_same_time_each_see_the_whole_device():
    """The window of a long run includes a short one within it, and is not ended by that one."""
    x = ps.placeholder(ps.float32, [None], name="x")
    z = x
    for _ in range(200):
        z = ps.sin(z)
    short = ps.exp(x)
    feed = {x: np.zeros(MIB // 4, np.float32)}
    peaks: list[int] = []
    with ps.Session(config=ONE) as session:
        session.run(short, {x: [0.0]})

        def long() -> None:
            for _ in range(3):
                peaks.append(session.run_with_memory(z, feed)[1].peak)

        thread = threading.Thread(target=long)
        thread.start()
        while thread.is_alive():
            inner = session.run_with_memory(short, {x: np.zeros(1000, np.float32)})[1]
            assert inner.peak >= 4000
        thread.join()
    assert all(peak >= MIB for peak in peaks) and len(peaks) == 3


def test_texts():
    x, loss, train = momentum()
    feed = {x: np.ones((512, 64), np.float32)}
    with ps.Session(config=ONE) as session:
        session.run(ps.global_variables_initializer())
        session.set_memory_limit(100 * MIB)
        memory = session.explain_memory([loss, train], feed)
        with pytest.raises(KeyError):
            memory.live_at_peak("CPU:7")
    text = str(memory)
    assert text.startswith("CPU:0: peak ") and "limit 104,857,600" in text
    for word in ("parameters", "slots", "live at the peak", 'variable "w"', "product"):
        assert word in text
    assert repr(memory).startswith("<MemoryExplanation of ")


def test_errors_are_those_of_a_run():
    x = ps.placeholder(ps.float32, [None], name="x")
    y = ps.exp(ps.concat([x, x], 0, name="twice"), name="y")
    with ps.Session(config=ONE) as session:
        session.set_memory_limit(1 << 12)
        with pytest.raises(ps.errors.ResourceExhaustedError, match=r"(?s)twice.*largest live"):
            session.explain_memory(y, {x: np.zeros(10_000, np.float32)})
        with pytest.raises(ps.errors.OpError, match="x"):
            session.explain_memory(y)
        assert session.explain_memory(y, {x: [0.0]}).results.shape == (2,)
        session.close()
        with pytest.raises(RuntimeError, match="closed"):
            session.explain_memory(y, {x: [0.0]})
