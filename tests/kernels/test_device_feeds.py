"""Arrays of a device as feeds, and fetches that stay there: by the identity of their memory."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors
from penstock.kernels.gpu import device as gpu
from penstock.kernels.gpu import library
from penstock.kernels.sim_gpu.device import DeviceArray, DeviceMemoryError, SimulatedDevice
from tests.kernels import pretended_cupy

ONE, TWO = "/device:SIM_GPU:0", "/device:SIM_GPU:1"
VALUE = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of copies from and to the host, as they happen."""
    found: list[str] = []
    for way in ("to_device", "to_host"):
        real = getattr(SimulatedDevice, way)

        def counted(self: Any, value: Any, real: Any = real, way: str = way) -> Any:
            found.append(way)
            return real(self, value)

        monkeypatch.setattr(SimulatedDevice, way, counted)
    return found


def session() -> ps.Session:
    return ps.Session(config=ps.ConfigProto(device_count={"CPU": 1, "SIM_GPU": 2}))


def test_from_one_run_to_the_next_without_the_host(copies: list[str]) -> None:
    x = ps.placeholder(ps.float32, [2, 3])
    with ps.device(ONE):
        y = ps.tanh(x)
        z = ps.square(y)
    with session() as sess:
        first = sess.make_callable(y, [x], keep_on_device=True)
        kept = first(VALUE)
        assert isinstance(kept, DeviceArray) and kept.device == "SIM_GPU:0"
        assert copies == ["to_device"]
        copies.clear()
        again = sess.make_callable(z, [y], keep_on_device=True)(kept)
        assert copies == []
        assert sess.run(ps.identity(z), {y: kept}).tolist() == np.square(np.tanh(VALUE)).tolist()
        assert copies == ["to_host"]
        np.testing.assert_array_equal(
            np.from_dlpack(again, device="cpu"), np.square(np.tanh(VALUE))
        )


def test_the_very_same_memory(copies: list[str]) -> None:
    x = ps.placeholder(ps.float32, [None, 3])
    with ps.device(ONE):
        y = ps.identity(x, name="y")
    with session() as sess:
        call = sess.make_callable([y, {"again": y}], [x], keep_on_device=True)
        one, other = call(VALUE)
        assert one is other["again"]
        same = sess.make_callable(y, [x], keep_on_device=True)(one)
        assert same._root is one._root
        with_options = sess.make_callable(y, [x], accept_options=True, keep_on_device=True)
        assert with_options(one, options=ps.RunOptions(timeout_in_ms=10_000))._root is one._root
        live = sess.memory_stats("SIM_GPU:0")["live"]
        del call, one, other, same
        assert live == VALUE.nbytes and sess.memory_stats("SIM_GPU:0")["live"] == 0


def test_a_reader_on_another_device_gets_its_copy() -> None:
    x = ps.placeholder(ps.float32, [2, 3])
    with ps.device(ONE):
        y = x + 1.0
    with ps.device(TWO):
        z = x * 2.0
    with session() as sess:
        kept = sess.make_callable(y, [x], keep_on_device=True)(VALUE)
        both = sess.run([y, z], {x: kept})
        np.testing.assert_array_equal(both[0], VALUE + 2)
        np.testing.assert_array_equal(both[1], (VALUE + 1) * 2)


def test_readers_on_the_host_get_a_host_array(copies: list[str]) -> None:
    x = ps.placeholder(ps.float32, [2, 3])
    with ps.device(ONE):
        y = x + 1.0
    with ps.device("/cpu:0"):
        z = x * 2.0
    with session() as sess:
        kept = sess.make_callable(y, [x], keep_on_device=True)(VALUE)
        np.testing.assert_array_equal(sess.run(z, {x: kept}), (VALUE + 1) * 2)
        np.testing.assert_array_equal(sess.run([y, z], {x: kept})[0], VALUE + 2)
        assert sess.make_callable(z, [x], keep_on_device=True)(kept).tolist() == [
            [2, 4, 6],
            [8, 10, 12],
        ]
        assert sess.run(x, {x: kept}).tolist() == (VALUE + 1).tolist()
        stepper = sess.stepper(y, {x: kept})
        np.testing.assert_array_equal(stepper.finish(), VALUE + 2)


def test_other_dtypes_are_converted_and_shapes_checked() -> None:
    x = ps.placeholder(ps.float32, [2, 3])
    double = ps.placeholder(ps.float64, [2, 3])
    with ps.device(ONE):
        y = x + 1.0
        wide = ps.identity(double)
        flat = ps.reshape(x, [6])
    with session() as sess:
        kept = sess.make_callable(wide, [double], keep_on_device=True)(VALUE)
        assert kept.dtype == np.float64
        np.testing.assert_array_equal(sess.run(y, {x: kept}), VALUE + 1)
        line = sess.make_callable(flat, [x], keep_on_device=True)(VALUE)
        with pytest.raises(errors.FeedError, match=r"cannot feed float32\[6\].*Placeholder"):
            sess.run(y, {x: line})


