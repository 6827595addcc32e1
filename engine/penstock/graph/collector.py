"""Python's cycle collector, held back while many objects are made at once.

Planning, differentiating and importing make hundreds of thousands of small objects that all
stay alive. The collector would walk over them again and again and find nothing: that took up
to half of the time.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0  # blocks of all threads
_was_enabled = False


@contextmanager
def collector_paused() -> Iterator[None]:
    """Hold the collector back inside the block; the last block to end lets it go on."""
    global _inside, _was_enabled
    with _lock:
        if _inside == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _was_enabled:
                gc.enable()
