"""The event loop: a virtual clock, devices that start what is ready, links that carry in turn.

Enters: `Tasks`, the device of each node, a machine. Leaves: the time at which the last node
ends and, for those who ask, when and why everything started. Two kinds of events exist: a node
ends, a value arrives. All that happens at one instant is taken in first (nodes before
arrivals, lower numbers first) and only then does anything start, so the result depends on
nothing but the arguments. A node that takes no time needs no lane and ends when it is ready.

A device starts, of the nodes whose values are all there, the first in the order of the IR, as
long as it has a free lane and its pool a free processor. A value is sent once to each device
that reads it, when its node ends; transfers start in that order as their links become free.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from penstock import errors
from penstock.simulate.machine import DeviceModel, Machine
from penstock.simulate.tasks import Tasks


class Shipment(NamedTuple):
    """A value on its way: `asked` when its node ended, `start` when the links were free."""

    node: int
    output: int
    source: int
    destination: int
    bytes: float
    asked: float
    start: float
    end: float
    cause: int  # the shipment before it on a link that it waited for, or -1


class Outcome(NamedTuple):
    """When the last node ends, and how many bytes travelled."""

    step_time: float
    moved: float


class Record:
    """What happened: for each node its times and what let it start, and all shipments.

    `cause[i]` is what node i waited for last: a node's number, or ~k for shipment k; None for
    nodes that waited for nothing.
    """

    def __init__(self, count: int) -> None:
        """Make room for so many nodes."""
        self.ready = [0.0] * count
        self.start = [0.0] * count
        self.end = [0.0] * count
        self.lane = [0] * count
        self.cause: list[int | None] = [None] * count
        self.shipments: list[Shipment] = []


class Roads:
    """The links between each two devices as numbers: (links, latency, seconds a byte)."""

    def __init__(self, machine: Machine) -> None:
        """Look up all routes once."""
        links = {link.name: i for i, link in enumerate(machine.links)}
        self.count = len(links)
        self.between: list[list[tuple[tuple[int, ...], float, float]]] = []
        for a in machine.devices:
            row = []
            for b in machine.devices:
                route = machine.route(a.name, b.name) if a is not b else ()
                row.append(
                    (
                        tuple(links[link.name] for link in route),
                        sum(link.latency for link in route),
                        1.0 / min([link.bandwidth for link in route], default=float("inf")),
                    )
                )
            self.between.append(row)


class Loop:
    """The event loop for one graph and machine: `run` any number of placements."""

    def __init__(self, tasks: Tasks, machine: Machine) -> None:
        """Number what is shared: lanes, pools (a device without one is its own), links."""
        self.tasks = tasks
        self.roads = Roads(machine)
        self.lanes = [d.lanes for d in machine.devices]
        pools = list(machine.pools)
        own = len(pools)
        self.sizes = [machine.pools[p] for p in pools] + self.lanes
        self.pool = [pools.index(d.pool) if d.pool else own + i for i, d in _numbered(machine)]
        self.members: list[list[int]] = [[] for _ in self.sizes]
        for device, pool in enumerate(self.pool):
            self.members[pool].append(device)

    def run(self, device_of: Sequence[int], record: Record | None = None) -> Outcome:
        """Play a step in which `device_of` is the device number of each node."""
        run = _Run(self, device_of, record)
        return Outcome(run.play(), run.moved)


def _numbered(machine: Machine) -> list[tuple[int, DeviceModel]]:
    return list(enumerate(machine.devices))


class _Run:
    """One run: what is ready, free, on its way.

    `events` is a heap of (time, number): below the count of nodes a node that ends, above a
    shipment that arrives. `ready` are heaps of nodes by device, `idle` heaps of free lanes.
    """

    def __init__(self, loop: Loop, device_of: Sequence[int], record: Record | None) -> None:
        self.loop = loop
        self.tasks = loop.tasks
        self.device_of = device_of
        self.record = record
        self.waits = loop.tasks.waits.copy()
        self.ready: list[list[int]] = [[] for _ in loop.lanes]
        self.idle = [list(range(n)) for n in loop.lanes]
        self.spare = loop.sizes.copy()
        self.freed: list[int | None] = [None] * len(self.spare)
        self.link_free = [0.0] * loop.roads.count
        self.link_last = [-1] * loop.roads.count
        self.arrivals: list[list[int]] = []
        self.events: list[tuple[float, int]] = []
        self.instant: list[int] = []
        self.touched: set[int] = set()
        self.done = 0
        self.moved = 0.0
        self.lane_of: dict[int, int] = {}

    def play(self) -> float:
        """Run everything; return the time of the last end."""
        events, count, now = self.events, len(self.tasks), 0.0
        for node, waits in enumerate(self.waits):
            if not waits:
                self.make_ready(node, now, None)
        self.finish_instant(now)
        self.launch(now)
        while events:
            now = events[0][0]
            while events and events[0][0] == now:
                number = heappop(events)[1]
                if number < count:
                    self.leave_lane(number)
                    self.finish(number, now)
                else:
                    for reader in self.arrivals[number - count]:
                        self.release(reader, now, ~(number - count))
                self.finish_instant(now)
            self.launch(now)
        if self.done < count:
            raise errors.GraphError(None, None, "nodes of the graph wait for each other")
        return now

    def finish_instant(self, now: float) -> None:
        """End the nodes that take no time, in the order in which they became ready."""
        position = 0
        while position < len(self.instant):
            self.finish(self.instant[position], now)
            position += 1
        self.instant.clear()

    def finish(self, node: int, now: float) -> None:
        """Let those who wait for `node` on its device know, and send what others read."""
        here, device_of = self.device_of[node], self.device_of
        self.done += 1
        if self.record is not None:
            self.record.end[node] = now
        away: dict[tuple[int, int], list[int]] = {}
        for output, reader in self.tasks.readers[node]:
            there = device_of[reader]
            if there == here:
                self.release(reader, now, node)
            elif (output, there) in away:
                away[output, there].append(reader)
            else:
                away[output, there] = [reader]
        for (output, there), readers in away.items():
            self.send(node, output, there, readers, now)

    def release(self, node: int, now: float, cause: int) -> None:
        """Count one thing less that `node` waits for."""
        self.waits[node] -= 1
        if not self.waits[node]:
            self.make_ready(node, now, cause)

    def make_ready(self, node: int, now: float, cause: int | None) -> None:
        """Put a node with its device's others, or end it when it takes no time."""
        device = self.device_of[node]
        if self.record is not None:
            self.record.ready[node] = self.record.start[node] = now
            self.record.cause[node] = cause
        if self.tasks.seconds[device][node]:
            heappush(self.ready[device], node)
            self.touched.add(self.loop.pool[device])
        else:
            self.instant.append(node)

    def launch(self, now: float) -> None:
        """Start what there are lanes and processors for, first nodes first."""
        ready, idle = self.ready, self.idle
        for pool in sorted(self.touched):
            members = self.loop.members[pool]
            while self.spare[pool]:
                able = [(ready[d][0], d) for d in members if ready[d] and idle[d]]
                if not able:
                    break
                self.start(*min(able), now)
        self.touched.clear()

    def start(self, node: int, device: int, now: float) -> None:
        """Let a node take a lane."""
        heappop(self.ready[device])
        pool = self.loop.pool[device]
        self.spare[pool] -= 1
        self.lane_of[node] = heappop(self.idle[device])
        heappush(self.events, (now + self.tasks.seconds[device][node], node))
        record = self.record
        if record is not None:
            record.start[node] = now
            record.lane[node] = self.lane_of[node]
            if now > record.ready[node]:
                record.cause[node] = self.freed[pool]

    def leave_lane(self, node: int) -> None:
        """Take the lane from a node that has ended."""
        device = self.device_of[node]
        pool = self.loop.pool[device]
        self.spare[pool] += 1
        self.freed[pool] = node
        heappush(self.idle[device], self.lane_of.pop(node))
        self.touched.add(pool)

    def send(self, node: int, output: int, there: int, readers: list[int], now: float) -> None:
        """Let a value travel as soon as all links of its route are free."""
        here = self.device_of[node]
        size = self.tasks.bytes[node][output] if output >= 0 else 0.0
        self.moved += size
        links, latency, seconds_a_byte = self.loop.roads.between[here][there]
        start, before = now, -1
        for link in links:
            if self.link_free[link] > start:
                start, before = self.link_free[link], self.link_last[link]
        number = len(self.arrivals)
        carried = start + size * seconds_a_byte
        for link in links:
            self.link_free[link], self.link_last[link] = carried, number
        self.arrivals.append(readers)
        heappush(self.events, (carried + latency, len(self.tasks) + number))
        if self.record is not None:
            shipment = Shipment(
                node, output, here, there, size, now, start, carried + latency, before
            )
            self.record.shipments.append(shipment)
