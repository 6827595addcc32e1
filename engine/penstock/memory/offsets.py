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
from operator import add
from time import monotonic
from typing import Any, NamedTuple

from penstock import _native

ALIGNMENT = 64
_MANY = 4000  # items beyond which only two orders are tried


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
        order = sorted(range(len(items)), key=[key(i) for i in items].__getitem__)
        for fit in ("first fit",) if many else ("first fit", "best fit"):
            yield numbers.place(order, fit == "best fit", f"{name}, {fit}")


def improved(
    items: Sequence[Item],
    start: Placement,
    seconds: float = 10.0,
    tries: int = 1000,
    enough: int = 0,
) -> Placement:
    """Return a placement that is as good as `start` or better.

    At most `tries` orders are looked at and at most `seconds` are spent, and `enough` bytes end the
    search: an order that brought the block down, or left it as it was, is changed further.
    """
    bound, end = max(live_peak(items), enough), monotonic() + seconds
    chance, numbers = random.Random(0), _Items(items)
    best = start
    order = sorted(range(len(items)), key=[_ORDERS["by size"](i) for i in items].__getitem__)
    current = numbers.place(order, False, "improved")
    for _ in range(tries):
        if best.bytes <= bound or monotonic() > end:
            break
        changed = _changed(order, numbers.at_top(current), chance)
        found = numbers.place(changed, False, "improved")
        if found.bytes <= current.bytes:
            order, current = changed, found
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
    """The items as the native half wants them."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.size = [aligned(i.bytes) for i in items]
        self.flat = [
            n
            for size, item in zip(self.size, items, strict=True)
            for n in (size, item.first, item.last)
        ]

    def place(self, order: Sequence[int], best_fit: bool, heuristic: str) -> Placement:
        """Put each item, in this order, into a gap among the ones before it that live with it."""
        offsets = _native.place_items(self.flat, order, best_fit)
        return Placement(tuple(offsets), max(map(add, offsets, self.size)), heuristic)

    def at_top(self, placement: Placement) -> list[int]:
        """Return the items that reach the end of the block."""
        ends = map(add, placement.offsets, self.size)
        return [i for i, end in enumerate(ends) if end == placement.bytes]
