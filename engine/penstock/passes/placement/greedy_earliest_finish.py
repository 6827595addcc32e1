"""greedy_earliest_finish: nodes by the length of what depends on them, each where it ends first.

A list scheduler in the manner of HEFT. A node's rank is the time from its start to the end of
the step along the longest path, with mean times and mean transfers; nodes are taken by falling
rank, and each goes where it would end first given when its inputs arrive and what is booked of
devices and links, gaps included. The first node of a group decides for all of the group. Groups
that only hold something (constants, variables) wait for their first reader and join it, if they
may. Memory: what constants and variables occupy must fit; if the simulator then finds the peak
too large, more and more of the outputs are counted too. The simulator also has the last word:
when the heuristics' placement is as good, that one is returned.
"""

from __future__ import annotations

from penstock.graph.ir import IR
from penstock.passes.context import PassContext
from penstock.passes.placement.groups import Group, Groups
from penstock.passes.placement.heuristics import heuristics
from penstock.passes.placement.judge import Judge, Verdict, keep_reasons
from penstock.passes.placement.slots import Slots
from penstock.simulate.tasks import Tasks
from penstock.simulate.work import FREE, VIEWS

SHARES = (0.0, 0.1, 0.3, 1.0)
"""Which part of all outputs is taken to be in memory at once, until what is found fits."""


def greedy_earliest_finish(ir: IR, groups: Groups, context: PassContext) -> dict[Group, str]:
    """Return a device for each group: the better of this scheduler's and the heuristics'."""
    default = heuristics(ir, groups, context)
    judge = Judge(ir, groups, context)
    best, _ = better_start(judge, judge.numbers(default))
    answer = judge.answer(best)
    keep_reasons(groups, default, answer)
    return answer


def better_start(judge: Judge, default: list[int]) -> tuple[list[int], Verdict]:
    """Return the best of the heuristics' placement and the scheduler's, with its verdict."""
    best, verdict = default, judge.verdict(default)
    for share in SHARES if judge.limited else SHARES[:1]:
        found = _Scheduler(judge, default, share).schedule()
        found_verdict = judge.verdict(found)
        if found_verdict < verdict:
            best, verdict = found, found_verdict
        if not found_verdict.overflow:
            break
    return best, verdict


