"""Bad indices on a GPU: kernels leave a record in device memory, the host looks when it waits.

A kernel that checks indices is told its site, a number for the node, and writes the first bad
index into the device's `Fault` record (element.h) instead of reading or writing out of bounds. The
host reads the record where it waits for the device anyway, and only after such a kernel has run,
and raises what the CPU's kernel would have raised.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from penstock import errors

WORDS = 4  # site, position, index, limit


class Site(NamedTuple):
    """Who checks indices: the node, and the text for a bad one."""

    node: str
    op: str
    text: Callable[[int, int, int], str]  # of position, index and limit


def index_text(shape: Sequence[int]) -> Callable[[int, int, int], str]:
    """Return the text for an index of a tensor `indices` of that shape.

    >>> from penstock.kernels.gpu.faults import index_text
    >>> index_text((2, 3))(5, 9, 4)
    'indices[1, 2] = 9 is not in [0, 4)'
    """
    dims = tuple(shape)

    def text(position: int, index: int, limit: int) -> str:
        at = [int(i) for i in np.unravel_index(position, dims)] if dims else None
        return f"indices{at if at is not None else ''} = {index} is not in [0, {limit})"

    return text


def label_text(position: int, index: int, limit: int) -> str:
    """Return the text for a label of a cross entropy."""
    return f"label {index} at position {position} is outside the valid range [0, {limit})"


class Faults:
    """The fault record of one device. `record` is its array of four 64-bit words."""

    def __init__(self, record: Any) -> None:
        """Watch a record of zeros."""
        self.record = record
        self._sites: dict[tuple[str, str], int] = {}
        self._texts: list[Site] = []
        self._pending = False
        self._lock = threading.Lock()

    def expect(self, node: str, op: str, text: Callable[[int, int, int], str]) -> int:
        """Return the site of a node whose kernel is about to check indices."""
        with self._lock:
            self._pending = True
            number = self._sites.setdefault((node, op), len(self._sites) + 1)
            if number > len(self._texts):
                self._texts.append(Site(node, op, text))
            else:
                self._texts[number - 1] = Site(node, op, text)
            return number

    def again(self) -> None:
        """Note that kernels which check indices run once more, at known sites."""
        self._pending = True

    def pending(self) -> bool:
        """Return True when a kernel has checked indices since the last look."""
        return self._pending

    def look(self, words: np.ndarray[Any, Any]) -> errors.InvalidArgumentError | None:
        """Return the error that the record's words tell of, or None; the record was just read."""
        self._pending = False
        number, position, index, limit = (int(word) for word in words)
        if number == 0:
            return None
        self.record.fill(0)
        site = self._texts[number - 1]
        text = site.text(position, index, limit)
        message = errors.describe(text, op=site.op, node=site.node)
        error = errors.InvalidArgumentError(None, None, message)
        error.node = site.node  # type: ignore[attr-defined]
        return error