def test_a_value_that_is_kept_does_not_change() -> None:
    with ps.device(ONE):
        v = ps.get_variable("v", [3], initializer=ps.zeros_initializer())
        step = v.assign_add([1.0, 1.0, 1.0])
        given = ps.placeholder(ps.float32, [3])
        put = v.assign(given)
        read = v.read_value()
    with session() as sess:
        sess.run(ps.global_variables_initializer())
        look = sess.make_callable(read, keep_on_device=True)
        before = look()
        sess.run(step)
        assert np.from_dlpack(before, device="cpu").tolist() == [0, 0, 0]
        sess.run(put.op, {given: before})
        sess.run(step)
        assert np.from_dlpack(before, device="cpu").tolist() == [0, 0, 0]
        assert sess.run(v).tolist() == [1, 1, 1]


def test_another_sessions_array_and_one_after_the_end() -> None:
    x = ps.placeholder(ps.float32, [2, 3])
    with ps.device(ONE):
        y = x + 1.0
    with session() as one, session() as other:
        kept = one.make_callable(y, [x], keep_on_device=True)(VALUE)
        np.testing.assert_array_equal(other.run(y, {x: kept}), VALUE + 2)
    assert np.from_dlpack(kept, device="cpu").tolist() == (VALUE + 1).tolist()


def test_constants_shapes_and_strings_are_arrays_of_the_host() -> None:
    with ps.device(ONE):
        x = ps.placeholder(ps.float32, [None, 3])
        fetches = [ps.shape(x), ps.constant([1.0, 2.0]), x * ps.constant([1.0, 2.0, 3.0])]
    with session() as sess:
        shape, constant, product = sess.make_callable(fetches, [x], keep_on_device=True)(VALUE)
        assert shape.tolist() == [2, 3] and isinstance(product, DeviceArray)
        assert np.asarray(constant).tolist() == [1, 2]


def test_dlpack_of_a_simulated_device() -> None:
    array = SimulatedDevice("/job:localhost/replica:0/task:0/device:SIM_GPU:3", 3).to_device(VALUE)
    assert array.__dlpack_device__() == (12, 3)
    with pytest.raises(DeviceMemoryError, match="touched from the host"):
        array.__dlpack__()
    with pytest.raises(DeviceMemoryError):
        array.__dlpack__(dl_device=(1, 0), copy=False)
    copy = np.from_dlpack(array, device="cpu")
    assert copy.tolist() == VALUE.tolist()


def test_many_threads_feed_what_others_have_kept() -> None:
    x = ps.placeholder(ps.float32, [64])
    with ps.device(ONE):
        y = x + 1.0
    with session() as sess:
        call = sess.make_callable(y, [x], keep_on_device=True)
        results: list[float] = []

        def work() -> None:
            value: Any = np.zeros(64, np.float32)
            for _ in range(50):
                value = call(value)
            results.append(float(np.from_dlpack(value, device="cpu")[0]))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [50.0] * 4


# ---- the GPU's own code, on a pretended CuPy


class Theirs:
    """An array of another library on a CUDA device."""

    def __init__(self, values: np.ndarray[Any, Any], ordinal: int = 0) -> None:
        self.values, self.ordinal = values, ordinal

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.ordinal

    def __dlpack__(self, **_: Any) -> Any:
        raise AssertionError("asked for by CuPy only")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> gpu.GpuDevice:
    module = pretended_cupy.module()
    monkeypatch.setattr(library, "cupy", lambda: module)
    return gpu.GpuDevice("/job:localhost/replica:0/task:0/device:GPU:0", 0)


def test_a_gpu_adopts_what_lies_on_it(device: gpu.GpuDevice) -> None:
    array = device.adopt(Theirs(VALUE))
    assert array.ctypes.data == VALUE.ctypes.data and array.base is not None
    assert device.to_host(array).tolist() == VALUE.tolist()
    assert device.adopt(Theirs(VALUE, 1)) is None
    assert device.adopt(object()) is None
    assert device.adopt(VALUE) is None
    own = device.to_device(VALUE)
    monkey = type("Own", (), {"device": type("D", (), {"id": 0})()})()
    assert gpu._cuda_ordinal(monkey) == 0 and gpu._cuda_ordinal(own) == -1
    turned = device.adopt(Theirs(VALUE.T))
    assert turned.ctypes.data != VALUE.ctypes.data and turned.tolist() == VALUE.T.tolist()


def test_what_is_lent_is_kept_until_the_device_has_read_it(
    device: gpu.GpuDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = device.adopt(Theirs(VALUE.copy()))
    device.settle()
    assert not device._loans.any(), "somebody still refers to it"
    monkeypatch.setattr(pretended_cupy.State, "idle", False)
    del array
    device.settle()
    device.settle()
    assert device._loans.any(), "kernels that read it have not run"
    monkeypatch.setattr(pretended_cupy.State, "idle", True)
    device.settle()
    assert not device._loans.any()
    device.adopt(Theirs(VALUE.T))
    assert device._loans.any(), "copied because it is not dense, but not yet"
    device.synchronize()
    assert not device._loans.any()
