"""Arrays of other libraries that a GPU reads where they lie, and when they may be given back.

Whoever lent an array may use its memory again as soon as nobody refers to it. Kernels that read it
may still have to run by then. So what has no reader left is kept until the compute stream has done
all that was started before the end of a run.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from penstock.kernel_api import Array


class _Loan:
    """Owns the memory of an array; when nobody refers to that any more, the array is returned."""

    __slots__ = ("array", "returned")

    def __init__(self, array: Array, returned: deque[Array]) -> None:
        self.array, self.returned = array, returned

    def __del__(self) -> None:
        self.returned.append(self.array)


class Loans:
    """The arrays that one device was lent."""

    def __init__(self, cupy: Any, ordinal: int) -> None:
        """Begin without any."""
        self._cupy, self._ordinal = cupy, ordinal
        self._returned: deque[Array] = deque()
        self._waiting: deque[tuple[Any, list[Array]]] = deque()

    def take(self, value: Any) -> Array:
        """Return an array on the memory of a value of another library, or of CuPy's own.

        The device must have been entered: its stream waits for what the library has started.
        """
        cupy = self._cupy
        if isinstance(value, cupy.ndarray):
            array = value
        elif hasattr(value, "__dlpack__"):
            array = cupy.from_dlpack(value)
        else:
            array = cupy.asarray(value)
        if not array.flags.c_contiguous:
            self._returned.append(array)
            return cupy.ascontiguousarray(array)
        loan = _Loan(array, self._returned)
        memory = cupy.cuda.UnownedMemory(array.data.ptr, array.nbytes, loan, self._ordinal)
        lent = cupy.ndarray(array.shape, array.dtype, cupy.cuda.MemoryPointer(memory, 0))
        return lent.view()  # no variable takes a view for memory of its own, to be updated in place

    def any(self) -> bool:
        """Return True when something waits to be given back."""
        return bool(self._returned or self._waiting)

    def settle(self, mark: Any) -> None:
        """Give back what the device has done with; `mark` returns an event of its stream."""
        ready = [self._returned.popleft() for _ in range(len(self._returned))]
        if ready:
            self._waiting.append((mark(), ready))
        while self._waiting and self._waiting[0][0].done:
            self._waiting.popleft()
