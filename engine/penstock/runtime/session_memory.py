"""The memory of a session's devices: what a session tells about it and lets one bound."""

from __future__ import annotations

from penstock import _native
from penstock.graph.devices import full_name


class SessionMemory:
    """Statistics and limits, by device: the part of `Session` that is about memory."""

    _native: _native.Session

    def memory_stats(self, device: str = "") -> dict[str, int]:
        """Return bytes `live`, `peak` and `reserved`, and counts of allocations, of a device.

        `device` is a name such as `CPU:1`; by default the host. Raises `NotFoundError` for one
        that this session does not have.
        """
        return self._native.memory_stats(full_name(device))

    def reset_peak_memory(self, device: str = "") -> None:
        """Let the peak of `memory_stats` start again from what is live now."""
        self._native.reset_peak(full_name(device))

    def trim_memory(self) -> int:
        """Give cached memory back to the system; returns how many bytes.

        A session keeps the memory of tensors that died for the next ones: at most as many bytes
        as were ever in use at once, or 64 MiB if that is more.
        """
        return self._native.trim_memory()

    def set_memory_limit(self, limit: int | None, device: str = "") -> None:
        """Bound the bytes that tensors may take on a device, from now on; None: no bound.

        A run that needs more ends with `ResourceExhaustedError`, which lists the largest live
        tensors; the session stays usable. Fed arrays that are used without a copy do not count.
        """
        if limit is not None and limit <= 0:
            raise ValueError(f"a memory limit is a positive number of bytes or None, not {limit}")
        self._native.set_memory_limit(limit or 0, full_name(device))
