"""As much of CuPy as `kernels/gpu/device.py` needs, on NumPy: the device's code without a device.

Copies and streams happen at once, so nothing is seen of their order; what is seen is which memory
is taken, where copies go, and what is left when all arrays have gone. A stream that captures keeps
what is started through `Context.start` for the graph; uploads go through pinned memory, as CuPy's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
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
        self.kept: list[Callable[[], object]] | None = None
        self.mem_info = (1 << 30, 2 << 30)

    def __enter__(self) -> Context:
        self.depth += 1
        return self

    def __exit__(self, *problem: object) -> None:
        self.depth -= 1

    def wait_event(self, event: Any) -> None:
        assert isinstance(event, Event)

    def synchronize(self) -> None:
        """Everything has ended, unless it was only captured."""
        if self.kept is not None:
            raise CUDARuntimeError("operation not permitted when stream is capturing")

    def start(self, kernel: Callable[[], object]) -> None:
        """Run a kernel, or keep it for the graph."""
        if self.kept is not None:
            self.kept.append(kernel)
        else:
            kernel()

    def begin_capture(self) -> None:
        """Keep what is started from now on."""
        assert self.kept is None
        self.kept = []

    def end_capture(self) -> Graph:
        """Return what was kept."""
        assert self.kept is not None
        graph, self.kept = Graph(self.kept), None
        return graph

    def record(self) -> Event:
        """Return an event that passes at once."""
        return Event(True)


class CUDARuntimeError(RuntimeError):
    """What the driver refuses."""


class Graph:
    """What a stream has captured."""

    def __init__(self, kernels: list[Callable[[], object]]) -> None:
        self.kernels = kernels
        self.refused = False

    def launch(self, stream: Context) -> None:
        if self.refused:
            raise CUDARuntimeError("invalid argument")
        assert stream.kept is None
        for kernel in self.kernels:
            kernel()


class Event:
    """Passes at once."""

    def __init__(self, disable_timing: bool = False) -> None:
        assert disable_timing

    @property
    def done(self) -> bool:
        return State.idle

    def record(self, stream: Context) -> None:
        assert isinstance(stream, Context)

    def synchronize(self) -> None:
        """It has passed."""


class PretendedArray(np.ndarray[Any, Any]):
    """An array in the pretended GPU's memory."""

    def __new__(cls, shape: Any, dtype: Any = float, memptr: Any = None) -> PretendedArray:
        kept = (ctypes.c_char * max(1, memptr.mem.size)).from_address(memptr.ptr)
        kept._pointer = memptr
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        return np.frombuffer(kept, np.uint8, size).view(dtype).reshape(shape).view(cls)

    @property
    def data(self) -> Any:  # type: ignore[override]
        owner: Any = self
        while owner is not None and not hasattr(owner, "_pointer"):
            owner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
        return SimpleNamespace(ptr=self.ctypes.data, mem=owner and owner._pointer.mem)


class State:
    """The thread's allocator, and the process's for pinned memory."""

    allocator: Any = None
    pinned: Any = None
    idle = True


def empty(shape: Any, dtype: Any = float) -> PretendedArray:
    """Allocate as the thread's allocator says."""
    assert State.allocator is not None, "the device was not entered"
    dtype = np.dtype(dtype)
    count = int(np.prod(shape, dtype=np.int64))
    pointer = State.allocator(count * dtype.itemsize)
    return PretendedArray(shape, dtype, pointer)


def zeros(shape: Any, dtype: Any = float) -> PretendedArray:
    """Return zeros."""
    made = empty(shape, dtype)
    made[...] = 0
    return made


def array(value: Any, dtype: Any = None, order: str = "K") -> PretendedArray:
    """Return a copy; of a host array by way of pinned memory."""
    made = empty(np.shape(value), dtype or np.asarray(value).dtype)
    if not isinstance(value, PretendedArray) and made.ndim > 0:
        State.pinned(made.nbytes)
    made[...] = value
    return made


def memcpy(to: int, source: int, size: int, *_: Any) -> None:
    """Copy bytes."""
    ctypes.memmove(to, source, size)


def set_allocator(allocator: Any) -> None:
    """Take the thread's allocator."""
    State.allocator = allocator


def set_pinned(allocator: Any) -> None:
    """Take the process's allocator of pinned memory."""
    State.pinned = allocator


def module() -> Any:
    """Return the pretended module."""
    State.pinned = bytearray
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
        get_current_stream=Context,
        Event=Event,
        MemoryPool=MemoryPool,
        MemoryPointer=Pointer,
        UnownedMemory=UnownedMemory,
        alloc_pinned_memory=lambda size: State.pinned(size),
        set_pinned_memory_allocator=set_pinned,
        memory=memory,
        runtime=runtime,
    )
    names = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")}
    own = {
        "empty": empty,
        "zeros": zeros,
        "array": array,
        "ndarray": PretendedArray,
        "from_dlpack": lambda value: np.from_dlpack(value.values).view(PretendedArray),
        "get_default_pinned_memory_pool": lambda: SimpleNamespace(malloc=bytearray),
    }
    return SimpleNamespace(**{**names, **own, "cuda": cuda, "__version__": "14.0"})
