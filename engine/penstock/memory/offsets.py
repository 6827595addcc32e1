"""Where in one block of memory each item goes, so that items that live together do not overlap.

Enters: items with bytes and a first and a last time. Leaves: a `Placement`: an offset for each, on
multiples of 64, and the bytes of the whole. Finding the smallest is hard; `place` tries several
orders in which each item goes to a gap among those that it lives with, and keeps the best.
`improved` goes on from there: it moves items that reach the top ahead in the order. Everything is
deterministic unless a time limit ends it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple, TypeAlias

import numpy as np

ALIGNMENT = 64
_MANY = 4000  # items beyond which only two orders are tried

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


class Item(NamedTuple):
    """Bytes that are needed from the start of time `first` to the end of time `last`."""

    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Placement:
    """Offsets of the items, the bytes of the block, and how it was found."""

    offsets: tuple[int, ...]
    bytes: int
    heuristic: str

    @property
    def order(self) -> list[int]:
        """The items from the lowest offset to the highest."""
        return sorted(range(len(self.offsets)), key=self.offsets.__getitem__)


def aligned(size: int) -> int:
    """Return the bytes that an item takes in the block."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def live_peak(items: Sequence[Item]) -> int:
    """Return the most bytes needed at any time: no placement can be smaller."""
    change: dict[int, int] = {}
    for item in items:
        change[item.first] = change.get(item.first, 0) + aligned(item.bytes)
        change[item.last + 1] = change.get(item.last + 1, 0) - aligned(item.bytes)
    level = most = 0
    for time in sorted(change):
        level += change[time]
        most = max(most, level)
    return most


def problems(items: Sequence[Item], placement: Placement) -> list[str]:
    """Return what is wrong with a placement: nothing, when it is valid. Looks at every pair."""
    found = []
    ends = [o + i.bytes for o, i in zip(placement.offsets, items, strict=True)]
    for a, item in enumerate(items):
        start = placement.offsets[a]
        if start < 0 or start % ALIGNMENT or ends[a] > placement.bytes:
            found.append(f"item {a} lies at {start}, of {placement.bytes} bytes")
        for b in range(a):
            together = item.first <= items[b].last and items[b].first <= item.last
            if together and start < ends[b] and placement.offsets[b] < ends[a]:
                found.append(f"items {b} and {a} overlap")
    return found


_ORDERS: dict[str, Callable[[Item], Any]] = {
    "by size": lambda i: (-i.bytes, i.first - i.last, i.first),
    "by area": lambda i: (-i.bytes * (i.last - i.first + 1), i.first),
    "by lifetime": lambda i: (i.first - i.last, -i.bytes, i.first),
    "in time": lambda i: (i.first, -i.bytes, i.last),
    "against time": lambda i: (-i.last, -i.bytes, i.first),
}


def place(items: Sequence[Item], enough: float = 1.0) -> Placement:
    """Return the best of several placements; one within `enough` of the live peak ends the search.

    >>> items = [Item(64, 0, 1), Item(128, 1, 2), Item(64, 2, 3)]
    >>> placement = place(items)
    >>> placement.bytes, placement.offsets
    (192, (128, 0, 128))
    """
    bound = live_peak(items) * enough
    best: Placement | None = None
    for found in placements(items):
        if best is None or found.bytes < best.bytes:
            best = found
        if best.bytes <= bound:
            break
    assert best is not None
    return best


def placements(items: Sequence[Item]) -> Iterator[Placement]:
    """Yield the placement by each heuristic, the most promising first."""
    numbers, many = _Items(items), len(items) > _MANY
    for name, key in list(_ORDERS.items())[: 2 if many else None]:
        order = sorted(range(len(items)), key=lambda i: key(items[i]))
        for fit in ("first fit",) if many else ("first fit", "best fit"):
            yield numbers.place(order, fit == "best fit", f"{name}, {fit}")


def improved(
    items: Sequence[Item], start: Placement, seconds: float = 10.0, tries: int = 1000
) -> Placement:
    """Return a placement that is as good as `start` or better.

    At most `tries` orders are looked at and at most `seconds` are spent: an order that brought
    the block down, or left it as it was, is changed further.
    """
    bound, end = live_peak(items), monotonic() + seconds
    chance, numbers = random.Random(0), _Items(items)
    best = start
    order = sorted(range(len(items)), key=lambda i: _ORDERS["by size"](items[i]))
    bytes_of_order = numbers.place(order, False, "").bytes
    for _ in range(tries):
        if best.bytes <= bound or monotonic() > end:
            break
        changed = _changed(order, numbers.at_top(), chance)
        found = numbers.place(changed, False, "improved")
        if found.bytes <= bytes_of_order:
            order, bytes_of_order = changed, found.bytes
        if found.bytes < best.bytes:
            best = found
    return best


def _changed(order: list[int], top: list[int], chance: random.Random) -> list[int]:
    """Return the order with an item at the top moved ahead, now and then with two exchanged."""
    changed = list(order)
    if top and chance.random() < 0.7:
        item = chance.choice(top)
        position = changed.index(item)
        changed.insert(chance.randrange(position + 1), changed.pop(position))
        return changed
    a, b = chance.randrange(len(order)), chance.randrange(len(order))
    changed[a], changed[b] = changed[b], changed[a]
    return changed


class _Items:
    """The items as arrays, and the last placement of them."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.size = [aligned(i.bytes) for i in items]
        self.first = np.array([i.first for i in items], np.int64)
        self.last = np.array([i.last for i in items], np.int64)
        self.offset = [0] * len(items)
        self.total = 0

    def place(self, order: Sequence[int], best_fit: bool, heuristic: str) -> Placement:
        """Put each item, in this order, into a gap among the ones before it that live with it."""
        count = len(order)
        starts, ends = np.zeros(count, np.int64), np.zeros(count, np.int64)
        first, last = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.total = 0
        for placed, item in enumerate(order):
            f, t, size = int(self.first[item]), int(self.last[item]), self.size[item]
            together = (first[:placed] <= t) & (last[:placed] >= f)
            at = _gap(starts[:placed][together], ends[:placed][together], size, best_fit)
            self.offset[item] = at
            self.total = max(self.total, at + size)
            # The tables stay sorted by offset.
            k = int(np.searchsorted(starts[:placed], at, side="right"))
            for table, value in ((starts, at), (ends, at + size), (first, f), (last, t)):
                table[k + 1 : placed + 1] = table[k:placed].copy()
                table[k] = value
        return Placement(tuple(self.offset), self.total, heuristic)

    def at_top(self) -> list[int]:
        """Return the items that reach the end of the block."""
        return [i for i, at in enumerate(self.offset) if at + self.size[i] == self.total]


def _gap(starts: Numbers, ends: Numbers, size: int, best_fit: bool) -> int:
    """Return where `size` bytes go among taken ranges, which are sorted by their starts."""
    if not len(starts):
        return 0
    reached = np.maximum.accumulate(ends)
    gaps = starts.copy()
    gaps[1:] -= reached[:-1]
    wide = np.flatnonzero(gaps >= size)
    if not len(wide):
        return int(reached[-1])
    k = int(wide[np.argmin(gaps[wide])]) if best_fit else int(wide[0])
    return int(reached[k - 1]) if k else 0
