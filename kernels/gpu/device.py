"""CUDA devices: memory, streams and copies of one GPU of one session.

Kernels of a device are started on its compute stream, in order, by one thread at a time, and
return before the GPU has done the work; only `to_host`, `synchronize` and `settle` wait. Copies
run on streams of their own. bfloat16 stays bfloat16 in device memory; kernels compute it in float.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import kernel_api
from penstock.kernel_api import Array, Compute, Stretch
from penstock.kernels.gpu import faults, guard, library, memory, variables
from penstock.kernels.gpu.capture import Capture
from penstock.kernels.gpu.graphs import Recorder
from penstock.kernels.gpu.loans import Loans
from penstock.kernels.gpu.random_state import RandomState
from penstock.kernels.gpu.streams import Streams

_CUDA = 2  # DLPack's number for it

SMALL = 64 << 10
"""Up to this many bytes a copy to the device is ordered with the kernels: an event costs more."""


class GpuDevice(kernel_api.Device):
    """One GPU. `index` is the number that CUDA gives it."""

    def __init__(self, name: str, index: int, memory_limit: int = 0) -> None:
        """Open GPU number `index`; raises `UnimplementedError` without CuPy."""
        super().__init__(name, index, memory_limit)
        self._cupy = library.cupy()
        self._device = self._cupy.cuda.Device(index)
        self._lock = threading.RLock()
        self.guard = guard.installed(self._cupy)
        with self._device:
            self.streams = Streams(self._cupy)
            ledger = memory.Ledger(self.windows)
            self.pool = memory.Pool(self._cupy, index, memory_limit, ledger)
            self._in = memory.Staging(self._cupy, self.streams.upload)
            self._small = memory.Staging(self._cupy, self.streams.compute, SMALL)
            self._out = memory.Staging(self._cupy, self.streams.download)
        self._switch = self._cupy.cuda.memory._set_thread_local_allocator
        self._allocator = self._cupy.cuda.memory._get_thread_local_allocator
        self._out_of_memory: type[Exception] = self._cupy.cuda.memory.OutOfMemoryError
        self.random = RandomState()
        self._loans = Loans(self._cupy, index)
        with self.entered():
            self.faults = faults.Faults(self._cupy.zeros(faults.WORDS, np.int64))

    @property
    def xp(self) -> Any:
        """CuPy."""
        return self._cupy

    def entered(self) -> _Entered:
        """Return a context in which CuPy works on this device, its stream and its memory."""
        return _Entered(self)

    def bind(
        self, compute: Compute, host_inputs: Sequence[bool], host_outputs: Sequence[bool]
    ) -> Compute:
        """Return `compute` on this device: entered once for each call, one call at a time."""
        entered, lock = self.entered, self._lock
        exhausted, pool, name = self._out_of_memory, self.pool, self.name

        def bound(*arrays: Any) -> Any:
            try:
                with lock, entered():
                    return compute(*arrays)
            except exhausted as error:
                raise pool.exhausted(name, error) from None

        return bound

    def capturing(self) -> Capture:
        """Return a context in which kernels are captured into a CUDA graph: see graphs.py."""
        return Capture(self)

    def copy(self, array: Array) -> Array:
        """Return a copy in this device's memory; the device must have been entered."""
        return self._cupy.array(array, order="C")

    def overwrite(self, target: Array, source: Array) -> None:
        """Copy elements of one array into another; the device must have been entered."""
        target[...] = source

    def address(self, array: Array) -> int:
        """Return where an array of this device begins."""
        return int(array.data.ptr)

    def is_own(self, handle: Any) -> bool:
        """Return True when nobody but the variable holds its value."""
        return variables.is_own(handle)

    def stretch(self, stretch: Stretch) -> Compute:
        """Return what captures the stretch into a CUDA graph once that is worth it."""
        return Recorder(self, stretch)

    def stable_order(self, numbers: Array) -> Array:
        """Return where each number stood once they are sorted, equal ones in their order."""
        return self._cupy.argsort(numbers)  # CuPy has no other sort, and no name for it

    def empty(self, shape: Sequence[int], dtype: Any) -> Array:
        """Return a new array of any content; the device must have been entered."""
        return self._cupy.empty(tuple(shape), dtype)

    def to_device(self, value: np.ndarray[Any, Any]) -> Array:
        """Return a copy of a host array, on its way when this returns."""
        self.guard.check()
        flat = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        try:
            with self._lock, self.entered():
                array = self._cupy.empty(value.shape, value.dtype)
                if flat.nbytes <= SMALL:
                    self._small.upload(flat, array.data.ptr)
                    return array
                # The memory may have been freed by kernels that still have to run.
                self.streams.upload.wait_for(self.streams.compute)
                self._in.upload(flat, array.data.ptr)
                self.streams.compute.wait_for(self.streams.upload)
                return array
        except self._out_of_memory as error:
            raise self.pool.exhausted(self.name, error) from None

    def to_host(self, array: Array) -> np.ndarray[Any, Any]:
        """Return a copy in host memory, after the kernels started so far; others may go on.

        Raises `InvalidArgumentError` when one of them met an index out of range.
        """
        self.guard.check()
        with self._lock, self.entered():
            dense = self._dense(array)
            self.streams.download.wait_for(self.streams.compute)
        result = np.empty(dense.shape, dense.dtype)
        with self._device:
            self._out.download(dense.data.ptr, result.reshape(-1).view(np.uint8))
        self._look()
        return result

    def adopt(self, value: Any) -> Array | None:
        """Return another library's array that lies on this GPU, on the same memory.

        It must stay as it is until the run has ended, and while a result may be a view of it.
        """
        if _cuda_ordinal(value) != self.index:
            return None
        with self._device:
            made = self._cupy.cuda.get_current_stream().record()  # of CuPy's arrays, by this thread
        with self._lock, self.entered():
            self.streams.compute.stream.wait_event(made)
            return self._loans.take(value)

    def _dense(self, array: Array) -> Array:
        return array if array.flags.c_contiguous else self._cupy.ascontiguousarray(array)

    def settle(self) -> None:
        """Raise what the kernels of a step have left to raise; waits only where there may be any.

        For the end of a step that fetched nothing from this device.
        """
        self._give_back()
        if self.faults.pending():
            with self._lock, self._device:  # an event of a stream that captures would be captured
                self.streams.download.wait_for(self.streams.compute)
            self._look()

    def _give_back(self) -> None:
        if self._loans.any():
            with self._lock, self._device:
                self._loans.settle(self.streams.compute.mark)

    def _look(self) -> None:
        if not self.faults.pending():
            return
        words = np.zeros(faults.WORDS, np.int64)
        with self._device:
            self._out.download(self.faults.record.data.ptr, words.view(np.uint8))
        with self._lock, self.entered():
            error = self.faults.look(words)
        if error is not None:
            raise error

    def total_memory(self) -> int:
        """Return the bytes of the GPU's memory."""
        return int(self._device.mem_info[1])

    def memory_stats(self) -> dict[str, int]:
        """Return bytes `live`, `peak` and `reserved`, and a count of `allocations`."""
        with self._device:
            return self.pool.stats()

    def block_of(self, array: Array) -> tuple[int, int]:
        """Return the address of the piece of the pool that an array is in, and its bytes."""
        piece = array.data.mem
        return int(piece.ptr), -(-int(piece.size) // memory.GRAIN) * memory.GRAIN

    def reset_peak(self) -> None:
        """Let the peak start again from what is live now."""
        self.pool.ledger.reset_peak()

    def set_memory_limit(self, limit: int) -> None:
        """Bound the bytes that the pool may reserve from now on; 0 is no bound."""
        super().set_memory_limit(limit)
        with self._device:
            self.pool.set_limit(limit)

    def trim(self) -> int:
        """Give cached memory back to the driver; return how many bytes."""
        with self._device:
            return self.pool.trim()

    def synchronize(self) -> None:
        """Wait until everything started on this device has ended; raise what it left to raise."""
        self.guard.check()
        with self._lock, self._device:
            self.streams.synchronize()
        self._give_back()
        self._look()

    def close(self) -> None:
        """Wait for the device, then let go of its cached memory."""
        with self._lock, self._device:
            self.streams.synchronize()
        self._give_back()
        self.random.clear()
        self.trim()


class _Entered:
    """What `GpuDevice.entered` returns: a context manager without generators, which are slower."""

    __slots__ = ("_before", "_device")

    def __init__(self, device: GpuDevice) -> None:
        self._device = device
        self._before: Any = None

    def __enter__(self) -> None:
        device = self._device
        device._device.__enter__()
        device.streams.compute.stream.__enter__()
        self._before = device._allocator()
        device._switch(device.pool.malloc)

    def __exit__(self, *problem: object) -> None:
        device = self._device
        device._switch(self._before)
        device.streams.compute.stream.__exit__(*problem)
        device._device.__exit__(*problem)


def _cuda_ordinal(value: Any) -> int:
    """Return which GPU an array of another library lies on; -1 for the host or elsewhere."""
    described = getattr(value, "__dlpack_device__", None)
    if described is not None:
        kind, ordinal = described()
        return int(ordinal) if int(kind) == _CUDA else -1
    found: int = getattr(getattr(value, "device", None), "id", -1)
    return found


def peer_copy(array: Array, source: kernel_api.Device, destination: kernel_api.Device) -> Array:
    """Return a copy of an array of one GPU in the memory of another, without the host.

    Both devices' compute streams wait for the copy: the source's so that the array's memory may be
    used again, the destination's because it reads the copy.
    """
    if source is destination:
        return array
    assert isinstance(source, GpuDevice) and isinstance(destination, GpuDevice)
    runtime = source.xp.cuda.runtime
    line = destination.streams.peers
    with source._lock, source.entered():
        dense = source._dense(array)
        made = source.streams.compute.mark()
    with destination._lock, destination.entered():
        copy = destination.empty(dense.shape, dense.dtype)
        line.wait_for(destination.streams.compute)
        line.stream.wait_event(made)
        runtime.memcpyPeerAsync(
            copy.data.ptr,
            destination.index,
            dense.data.ptr,
            source.index,
            dense.nbytes,
            line.stream.ptr,
        )
        arrived = line.mark()
        destination.streams.compute.stream.wait_event(arrived)
    with source._lock, source.entered():
        source.streams.compute.stream.wait_event(arrived)
    return copy


def open_device(name: str, index: int, memory_limit: int) -> kernel_api.Device:
    """Open GPU number `index` for a session, under its full name."""
    return GpuDevice(name, index, memory_limit)
