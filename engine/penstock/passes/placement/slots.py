"""When devices and links are busy, as a list scheduler books them: gaps are filled.

Each lane of a device, and each link, has the intervals that are taken, in order; devices that
share a pool's processors book one of those besides, without filling gaps there.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from heapq import heapreplace

from penstock.simulate import Machine


class Slots:
    """The bookings of all devices and links of a machine, by their numbers."""

    def __init__(self, machine: Machine) -> None:
        """Start with nothing booked."""
        self._lanes = [[_Lane() for _ in range(d.lanes)] for d in machine.devices]
        crowded = {
            pool: count
            for pool, count in machine.pools.items()
            if sum(d.lanes for d in machine.devices if d.pool == pool) > count
        }
        pools = {pool: [0.0] * count for pool, count in crowded.items()}
        self._pools = [pools.get(d.pool) for d in machine.devices]
        self._links = [_Lane() for _ in machine.links]

    def earliest(self, device: int, ready: float, seconds: float) -> float:
        """Return when work of that length could start on a device, not before `ready`."""
        pool = self._pools[device]
        if pool is not None and pool[0] > ready:
            ready = pool[0]
        return min([lane.earliest(ready, seconds) for lane in self._lanes[device]])

    def book(self, device: int, start: float, seconds: float) -> None:
        """Take that time on the first lane that has it."""
        for lane in self._lanes[device]:
            if lane.earliest(start, seconds) == start:
                lane.book(start, start + seconds)
                break
        pool = self._pools[device]
        if pool is not None:
            heapreplace(pool, start + seconds)

    def earliest_on(self, links: Sequence[int], ready: float, seconds: float) -> float:
        """Return when all of these links could carry something together."""
        start = ready
        while seconds:
            later = start
            for link in links:
                later = self._links[link].earliest(later, seconds)
            if later == start:
                break
            start = later
        return start

    def book_on(self, links: Sequence[int], start: float, seconds: float) -> None:
        """Take that time on all of these links."""
        for link in links:
            self._links[link].book(start, start + seconds)


class _Lane:
    """Taken intervals in order; those that touch are one."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.ends: list[float] = []

    def earliest(self, ready: float, seconds: float) -> float:
        starts, ends = self.starts, self.ends
        if not ends or ready >= ends[-1]:
            return ready
        at = bisect_right(ends, ready)  # the first interval that ends later
        while at < len(starts):
            if ready + seconds <= starts[at]:
                return ready
            ready = max(ready, ends[at])
            at += 1
        return ready

    def book(self, start: float, end: float) -> None:
        if end <= start:
            return
        at = bisect_right(self.starts, start)
        joins_before = at > 0 and self.ends[at - 1] == start
        joins_after = at < len(self.starts) and self.starts[at] == end
        if joins_before and joins_after:
            self.ends[at - 1] = self.ends.pop(at)
            self.starts.pop(at)
        elif joins_before:
            self.ends[at - 1] = end
        elif joins_after:
            self.starts[at] = start
        else:
            insort(self.starts, start)
            self.ends.insert(at, end)
