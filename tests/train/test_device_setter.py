"""replica_device_setter: the devices that TensorFlow 2.21 gave the same programs."""

from typing import Any

import pytest

import penstock as ps

# arguments, the device block around each variable, and for each (variable, initializer, constant)
RECORDED: list[tuple[dict[str, Any], list[str], list[tuple[str, str, str]]]] = [
    (
        {"ps_tasks": 2},
        ["", "", ""],
        [
            ("/job:ps/task:0", "/job:ps/task:0", "/job:worker"),
            ("/job:ps/task:1", "/job:ps/task:1", "/job:worker"),
            ("/job:ps/task:0", "/job:ps/task:0", "/job:worker"),
        ],
    ),
    (
        {"ps_tasks": 2},
        ["/cpu:0", "/job:worker/task:3", "/job:ps/gpu:1", "/task:7"],
        [
            (
                "/job:ps/task:0/device:CPU:0",
                "/job:ps/task:0/device:CPU:0",
                "/job:worker/device:CPU:0",
            ),
            ("/job:worker/task:3", "/job:worker/task:3", "/job:worker/task:3"),
            ("/job:ps/task:1/device:GPU:1", "/job:ps/task:1/device:GPU:1", "/job:ps/device:GPU:1"),
            ("/job:ps/task:7", "/job:ps/task:7", "/job:worker/task:7"),
        ],
    ),
    (
        {"ps_tasks": 2, "merge_devices": False},
        ["/cpu:0", ""],
        [
            ("/device:CPU:0", "/device:CPU:0", "/device:CPU:0"),
            ("/job:ps/task:0", "/job:ps/task:0", "/job:worker"),
        ],
    ),
    (
        {"cluster": {"ps": ["a", "b", "c"], "worker": ["d"]}},
        ["", "", "", ""],
        [
            ("/job:ps/task:0", "/job:ps/task:0", "/job:worker"),
            ("/job:ps/task:1", "/job:ps/task:1", "/job:worker"),
            ("/job:ps/task:2", "/job:ps/task:2", "/job:worker"),
            ("/job:ps/task:0", "/job:ps/task:0", "/job:worker"),
        ],
    ),
    (
        {"cluster": {"worker": ["d"]}},
        ["/cpu:0"],
        [("/device:CPU:0", "/device:CPU:0", "/device:CPU:0")],
    ),
    (
        {
            "ps_tasks": 3,
            "ps_device": "/job:p/cpu:0",
            "worker_device": "/job:w/gpu:0",
            "ps_strategy": lambda op: 2,
        },
        ["", "/gpu:5"],
        [
            ("/job:p/task:2/device:CPU:0", "/job:p/task:2/device:CPU:0", "/job:w/device:GPU:0"),
            ("/job:p/task:2/device:GPU:5", "/job:p/task:2/device:GPU:5", "/job:w/device:GPU:5"),
        ],
    ),
    (
        {"ps_tasks": 2, "ps_ops": ["Const"]},
        ["", ""],
        [
            ("/job:worker", "/job:worker", "/job:ps/task:0"),
            ("/job:worker", "/job:worker", "/job:ps/task:1"),
        ],
    ),
    (
        {"ps_tasks": 1, "ps_device": "/cpu:0", "worker_device": ""},
        [""],
        [("/device:CPU:0", "/device:CPU:0", "")],
    ),
]


@pytest.mark.parametrize(("arguments", "blocks", "expected"), RECORDED)
def test_recorded(
    arguments: dict[str, Any], blocks: list[str], expected: list[tuple[str, str, str]]
) -> None:
    found = []
    with ps.device(ps.train.replica_device_setter(**arguments)):
        for i, block in enumerate(blocks):
            with ps.device(block):
                v = ps.get_variable(f"v{i}", [1], initializer=ps.zeros_initializer())
                found.append((v.device, v.initializer.device, ps.constant(1.0).device))
    assert found == expected


def test_no_servers_and_no_strategy() -> None:
    assert ps.train.replica_device_setter() is None
    assert ps.train.replica_device_setter(cluster={"worker": ["a"]}) is None
    with pytest.raises(TypeError, match="not 3"):
        ps.train.replica_device_setter(ps_tasks=1, ps_strategy=3)


def test_reads_and_updates_follow_the_variable() -> None:
    with ps.device(ps.train.replica_device_setter(ps_tasks=2)):
        v = ps.Variable([1.0], name="v")
        loss = ps.reduce_sum(ps.square(v), name="loss")
        train = ps.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    graph = ps.get_default_graph()
    assert train.graph is graph
    for name in ("v", "v/Momentum", "Momentum/update_v/ResourceApplyMomentum"):
        assert graph.get_operation_by_name(name).device == "/job:ps/task:0", name
    assert graph.get_operation_by_name("loss").device == "/job:worker"
