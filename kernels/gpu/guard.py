"""No upload within a capture: a CUDA graph would replay it from memory with other content by then.

CuPy copies host arrays to the device by way of pinned memory that it uses again as soon as the copy
has ended. Captured, such a copy would remember the address only. So while a thread captures, every
request of that thread for pinned memory raises `CaptureError`, and so do the device's own copies;
the recorder then gives the capture up and the kernels run one by one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


class CaptureError(RuntimeError):
    """Something that a CUDA graph cannot replay was met while one was captured."""


class Guard:
    """Stands before CuPy's pool of pinned memory, for all devices of the process."""

    def __init__(self, cupy: Any) -> None:
        """Take the place of CuPy's own allocator, which serves as before outside of captures."""
        self.cupy = cupy
        self._allocate = cupy.get_default_pinned_memory_pool().malloc
        self._thread = threading.local()
        cupy.cuda.set_pinned_memory_allocator(self.malloc)

    def malloc(self, size: int) -> Any:
        """Return pinned memory, as CuPy's allocators do; raises `CaptureError` in a capture."""
        self.check()
        return self._allocate(size)

    def check(self) -> None:
        """Raise `CaptureError` when this thread captures."""
        if getattr(self._thread, "captures", False):
            raise CaptureError("a kernel copies between the host and the device")

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Return a context in which this thread's uploads raise."""
        self._thread.captures = True
        try:
            yield
        finally:
            self._thread.captures = False

    def works(self) -> bool:
        """Return True when an upload of CuPy's is seen here: nobody has replaced the allocator.

        The device must have been entered.
        """
        try:
            with self.refusing():
                self.cupy.array(np.zeros(1, np.float32))
        except CaptureError:
            return True
        return False


_guard: Guard | None = None
_installing = threading.Lock()


def installed(cupy: Any) -> Guard:
    """Return the process's guard, installed when the first device opens."""
    global _guard
    with _installing:
        if _guard is None or _guard.cupy is not cupy:
            _guard = Guard(cupy)
        return _guard
