"""The simulated device: arrays that the host cannot touch, and the count of their bytes.

What leaves this file are `DeviceArray`s. They hide NumPy arrays: whoever takes one for a host
array, in whatever way, gets an error that says so. Bytes are counted once for each buffer, however
many arrays are views of it, from when a kernel returns it until the last array is gone. What a
kernel makes for itself in between is not counted.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from penstock import errors
from penstock.kernel_api import Compute, Device, Windows

_HOST, _OTHER_DEVICE = 1, 12  # device types of DLPack


class DeviceMemoryError(errors.FailedPreconditionError, TypeError):
    """Host code took a value in a device's memory for a NumPy array."""


class Memory:
    """The buffers of one device: who holds them, how many bytes they are."""

    def __init__(self, limit: int, windows: Windows) -> None:
        """Make an empty memory; a limit of 0 is none."""
        self.limit = limit
        self._windows = windows
        self.live = self.peak = self.allocations = 0
        self._holders: dict[int, int] = {}
        self._lock = threading.RLock()  # arrays may die while this thread holds it

    def hold(self, root: Any, device: str) -> None:
        """Count another array on a buffer. Raises `ResourceExhaustedError` over the limit."""
        with self._lock:
            holders = self._holders.get(id(root), 0)
            if holders == 0:
                if self.limit and self.live + root.nbytes > self.limit:
                    raise errors.ResourceExhaustedError(
                        None,
                        None,
                        f"{device} is out of memory: {root.nbytes} bytes more than the "
                        f"{self.live} in use would pass the limit of {self.limit}",
                    )
                self.live += root.nbytes
                self.peak = max(self.peak, self.live)
                self.allocations += 1
                self._windows.grown(self.live)
            self._holders[id(root)] = holders + 1

    def release(self, root: Any) -> None:
        """Count an array on a buffer less."""
        with self._lock:
            holders = self._holders[id(root)] - 1
            if holders:
                self._holders[id(root)] = holders
            else:
                del self._holders[id(root)]
                self.live -= root.nbytes


def buffer_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array that owns the memory of `array`."""
    root, at = array, getattr(array, "base", None)
    while at is not None:
        if isinstance(at, np.ndarray):
            root = at
        at = getattr(at, "base", None)
    return root


class DeviceArray:
    """A value in a simulated device's memory. The host sees its dtype and shape only."""

    __array_ufunc__ = None  # NumPy's functions refuse it, instead of making an array of objects
    __slots__ = ("__weakref__", "_hidden", "_memory", "_root", "device")

    def __init__(self, array: np.ndarray[Any, Any], memory: Memory, device: str) -> None:
        """Hide an array of the device's own: nobody else may write to it afterwards."""
        root = buffer_of(array)
        memory.hold(root, device)
        self._hidden, self._root, self._memory, self.device = array, root, memory, device

    def __del__(self) -> None:
        if hasattr(self, "device"):  # there was room for it
            self._memory.release(self._root)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        dtype: np.dtype[Any] = self._hidden.dtype
        return dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        shape: tuple[int, ...] = self._hidden.shape
        return shape

    @property
    def nbytes(self) -> int:
        """The bytes of the elements."""
        return self._hidden.nbytes

    def __repr__(self) -> str:
        return f"<{self.dtype} array of shape {list(self.shape)} on {self.device}>"

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise DeviceMemoryError(
            None,
            None,
            f"device memory touched from the host: {self!r} must be copied first "
            "(fetch it, or use Device.to_host)",
        )

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return DLPack's number for other devices, and which of them it is."""
        return _OTHER_DEVICE, int(self.device.rpartition(":")[2])

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """Return a copy for the host, `dl_device=(1, 0)`; raises `DeviceMemoryError` otherwise."""
        if dl_device is None or dl_device[0] != _HOST or copy is False:
            self._refuse()
        return np.array(self._hidden, order="C").__dlpack__(max_version=max_version)

    __array__ = __len__ = __iter__ = __getitem__ = __setitem__ = __bool__ = _refuse
    __int__ = __float__ = __index__ = __buffer__ = _refuse
    __add__ = __sub__ = __mul__ = __truediv__ = __matmul__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse


