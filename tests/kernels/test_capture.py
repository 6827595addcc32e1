"""Capture by a GPU's own code, on a pretended CuPy: uploads end it, and nothing else changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock.kernel_api import Step, Stretch
from penstock.kernels.gpu import device as gpu
from penstock.kernels.gpu import library
from penstock.kernels.gpu.graphs import WARM_RUNS, Recorder
from penstock.kernels.gpu.guard import CaptureError
from tests.kernels import pretended_cupy

RUNS = WARM_RUNS + 3


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> gpu.GpuDevice:
    module = pretended_cupy.module()
    monkeypatch.setattr(library, "cupy", lambda: module)
    return gpu.GpuDevice("/job:localhost/replica:0/task:0/device:GPU:0", 0)


def recorder_of(device: gpu.GpuDevice, kernel: Any) -> tuple[Recorder, Any]:
    """Return the recorder of one kernel, and the recorder as a step calls it."""
    recorder = device.stretch(Stretch((Step(kernel, (0,), (1,)),), (1,)))
    assert isinstance(recorder, Recorder)
    return recorder, device.bind(recorder, [False], [False])


def doubled(device: gpu.GpuDevice, x: Any) -> Any:
    out = device.empty(x.shape, x.dtype)
    device.streams.compute.stream.start(lambda: np.multiply(x, 2, out=out))
    return out


def check(device: gpu.GpuDevice, call: Any, factor: float = 2.0) -> None:
    for number in range(RUNS):
        (result,) = call(device.to_device(np.full(3, number, np.float32)))
        assert device.to_host(result).tolist() == [number * factor] * 3


def test_capture_and_replay(device: gpu.GpuDevice) -> None:
    recorder, call = recorder_of(device, lambda x: (doubled(device, x),))
    check(device, call)
    assert recorder.state() == (RUNS, 1, RUNS - WARM_RUNS, "")
    assert str(recorder.state()) == "6 runs, 3 as replays of 1 captures"


def test_an_upload_of_cupys_ends_the_capture(device: gpu.GpuDevice) -> None:
    table = np.array([1, 1, 1], np.float32)

    def kernel(x: Any) -> Any:
        out, added = doubled(device, x), device.xp.array(table)
        device.streams.compute.stream.start(lambda: np.add(out, added - 1, out=out))
        return (out,)

    recorder, call = recorder_of(device, kernel)
    check(device, call)
    assert recorder.state() == (RUNS, 1, 0, "a kernel copies between the host and the device")


@pytest.mark.parametrize("way", ["up", "down", "wait"])
def test_a_copy_of_the_devices_own_ends_it(device: gpu.GpuDevice, way: str) -> None:
    def kernel(x: Any) -> Any:
        if way == "up":
            device.to_device(np.ones(2))
        elif way == "down":
            device.to_host(x)
        else:
            device.synchronize()
        return (doubled(device, x),)

    recorder, call = recorder_of(device, kernel)
    check(device, call)
    assert recorder.state().given_up == "a kernel copies between the host and the device"
    assert device.streams.compute.stream.kept is None, "the stream captures no more"
    assert device.streams.compute.stream.depth == 0


def test_without_a_guard_there_is_no_capture(device: gpu.GpuDevice) -> None:
    device.xp.cuda.set_pinned_memory_allocator(bytearray)  # as a program may do
    recorder, call = recorder_of(device, lambda x: (doubled(device, x),))
    check(device, call)
    assert "pinned memory allocator was replaced" in recorder.state().given_up


def test_uploads_are_refused_within_captures_of_this_thread_only(device: gpu.GpuDevice) -> None:
    with device.entered():
        assert device.guard.works()
    with device.guard.refusing(), pytest.raises(CaptureError):
        device.guard.malloc(1)
    assert len(device.guard.malloc(8)) == 8
    again = gpu.GpuDevice("/job:localhost/replica:0/task:0/device:GPU:1", 1)
    assert again.guard is device.guard


def test_a_graph_that_cannot_be_launched(device: gpu.GpuDevice) -> None:
    recorder, call = recorder_of(device, lambda x: (doubled(device, x),))
    check(device, call)
    captured: Any = recorder._captured
    captured.graph._graph.refused = True
    check(device, call)
    assert recorder.state().given_up == "the graph cannot be launched: invalid argument"


def test_memory_of_a_graph_counts_and_may_not_fit(device: gpu.GpuDevice) -> None:
    def kernel(x: Any) -> Any:
        device.empty((1000,), np.float64)
        return (doubled(device, x),)

    recorder, call = recorder_of(device, kernel)
    device.set_memory_limit(24 << 10)
    check(device, call)
    assert recorder.replays
    recorder, call = recorder_of(device, kernel)
    held = device.to_device(np.zeros(800))
    for _ in range(WARM_RUNS):
        call(held)
    device.set_memory_limit(device.memory_stats()["reserved"] + 14336)
    call(held)
    assert not recorder.replays and "do not fit" in recorder.state().given_up
