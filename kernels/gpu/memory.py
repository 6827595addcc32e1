"""The memory of one GPU: a pool with a limit, exact figures of what is in use, pinned staging.

Arrays come from a CuPy `MemoryPool` of the session's own. What is in use is counted here and not
asked of the pool, which keeps no peak: every allocation is a lease that gives its bytes back when
the last array on it has gone. Host memory that copies pass through is page-locked, which makes
them asynchronous and twice as fast; of it there are a few buffers of a fixed size.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from penstock import errors
from penstock.kernel_api import Windows
from penstock.kernels.gpu.streams import Line

GRAIN = 512
"""CuPy's pool hands out multiples of so many bytes."""


class Ledger:
    """Bytes in use, their peak, and how many allocations there were. Any thread may write."""

    def __init__(self, windows: Windows | None = None) -> None:
        """Open it with nothing in use; it tells `windows` when more is."""
        self.live = self.peak = self.allocations = 0
        self._windows = windows or Windows()
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Count an allocation."""
        with self._lock:
            self.allocations += 1
            self.live += size
            self.peak = max(self.peak, self.live)
            self._windows.grown(self.live)

    def give_back(self, size: int) -> None:
        """Count the end of an allocation."""
        with self._lock:
            self.live -= size

    def reset_peak(self) -> None:
        """Let the peak start from what is in use."""
        with self._lock:
            self.peak = self.live


class _Lease:
    """Keeps a piece of the pool, and the ledger informed."""

    __slots__ = ("ledger", "piece", "size")

    def __init__(self, piece: Any, size: int, ledger: Ledger) -> None:
        self.piece, self.size, self.ledger = piece, size, ledger
        ledger.take(size)

    def __del__(self) -> None:
        self.ledger.give_back(self.size)


class Pool:
    """The allocator that a device gives to CuPy for its own threads."""

    def __init__(self, cupy: Any, ordinal: int, limit: int, ledger: Ledger | None = None) -> None:
        """Make an empty pool on the current device; `limit` in bytes, 0 for none."""
        self._cuda = cupy.cuda
        self._ordinal = ordinal
        self._pool = cupy.cuda.MemoryPool()
        self.ledger = ledger or Ledger()
        self.set_limit(limit)

    def malloc(self, size: int) -> Any:
        """Return a pointer to `size` bytes, as CuPy's allocators do."""
        piece = self._pool.malloc(size)
        lease = _Lease(piece, piece.mem.size, self.ledger)
        memory = self._cuda.UnownedMemory(piece.ptr, size, lease, self._ordinal)
        return self._cuda.MemoryPointer(memory, 0)

    def set_limit(self, limit: int) -> None:
        """Bound what the pool may hold."""
        self.limit = limit
        self._pool.set_limit(size=limit)

    def left(self) -> int:
        """Return how many bytes may still be reserved; 0 where there is no bound."""
        return max(1, self.limit - int(self._pool.total_bytes())) if self.limit else 0

    def stats(self) -> dict[str, int]:
        """Return `live`, `peak`, `reserved` and `allocations`."""
        ledger = self.ledger
        return {
            "live": ledger.live,
            "peak": ledger.peak,
            "reserved": int(self._pool.total_bytes()),
            "allocations": ledger.allocations,
        }

    def trim(self) -> int:
        """Give what is not in use back to the driver; return how many bytes."""
        before = int(self._pool.total_bytes())
        self._pool.free_all_blocks()
        return before - int(self._pool.total_bytes())

    def exhausted(self, name: str, problem: BaseException) -> errors.ResourceExhaustedError:
        """Return what to raise when the pool, or the GPU, has no more memory."""
        stats = self.stats()
        bound = f", the limit is {self.limit}" if self.limit else ""
        return errors.ResourceExhaustedError(
            None,
            None,
            f"the memory of {name} is exhausted: {stats['live']} bytes are in use, "
            f"{stats['reserved']} are reserved{bound} ({problem})",
        )


class Staging:
    """Copies between pageable host memory and a device, by way of two pinned buffers.

    While one buffer travels the other is filled or emptied. One copy at a time.
    """

    def __init__(self, cupy: Any, line: Line, chunk: int = 4 << 20) -> None:
        """Make it for copies on `line`, in pieces of `chunk` bytes; buffers come when needed."""
        self._cuda = cupy.cuda
        self._line = line
        self._chunk = chunk
        self._buffers: list[np.ndarray[Any, Any]] = []
        self._done: list[Any] = []
        self._lock = threading.Lock()

    def upload(self, source: np.ndarray[Any, Any], pointer: int) -> None:
        """Start copying the bytes `source` to device address `pointer`; they may change after."""
        with self._lock:
            for turn, begin, end in self._pieces(source.nbytes):
                buffer, done = self._turn(turn)
                done.synchronize()  # what it carried before has arrived
                buffer[: end - begin] = source[begin:end]
                self._copy(pointer + begin, buffer.ctypes.data, end - begin, "HostToDevice")
                done.record(self._line.stream)

    def download(self, pointer: int, target: np.ndarray[Any, Any]) -> None:
        """Copy from a device address into the bytes `target`, which are there on return."""
        with self._lock:
            waiting: tuple[int, int, int] | None = None
            for piece in self._pieces(target.nbytes):
                turn, begin, end = piece
                buffer, done = self._turn(turn)
                self._copy(buffer.ctypes.data, pointer + begin, end - begin, "DeviceToHost")
                done.record(self._line.stream)
                if waiting is not None:
                    self._empty(waiting, target)
                waiting = piece
            if waiting is not None:
                self._empty(waiting, target)

    def _empty(self, piece: tuple[int, int, int], target: np.ndarray[Any, Any]) -> None:
        turn, begin, end = piece
        buffer, done = self._turn(turn)
        done.synchronize()
        target[begin:end] = buffer[: end - begin]

    def _pieces(self, size: int) -> Iterator[tuple[int, int, int]]:
        for number, begin in enumerate(range(0, size, self._chunk)):
            yield number % 2, begin, min(size, begin + self._chunk)

    def _turn(self, turn: int) -> tuple[np.ndarray[Any, Any], Any]:
        while len(self._buffers) <= turn:
            memory = self._cuda.alloc_pinned_memory(self._chunk)
            self._buffers.append(np.frombuffer(memory, np.uint8, self._chunk))
            self._done.append(self._cuda.Event(disable_timing=True))
        return self._buffers[turn], self._done[turn]

    def _copy(self, to: int, source: int, size: int, kind: str) -> None:
        runtime = self._cuda.runtime
        direction = getattr(runtime, f"memcpy{kind}")
        runtime.memcpyAsync(to, source, size, direction, self._line.stream.ptr)