class _Variable:
    """A variable as kernels see it: values are the device's arrays, not hidden."""

    __slots__ = ("_device", "_handle")

    def __init__(self, handle: Any, device: SimulatedDevice) -> None:
        self._handle, self._device = handle, device

    @property
    def name(self) -> str:
        return str(self._handle.name)

    def read(self) -> np.ndarray[Any, Any]:
        return self._device.reveal(self._handle.read())

    def assign(self, value: np.ndarray[Any, Any]) -> None:
        self._handle.assign(self._device.hide(value))


class SimulatedDevice(Device):
    """One simulated device: NumPy behind a wall. Its kernels run one at a time."""

    def __init__(self, name: str, index: int, memory_limit: int = 0) -> None:
        """Open the device of that full name."""
        super().__init__(name, index, memory_limit)
        self._memory = Memory(memory_limit, self.windows)
        self._running = threading.RLock()
        self._short = f"SIM_GPU:{index}"

    @property
    def xp(self) -> Any:
        """NumPy."""
        return np

    def hide(self, value: Any) -> DeviceArray:
        """Return an array of this device's own as the rest of the world may hold it."""
        return DeviceArray(np.asarray(value), self._memory, self._short)

    def reveal(self, value: DeviceArray) -> np.ndarray[Any, Any]:
        """Return the NumPy array behind a value of this device."""
        if value._memory is not self._memory:
            raise errors.InternalError(None, None, f"{value!r} is used on {self._short}")
        return value._hidden

    def to_device(self, value: np.ndarray[Any, Any]) -> DeviceArray:
        """Return a copy of a host array in this device's memory."""
        return self.hide(np.array(value, order="C"))

    def to_host(self, array: DeviceArray) -> np.ndarray[Any, Any]:
        """Return a copy of a device array in host memory."""
        return np.array(self.reveal(array), order="C")

    def adopt(self, value: Any) -> DeviceArray | None:
        """Return a value that was fetched from this device and is fed again."""
        own = isinstance(value, DeviceArray) and value._memory is self._memory
        return value if own else None

    def memory_stats(self) -> dict[str, int]:
        """Return bytes `live`, `peak` and `reserved`, and a count of `allocations`."""
        m = self._memory
        return {
            "live": m.live,
            "peak": m.peak,
            "reserved": m.live,
            "allocations": m.allocations,
        }

    def block_of(self, array: DeviceArray) -> tuple[int, int]:
        """Return a number for the buffer that an array is in, and the buffer's bytes."""
        return id(array._root), array._root.nbytes

    def reset_peak(self) -> None:
        """Let the peak start again from what is live now."""
        self._memory.peak = self._memory.live

    def set_memory_limit(self, limit: int) -> None:
        """Bound the bytes in use from now on; 0 is no bound."""
        super().set_memory_limit(limit)
        self._memory.limit = limit

    def bind(
        self, compute: Compute, host_inputs: Sequence[bool], host_outputs: Sequence[bool]
    ) -> Compute:
        """Return `compute` between revealing its inputs and hiding its outputs."""

        def inside(value: Any) -> Any:
            if isinstance(value, DeviceArray):
                return self.reveal(value)
            return value if isinstance(value, np.ndarray) else _Variable(value, self)

        def outside(value: Any, on_host: bool) -> Any:
            return np.array(value, order="C") if on_host else self.hide(value)

        def call(*inputs: Any) -> Any:
            with self._running, np.errstate(all="ignore"):
                result = compute(*[inside(value) for value in inputs])
                if isinstance(result, tuple):
                    pairs = zip(result, host_outputs, strict=True)
                    return tuple([outside(value, on_host) for value, on_host in pairs])
                return outside(result, host_outputs[0])

        return call

    def synchronize(self) -> None:
        """Return at once: kernels have ended when they return."""

    def close(self) -> None:
        """Return at once: arrays go with whoever holds them."""
