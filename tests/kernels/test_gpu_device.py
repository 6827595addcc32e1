"""The code of GPU devices on a pretended CuPy: memory, copies, errors. See pretended_cupy.py."""

from __future__ import annotations

import gc

import ml_dtypes
import numpy as np
import pytest

from penstock import errors
from penstock.kernels.gpu import device as gpu
from penstock.kernels.gpu import faults, library
from tests.kernels import pretended_cupy


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> gpu.GpuDevice:
    module = pretended_cupy.module()
    monkeypatch.setattr(library, "cupy", lambda: module)
    return gpu.GpuDevice("/job:localhost/replica:0/task:0/device:GPU:0", 0)


@pytest.mark.parametrize("count", [0, 1, 7, 100_000, 3_000_000])
def test_there_and_back(device: gpu.GpuDevice, count: int) -> None:
    value = np.arange(count, dtype=np.float32).reshape(1, count)
    array = device.to_device(value)
    value[...] = -1  # it may change as soon as the call has returned
    back = device.to_host(array)
    assert back.dtype == np.float32 and back.shape == (1, count)
    assert type(back) is np.ndarray and back.flags.owndata
    np.testing.assert_array_equal(back[0], np.arange(count))


def test_scalars_and_bfloat16_and_views(device: gpu.GpuDevice) -> None:
    assert device.to_host(device.to_device(np.array(3, np.int64))) == 3
    half = np.array([1.5, -2], ml_dtypes.bfloat16)
    back = device.to_host(device.to_device(half))
    assert back.dtype == ml_dtypes.bfloat16 and back.tolist() == half.tolist()
    array = device.to_device(np.arange(6).reshape(2, 3))
    with device.entered():
        turned = device.copy(array.T)
    assert device.to_host(turned).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_blocks_and_windows(device: gpu.GpuDevice) -> None:
    window = device.begin_window()
    array, other = (device.to_device(np.zeros(1000, np.float64)) for _ in range(2))
    before = device.memory_stats()["live"]
    assert device.block_of(array) == device.block_of(array[500:])
    assert device.block_of(array)[1] == 8192
    assert device.block_of(array)[0] != device.block_of(other)[0]
    inner = device.begin_window()
    del other
    gc.collect()
    assert device.end_window(inner) == device.end_window(window) == before
    later = device.begin_window()
    assert device.end_window(later) == before - 8192


def test_bytes_are_counted(device: gpu.GpuDevice) -> None:
    start = device.memory_stats()
    array = device.to_device(np.zeros(1000, np.float64))
    half = array[:500]
    stats = device.memory_stats()
    assert stats["live"] - start["live"] == 8192 == stats["reserved"] - start["reserved"]
    assert stats["allocations"] == start["allocations"] + 1
    del array
    gc.collect()
    assert device.memory_stats()["live"] == stats["live"], "a view keeps it"
    del half
    gc.collect()
    after = device.memory_stats()
    assert after["live"] == start["live"] and after["peak"] == stats["peak"]
    device.reset_peak()
    assert device.memory_stats()["peak"] == start["live"]
    assert device.trim() == 0 and device.total_memory() == 2 << 30


def test_a_limit_is_resource_exhausted(device: gpu.GpuDevice) -> None:
    device.set_memory_limit(1 << 16)
    with pytest.raises(errors.ResourceExhaustedError, match="the limit is 65536"):
        device.to_device(np.zeros(1 << 16, np.float32))
    bound = device.bind(lambda: device.empty((1 << 20,), np.float32), [], [False])
    with pytest.raises(errors.ResourceExhaustedError, match=r"memory of /job.*GPU:0 is exhausted"):
        bound()
    device.set_memory_limit(0)
    assert bound().size == 1 << 20


def test_kernels_run_within_the_device_and_leave_it(device: gpu.GpuDevice) -> None:
    stream = device.streams.compute.stream
    before = pretended_cupy.State.allocator

    def compute(x: object) -> int:
        assert pretended_cupy.State.allocator == device.pool.malloc
        return int(stream.depth)

    assert device.bind(compute, [False], [True])(1) == 1

    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        device.bind(fails, [], [])()
    assert stream.depth == 0 and pretended_cupy.State.allocator is before


def test_bad_indices_are_told_when_somebody_waits(device: gpu.GpuDevice) -> None:
    array = device.to_device(np.zeros(2))
    device.settle()
    site = device.faults.expect("pick", "GatherV2", faults.index_text((2,)))
    device.faults.record[:] = [site, 1, 9, 4]  # as a kernel does
    with pytest.raises(errors.InvalidArgumentError, match=r'"pick": indices\[1\] = 9 is not in'):
        device.settle()
    device.settle()
    device.faults.expect("pick", "GatherV2", faults.index_text((2,)))
    device.faults.record[:] = [site, 0, -1, 4]
    with pytest.raises(errors.InvalidArgumentError, match=r"indices\[0\] = -1"):
        device.to_host(array)
    assert device.to_host(array).tolist() == [0, 0]
    device.synchronize()
    device.close()


def test_between_two_devices(device: gpu.GpuDevice) -> None:
    other = gpu.open_device("/job:localhost/replica:0/task:0/device:GPU:1", 1, 0)
    array = device.to_device(np.arange(5))
    copy = gpu.peer_copy(array, device, other)
    assert copy.ctypes.data != array.ctypes.data
    assert other.to_host(copy).tolist() == [0, 1, 2, 3, 4]
    assert gpu.peer_copy(array, device, device) is array


def test_nothing_is_imported_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_driver_present", lambda: False)
    monkeypatch.setattr(library, "installed", lambda: True)
    monkeypatch.setattr(library, "cupy", lambda: pytest.fail("imported"))
    library.device_count.cache_clear()
    assert library.device_count() == 0
    library.device_count.cache_clear()
