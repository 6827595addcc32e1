"""Feeding arrays of other libraries: DLPack and CUDA's array interface."""

from __future__ import annotations

from typing import Any, ClassVar

import ml_dtypes
import numpy as np
import pytest

import penstock as ps
from penstock import errors
from penstock.kernels.gpu import library
from penstock.runtime import foreign


class Foreign:
    """An array of another library: only DLPack knows what is in it."""

    def __init__(self, array: Any, device: int = 1) -> None:
        self.array, self.device = array, device

    def __dlpack__(self, **wanted: Any) -> Any:
        return self.array.__dlpack__(**wanted)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0


class OneCapsule(Foreign):
    """Gives the same capsule each time, which may be used once."""

    def __init__(self, array: Any, device: int = 1) -> None:
        super().__init__(array, device)
        self.capsule = array.__dlpack__()

    def __dlpack__(self, **wanted: Any) -> Any:
        if wanted.get("dl_device") is not None:
            raise BufferError("no copies")
        return self.capsule


class OnCuda:
    """An array that only tells where it lies in the memory of a GPU."""

    __cuda_array_interface__: ClassVar[Any] = {"shape": (3,), "typestr": "<f4", "data": (1, False)}


def doubled() -> tuple[ps.Tensor, ps.Tensor]:
    x = ps.placeholder(ps.float32, [None])
    return x, x * 2


def test_host_memory_is_not_copied() -> None:
    array = np.arange(2000, dtype=np.float32)
    read = foreign.host_array(Foreign(array))
    assert read.ctypes.data == array.ctypes.data
    x, y = doubled()
    with ps.Session() as session:
        fed = Foreign(array)
        np.testing.assert_array_equal(session.run(y, {x: fed}), array * 2)
        array += 1
        np.testing.assert_array_equal(session.run(y, {x: fed}), array * 2)
        np.testing.assert_array_equal(session.make_callable(y, [x])(fed), array * 2)


def test_dtypes_and_shapes_are_checked_as_ever() -> None:
    x, y = doubled()
    with ps.Session() as session:
        assert session.run(y, {x: Foreign(np.array([1.5]))}).tolist() == [3.0]  # float64
        with pytest.raises(errors.FeedError, match=r"float32\[1, 1\]"):
            session.run(y, {x: Foreign(np.ones((1, 1), np.float32))})
        whole = ps.placeholder(ps.int32, [None])
        with pytest.raises(errors.FeedError, match="not every element fits int32"):
            session.run(whole + 1, {whole: Foreign(np.array([0.5]))})


def test_what_dlpack_cannot_say_goes_the_other_way() -> None:
    class Half(Foreign):
        def __array__(self, *given: Any, **wanted: Any) -> Any:
            return self.array

        def __dlpack__(self, **wanted: Any) -> Any:
            raise BufferError("bfloat16 is not known")

    x = ps.placeholder(ps.bfloat16, [2])
    with ps.Session() as session:
        value = session.run(ps.identity(x), {x: Half(np.ones(2, ml_dtypes.bfloat16))})
    assert value.dtype == ml_dtypes.bfloat16


def test_a_capsule_twice_and_no_array_at_all_are_type_errors() -> None:
    x, y = doubled()
    array = np.ones(3, np.float32)
    once = OneCapsule(array)
    with ps.Session() as session:
        assert session.run(y, {x: once}).tolist() == [2, 2, 2]
        for bad in (once, object(), array.__dlpack__()):
            with pytest.raises(TypeError, match="cannot feed a value of type"):
                session.run(y, {x: bad})
        assert session.run(y, {x: array}).tolist() == [2, 2, 2]


def test_memory_of_a_gpu_needs_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "installed", lambda: False)
    library.cupy.cache_clear()
    x, y = doubled()
    with ps.Session() as session:
        for value in (Foreign(np.ones(3, np.float32), device=2), OnCuda()):
            with pytest.raises(
                errors.FeedError, match=r"CuPy, which is not installed: pip install"
            ):
                session.run(y, {x: value})
        assert session.run(y, {x: Foreign(np.ones(3, np.float32), device=10)}).tolist() == [2] * 3
        with pytest.raises(errors.FeedError, match="DLPack numbers 10: copy it to the CPU first"):
            session.run(y, {x: OneCapsule(np.ones(3, np.float32), device=10)})


def test_memory_of_a_gpu_is_copied_by_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cupy:
        from_dlpack = staticmethod(lambda value: value.array)
        asarray = staticmethod(lambda value: np.zeros(3, np.float32))
        asnumpy = staticmethod(np.array)

    monkeypatch.setattr(library, "cupy", lambda: Cupy)
    x, y = doubled()
    with ps.Session() as session:
        assert session.run(y, {x: Foreign(np.ones(3, np.float32), 2)}).tolist() == [2, 2, 2]
        assert session.run(y, {x: OnCuda()}).tolist() == [0, 0, 0]


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    x, y = doubled()
    with ps.Session() as session:
        assert session.run(y, {x: torch.ones(3)}).tolist() == [2, 2, 2]
        with pytest.raises(TypeError, match="grad"):
            session.run(y, {x: torch.ones(3, requires_grad=True)})
