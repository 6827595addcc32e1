"""Machines: names, routes, presets, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from penstock import errors
from penstock.graph.devices import HOST, DeviceAttributes
from penstock.simulate import DeviceModel, LinkModel, Machine, full_name


def route(machine: Machine, source: str, destination: str) -> list[str]:
    return [link.name for link in machine.route(source, destination)]


@pytest.mark.parametrize("name", ["CPU:0", "cpu:0", "/cpu:0", "/device:CPU:0", HOST])
def test_full_names(name: str) -> None:
    assert full_name(name) == HOST


@pytest.mark.parametrize("name", ["", "CPU", "/job:a", "/gpu:*"])
def test_names_of_no_device(name: str) -> None:
    with pytest.raises(ValueError, match="device"):
        full_name(name)


def test_the_most_exact_route_wins() -> None:
    devices = [DeviceModel(f"GPU:{i}") for i in range(3)]
    links = [LinkModel(name) for name in "abc"]
    routes = {("*", "*"): "a", ("GPU:0", "*"): "b", ("GPU", "GPU:2"): "c"}
    m = Machine(devices, links, routes)
    assert route(m, "GPU:1", "GPU:0") == ["a"]
    assert route(m, "GPU:0", "GPU:2") == ["b"]
    assert route(m, "GPU:1", "GPU:2") == ["c"]
    assert route(Machine(devices), "GPU:0", "GPU:1") == []


def test_local_devices_share_the_processors() -> None:
    m = Machine.local(cpus=2, cores=4, SIM_GPU=1)
    assert [d.name[-9:] for d in m.devices] == ["ice:CPU:0", "ice:CPU:1", "SIM_GPU:0"]
    assert m.pools == {"host": 4} and {d.pool for d in m.devices} == {"host"}
    assert route(m, "CPU:0", "CPU:1") == ["handover"]
    assert route(m, "CPU:0", "SIM_GPU:0") == ["memory"]


def test_a_session_s_devices_and_limits() -> None:
    gpu = DeviceAttributes(full_name("GPU:0"), "GPU", 1 << 30, 2)
    m = Machine.of([DeviceAttributes(HOST, "CPU", 0, 1), gpu])
    assert m.device("GPU:0").memory == 1 << 30 and not m.device("GPU:0").pool
    assert route(m, "CPU:0", "GPU:0") == ["to GPU:0"]
    assert route(m, "GPU:0", "CPU:0") == ["from GPU:0"]
    assert [a[:3] for a in m.attributes()] == [(HOST, "CPU", 0), gpu[:3]]


def test_a_gpu_box_has_switches_and_shared_buses() -> None:
    box = Machine.gpu_box(gpus=4)
    assert route(box, "CPU:0", "GPU:2") == route(box, "CPU:0", "GPU:3") == ["bus 1 down"]
    assert route(box, "GPU:0", "GPU:1") == ["switch 0"]
    assert route(box, "GPU:1", "GPU:2") == ["bus 0 up", "bus 1 down"]
    peers = Machine.gpu_box(gpus=2, peer=3e11)
    assert route(peers, "GPU:1", "GPU:0") == ["peer 1-0"]


def test_changing_a_device() -> None:
    m = Machine.local(cpus=2).with_device("CPU:1", flops=1e12)
    assert [d.flops for d in m.devices][1] == 1e12 != m.devices[0].flops


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: DeviceModel("CPU:0", flops=0), "flops must be positive"),
        (lambda: DeviceModel("CPU:0", launch=-1.0), "never negative"),
        (
            lambda: DeviceModel("CPU:0", pool="p") and Machine([DeviceModel("CPU:0", pool="p")]),
            "pool",
        ),
        (lambda: LinkModel("x", bandwidth=math.nan), "bandwidth must be positive"),
        (lambda: LinkModel("x", latency=math.inf), "never negative"),
        (lambda: Machine([]), "different names"),
        (lambda: Machine([DeviceModel("CPU:0")] * 2), "different names"),
        (lambda: Machine([DeviceModel("CPU:0")], [], {("*", "*"): ["x"]}), "links that there are"),
    ],
)
def test_what_is_no_machine(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(errors.NotFoundError, match="no device GPU:0, only CPU:0"):
        Machine.local(cpus=1).device("GPU:0")