class _Scheduler:
    """One schedule as it grows.

    `device[g]` is where group g is, None while undecided; `end[i]` when node i ends; `held` are
    nodes that were taken while their group is undecided: they wait for a reader. `arrived` tells
    when (node, output) is on a device that it was sent to.
    """

    def __init__(self, judge: Judge, default: list[int], share: float) -> None:
        self.judge = judge
        self.tasks: Tasks = judge.tasks
        self.default = default
        self.roads = judge.loop.roads.between
        self.slots = Slots(judge.machine)
        self.device: list[int | None] = [
            found[0] if len(found) == 1 else None for found in judge.candidates
        ]
        self.end = [0.0] * len(self.tasks)
        self.held: set[int] = set()
        self.arrived: dict[tuple[int, int, int], float] = {}
        self.inputs: list[list[tuple[int, int]]] = [[] for _ in range(len(self.tasks))]
        for producer, readers in enumerate(self.tasks.readers):
            for output, reader in readers:
                self.inputs[reader].append((producer, output))
        self.occupied = [0.0] * len(judge.candidates)
        for node, group in enumerate(judge.group_of):
            outputs = share * sum(self.tasks.bytes[node]) if share else 0.0
            self.occupied[group] += self.tasks.resident[node] + outputs
        self.limits = [d.memory or float("inf") for d in judge.machine.devices]
        self.used = [0.0] * len(self.limits)
        for group, device in enumerate(self.device):
            if device is not None:
                self.used[device] += self.occupied[group]

    def schedule(self) -> list[int]:
        """Take all nodes; return the device of each group."""
        ranks = upward_ranks(self.judge)
        group_of = self.judge.group_of
        for node in sorted(range(len(ranks)), key=lambda i: (-ranks[i], i)):
            device = self.device[group_of[node]]
            if device is None and self._may_wait(node):
                self.held.add(node)
                continue
            if device is None:
                device = self._best(node)
                self._decide(group_of[node], device)
            self._take(node, device)
        chosen = zip(self.device, self.default, strict=True)
        return [default if device is None else device for device, default in chosen]

    def _may_wait(self, node: int) -> bool:
        """Tell whether a node holds something rather than computes it."""
        op = self.tasks.ir[self.tasks.names[node]].op
        if not self.tasks.readers[node] or not (op in FREE or op in VIEWS):
            return False
        return all([producer in self.held for producer, _ in self.inputs[node]])

    def _best(self, node: int) -> int:
        """Return the candidate on which the node ends first; of equals the first in the list."""
        group = self.judge.group_of[node]
        candidates = [d for d in self.judge.candidates[group] if self._fits(node, d)]
        if not candidates:
            left = [(self.limits[d] - self.used[d], -d) for d in self.judge.candidates[group]]
            return -max(left)[1]
        ends = []
        for place, device in enumerate(candidates):
            seconds = self.tasks.seconds[device][node]
            start = self.slots.earliest(device, self._arrival(node, device), seconds)
            ends.append((start + seconds, place))
        return candidates[min(ends)[1]]

    def _fits(self, node: int, device: int) -> bool:
        """Tell whether a device has room for the node's group and those that would join it."""
        joining = {self.judge.group_of[node]}
        joining |= {self.judge.group_of[p] for p, _ in self.inputs[node] if p in self.held}
        more = sum([self.occupied[g] for g in joining if self.device[g] is None])
        return self.used[device] + more <= self.limits[device]

    def _arrival(self, node: int, device: int, book: bool = False) -> float:
        """Return when all inputs of a node are there; what is held comes along where it may."""
        latest = 0.0
        for producer, output in self.inputs[node]:
            group = self.judge.group_of[producer]
            source = self.device[group]
            if source is None:
                known = self.judge.candidates[group]
                source = device if device in known else known[0]
            there = self.end[producer]
            if source != device:
                there = self._sent(producer, output, source, device, book)
            if there > latest:
                latest = there
        return latest

    def _sent(self, producer: int, output: int, source: int, device: int, book: bool) -> float:
        """Return when a value is on another device; a value travels there once."""
        key = (producer, output, device)
        known = self.arrived.get(key)
        if known is not None:
            return known
        links, latency, per_byte = self.roads[source][device]
        seconds = self.tasks.bytes[producer][output] * per_byte if output >= 0 else 0.0
        start = self.slots.earliest_on(links, self.end[producer], seconds)
        if book:
            self.slots.book_on(links, start, seconds)
            self.arrived[key] = start + seconds + latency
        return start + seconds + latency

    def _decide(self, group: int, device: int) -> None:
        self.device[group] = device
        self.used[device] += self.occupied[group]

    def _take(self, node: int, device: int) -> None:
        """Book a node, and let those held that it reads join its device."""
        pending = [producer for producer, _ in self.inputs[node] if producer in self.held]
        while pending:
            producer = pending.pop()
            group = self.judge.group_of[producer]
            if self.device[group] is None:
                known = self.judge.candidates[group]
                self._decide(group, device if device in known else known[0])
            self.held.discard(producer)
            pending += [p for p, _ in self.inputs[producer] if p in self.held]
        seconds = self.tasks.seconds[device][node]
        ready = self._arrival(node, device, book=True)
        start = self.slots.earliest(device, ready, seconds) if seconds else ready
        if seconds:
            self.slots.book(device, start, seconds)
        self.end[node] = start + seconds


def upward_ranks(judge: Judge) -> list[float]:
    """Return, for each node, the mean time from its start to the end of the step."""
    tasks = judge.tasks
    latency, per_byte = _mean_road(judge)
    ranks = [0.0] * len(tasks)
    for node in reversed(range(len(tasks))):
        longest = 0.0
        for output, reader in tasks.readers[node]:
            size = tasks.bytes[node][output] if output >= 0 else 0.0
            after = ranks[reader]
            if judge.group_of[node] != judge.group_of[reader]:
                after += latency + size * per_byte
            longest = max(longest, after)
        candidates = judge.candidates[judge.group_of[node]]
        ranks[node] = longest + sum([tasks.seconds[d][node] for d in candidates]) / len(candidates)
    return ranks


def _mean_road(judge: Judge) -> tuple[float, float]:
    """Return latency and seconds a byte, the means over all pairs of devices, staying included."""
    roads = [road for row in judge.loop.roads.between for road in row]
    count = len(roads)
    return sum([r[1] for r in roads]) / count, sum([r[2] for r in roads]) / count
