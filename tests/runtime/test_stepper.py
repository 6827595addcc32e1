"""Stepping through runs: order, values, what waits for what, errors, several devices."""

import io

import numpy as np
import pytest

import penstock as ps
from penstock.runtime.stepper import Stepper


@pytest.fixture
def two_devices() -> ps.Session:
    return ps.Session(config=ps.ConfigProto(device_count={"CPU": 2}))


def crossing() -> tuple[ps.Tensor, ps.Tensor]:
    """Return x and a tensor made from it on two devices."""
    x = ps.placeholder(ps.float32, [3], name="x")
    with ps.device("/cpu:1"):
        y = ps.square(x, name="y")
    with ps.device("/cpu:0"):
        return x, ps.add(y, 1.0, name="z")


def names(nodes: list) -> list[str]:
    return [node.name for node in nodes]


def test_a_finished_stepper_returns_what_run_returns(two_devices: ps.Session) -> None:
    x, z = crossing()
    feed = {x: np.float32([1, 2, 3])}
    fetches = {"z": z, "all": [z, x]}
    stepped = two_devices.stepper(fetches, feed).finish()
    expected = two_devices.run(fetches, feed)
    np.testing.assert_array_equal(stepped["z"], expected["z"])
    np.testing.assert_array_equal(stepped["all"][1], expected["all"][1])


def test_nodes_wait_for_their_predecessors_and_senders(two_devices: ps.Session) -> None:
    x, z = crossing()
    stepper = two_devices.stepper(z, {x: [1.0, 2.0, 3.0]}, keep=True)
    received = next(n for n in stepper.waiting if n.op == "_Recv" and n.device.endswith("CPU:0"))
    assert len(received.waits_for) == 1
    assert stepper.node("z").waits_for == (received.name,)
    assert stepper.run_to("y").state == "done"
    assert stepper.node(received.name).state == "waiting"
    stepper.run_to(received.name)
    np.testing.assert_array_equal(stepper.peek(received.name), [1, 4, 9])
    assert names(stepper.ready) == ["z"]
    assert stepper.step().name == "z"
    assert stepper.finished and not stepper.ready and not stepper.waiting


def test_values_can_be_looked_at_while_something_reads_them() -> None:
    x = ps.placeholder(ps.float32, [], name="x")
    y = ps.exp(x, name="y")
    z = ps.sqrt(y, name="z")
    stepper = ps.Session().stepper(z, {x: 0.0})
    assert stepper.peek("x:0") == 0.0
    with pytest.raises(ps.errors.FailedPreconditionError, match="its node is ready"):
        stepper.peek(y)
    stepper.step()
    assert stepper.peek(y) == stepper.peek("y") == 1.0
    stepper.step()
    with pytest.raises(ps.errors.FailedPreconditionError, match="keep=True"):
        stepper.peek(y)
    assert stepper.peek(z) == 1.0
    with pytest.raises(ps.errors.NotFoundError, match='no node "nowhere"'):
        stepper.peek("nowhere")
    with pytest.raises(ps.errors.OutOfRangeError, match="finished"):
        stepper.step()


def test_a_node_that_is_not_ready_says_what_it_waits_for() -> None:
    x = ps.placeholder(ps.float32, [], name="x")
    z = ps.sqrt(ps.exp(x, name="y"), name="z")
    stepper = ps.Session().stepper(z, {x: 0.0})
    with pytest.raises(ps.errors.FailedPreconditionError, match=r'"z" is not ready: .* for y'):
        stepper.step(z)
    assert "waits for y" in str(stepper)


def test_a_failed_node_can_be_looked_at_and_tried_again() -> None:
    x = ps.placeholder(ps.int32, [], name="x")
    bad = ps.floordiv(7, x, name="bad")
    stepper = ps.Session().stepper(bad + 1, {x: 0})
    for _ in range(2):
        with pytest.raises(ps.errors.InvalidArgumentError, match="division by zero"):
            stepper.step()
        assert names(stepper.failed) == ["bad"] and stepper.peek("x:0") == 0


def test_the_first_nan_is_found(two_devices: ps.Session) -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    with ps.device("/cpu:1"):
        y = ps.log(x, name="y")
    z = ps.reduce_sum(ps.exp(y), name="z")
    found = two_devices.stepper(z, {x: [1.0, -1.0]}).run_to_nan()
    assert found is not None and (found.name, found.device[-5:]) == ("y", "CPU:1")
    assert two_devices.stepper(z, {x: [1.0, 2.0]}).run_to_nan() is None


def test_a_terminal_drives_a_run() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    z = ps.reduce_sum(ps.log(x, name="y"), name="z")
    stepper = ps.Session().stepper(z, {x: [1.0, -1.0]}, keep=True)
    commands = ["where", "waiting", "step z", "nonsense", "nan", "", "peek y", "peek q", "memory"]
    out = io.StringIO()
    stepper.interact(io.StringIO("\n".join([*commands, "ready", "", "finish", "step"])), out)
    text = out.getvalue()
    for part in (
        "0 of 2 nodes have run",
        "waits for y",
        'node "z" is not ready',
        "unknown command 'nonsense'",
        "done    y (Log) on CPU:0\n        :0 float32[2] [ 0. nan]",
        "done    z (Sum) on CPU:0",
        'no node "q"',
        "none",
        "the run is finished",
    ):
        assert part in text, (part, text)
    assert text.rstrip().endswith("finished") and stepper.finished


def test_variables_change_as_nodes_run_and_memory_is_told() -> None:
    v = ps.get_variable("v", [1000], initializer=ps.zeros_initializer())
    add = ps.assign_add(v, ps.ones([1000]))
    session = ps.Session()
    session.run(v.initializer)
    stepper: Stepper = session.stepper(add)
    assert stepper.live_bytes()["CPU:0"] >= 4000
    for _ in stepper:
        pass
    assert session.run(v)[0] == 1.0
    assert stepper.finish()[0] == 1.0


def test_a_closed_session_is_not_stepped_on() -> None:
    v = ps.Variable(1.0, name="v")
    update = ps.assign_add(v, 1.0, name="update")
    session = ps.Session()
    session.run(v.initializer)
    begun, ended = session.stepper(update), session.stepper(v.read_value())
    begun.step()
    while not ended.finished:
        ended.step()
    session.close()
    last = begun.ready[0].name
    for use in (begun.step, begun.finish, ended.finish, ended.step, lambda: begun.peek(last)):
        with pytest.raises(RuntimeError, match="closed session"):
            use()
    with pytest.raises(ps.errors.FailedPreconditionError, match="closed"):
        begun._native.run(0)
    out = io.StringIO()
    begun.interact(io.StringIO("step\nwhere\nquit\n"), out)
    assert "closed session" in out.getvalue() and "nodes have run" in out.getvalue()
