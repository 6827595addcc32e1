"""Memory of this process as Linux counts it; elsewhere there are no figures.

The peak between two moments: give back what is free, set the high-water mark to what is resident,
work, read the mark.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

_STATUS = Path("/proc/self/status")


def _kilobytes(name: str) -> int | None:
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return None


def _give_back() -> None:
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def resident() -> int | None:
    """Return the bytes resident now, after giving back what is free."""
    _give_back()
    found = _kilobytes("VmRSS")
    return None if found is None else found * 1024


def peak_of(work: Callable[[], object]) -> int | None:
    """Return the most bytes resident while `work` ran."""
    _give_back()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    work()
    found = _kilobytes("VmHWM")
    return None if found is None else found * 1024
