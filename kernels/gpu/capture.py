"""The context in which a GPU captures kernels into a CUDA graph, and what comes out of it.

For its thread and its length the device's compute stream records instead of running. Copies from
host memory are refused (guard.py): so is the whole capture where refusing them does not work. A
captured graph has a pool of its own, which nobody else takes memory from; what it holds counts.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from penstock.kernels.gpu import memory
from penstock.kernels.gpu.guard import CaptureError


class Capture:
    """What `GpuDevice.capturing` returns."""

    def __init__(self, device: Any) -> None:
        """Make it for a `GpuDevice`."""
        self._device = device
        self._graph: Any = None
        self._stack = ExitStack()

    def __enter__(self) -> Callable[[], Launchable]:
        """Begin; give a function that returns the graph afterwards."""
        device = self._device
        with ExitStack() as stack:
            stack.enter_context(device._lock)
            stack.enter_context(device.entered())
            if not device.guard.works():
                raise CaptureError(
                    "CuPy copies from host memory by a way that cannot be watched: its pinned "
                    "memory allocator was replaced, or it shares memory with the host"
                )
            pool = memory.Pool(device._cupy, device.index, device.pool.left(), device.pool.ledger)
            device._switch(pool.malloc)
            stack.enter_context(device.guard.refusing())
            device.streams.compute.stream.begin_capture()
            self._stack = stack.pop_all()
        return lambda: Launchable(device, self._graph, pool)

    def __exit__(self, kind: type[BaseException] | None, *problem: object) -> None:
        """End the capture; raises when something could not be captured."""
        with self._stack:
            try:
                self._graph = self._device.streams.compute.stream.end_capture()
            except RuntimeError:
                if kind is None:  # otherwise the first error says why
                    raise


class Launchable:
    """A captured graph, with the memory that it writes to."""

    def __init__(self, device: Any, graph: Any, pool: memory.Pool) -> None:
        """Keep a graph of `device` and its pool."""
        self._device, self._graph, self._pool = device, graph, pool
        self._checks = device.faults.pending()

    def launch(self) -> None:
        """Start it on the device's compute stream."""
        self._graph.launch(self._device.streams.compute.stream)
        if self._checks:
            self._device.faults.again()
