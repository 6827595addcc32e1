"""The streams of one GPU: one that computes, and one for copies in each direction.

A `Line` is a stream on which copies run beside the computing one. Work on one line waits for work
on another through events, never through the host. An array is allocated and freed in the order of
the compute stream; so whoever uses it elsewhere makes that stream wait, or keeps the array until
his event has passed.
"""

from __future__ import annotations

from typing import Any


class Line:
    """A stream and the means to wait for it, and to let it wait."""

    def __init__(self, cupy: Any) -> None:
        """Open a stream of the current device that does not wait for the default stream."""
        self._cuda = cupy.cuda
        self.stream = cupy.cuda.Stream(non_blocking=True)

    def mark(self) -> Any:
        """Return an event that passes when all work started so far has ended."""
        event = self._cuda.Event(disable_timing=True)
        event.record(self.stream)
        return event

    def wait_for(self, other: Line) -> None:
        """Let work started from now on wait for all that `other` has to do at present."""
        self.stream.wait_event(other.mark())

    def synchronize(self) -> None:
        """Wait until all work has ended."""
        self.stream.synchronize()


class Streams:
    """All lines of one device."""

    def __init__(self, cupy: Any) -> None:
        """Open them on the current device."""
        self.compute = Line(cupy)
        self.upload = Line(cupy)
        self.download = Line(cupy)
        self.peers = Line(cupy)

    def synchronize(self) -> None:
        """Wait until everything started on this device has ended."""
        for line in (self.upload, self.peers, self.compute, self.download):
            line.synchronize()
