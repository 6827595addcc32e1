"""As much of CuPy as `kernels/gpu/device.py` needs, on NumPy: the device's code without a device.

Copies and streams happen at once, so nothing is seen of their order; what is seen is which memory
is taken, where copies go, and what is left when all arrays have gone.
"""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np


class OutOfMemoryError(MemoryError):
    """The pool's limit is reached."""


class Pointer:
    """A piece of memory; `mem` keeps it."""

    def __init__(self, mem: Any, offset: int) -> None:
        self.mem = mem
        self.ptr = mem.ptr + offset


class Memory:
    """Memory of the pretended GPU."""

    def __init__(self, size: int, pool: Any) -> None:
        self.size, self.pool = -(-size // 512) * 512, pool
        self.bytes = (ctypes.c_char * max(1, self.size))()
        self.ptr = ctypes.addressof(self.bytes)
        pool.total += self.size

    def __del__(self) -> None:
        self.pool.total -= self.size


class UnownedMemory:
    """Memory that an owner keeps."""

    def __init__(self, ptr: int, size: int, owner: Any, device_id: int = -1) -> None:
        self.ptr, self.size, self.owner, self.device_id = ptr, size, owner, device_id


class MemoryPool:
    """A pool without cached blocks."""

    def __init__(self) -> None:
        self.total = self.limit = 0

    def malloc(self, size: int) -> Pointer:
        if self.limit and self.total + size > self.limit:
            raise OutOfMemoryError(f"{size} bytes do not fit")
        return Pointer(Memory(size, self), 0)

    def set_limit(self, size: int) -> None:
        self.limit = size

    def total_bytes(self) -> int:
        return self.total

    def free_all_blocks(self) -> None:
        """There are none."""


class Context:
    """A device or a stream: something to enter."""

    def __init__(self, *given: Any, **wanted: Any) -> None:
        self.ptr = 1
        self.depth = 0
        self.mem_info = (1 << 30, 2 << 30)

    def __enter__(self) -> Context:
        self.depth += 1
        return self

    def __exit__(self, *problem: object) -> None:
        self.depth -= 1

    def wait_event(self, event: Any) -> None:
        assert isinstance(event, Event)

    def synchronize(self) -> None:
        """Everything has ended."""


class Event:
    """Passes at once."""

    def __init__(self, disable_timing: bool = False) -> None:
        assert disable_timing

    def record(self, stream: Context) -> None:
        assert isinstance(stream, Context)

    def synchronize(self) -> None:
        """It has passed."""


class PretendedArray(np.ndarray[Any, Any]):
    """An array in the pretended GPU's memory."""

    @property
    def data(self) -> Any:  # type: ignore[override]
        return SimpleNamespace(ptr=self.ctypes.data)


class State:
    """The thread's allocator."""

    allocator: Any = None


def empty(shape: Any, dtype: Any = float) -> PretendedArray:
    """Allocate as the thread's allocator says."""
    assert State.allocator is not None, "the device was not entered"
    dtype = np.dtype(dtype)
    count = int(np.prod(shape, dtype=np.int64))
    pointer = State.allocator(count * dtype.itemsize)
    kept = (ctypes.c_char * max(1, count * dtype.itemsize)).from_address(pointer.ptr or 1)
    kept._pointer = pointer
    flat = np.frombuffer(kept, np.uint8, count * dtype.itemsize)
    return flat.view(dtype).reshape(shape).view(PretendedArray)


def zeros(shape: Any, dtype: Any = float) -> PretendedArray:
    """Return zeros."""
    made = empty(shape, dtype)
    made[...] = 0
    return made


def array(value: Any, dtype: Any = None, order: str = "K") -> PretendedArray:
    """Return a copy."""
    made = empty(np.shape(value), dtype or np.asarray(value).dtype)
    made[...] = value
    return made


def memcpy(to: int, source: int, size: int, *_: Any) -> None:
    """Copy bytes."""
    ctypes.memmove(to, source, size)


def set_allocator(allocator: Any) -> None:
    """Take the thread's allocator."""
    State.allocator = allocator


def module() -> Any:
    """Return the pretended module."""
    memory = SimpleNamespace(
        _set_thread_local_allocator=set_allocator,
        _get_thread_local_allocator=lambda: State.allocator,
        OutOfMemoryError=OutOfMemoryError,
    )
    runtime = SimpleNamespace(
        memcpyAsync=memcpy,
        memcpyPeerAsync=lambda to, to_device, source, device, size, stream: memcpy(
            to, source, size
        ),
        memcpyHostToDevice=1,
        memcpyDeviceToHost=2,
    )
    cuda = SimpleNamespace(
        Device=Context,
        Stream=Context,
        Event=Event,
        MemoryPool=MemoryPool,
        MemoryPointer=Pointer,
        UnownedMemory=UnownedMemory,
        alloc_pinned_memory=lambda size: bytearray(size),
        memory=memory,
        runtime=runtime,
    )
    names = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
    own = {"empty": empty, "zeros": zeros, "array": array, "ndarray": PretendedArray}
    return SimpleNamespace(**{**names, **own, "cuda": cuda, "__version__": "14.0"})
