"""The judge of placements: one simulated step, whether it fits, how long it takes, what it moves.

Made once for a graph; strategies then ask about any number of placements, each a list with the
number of a device for every group. Nodes are simulated in the order in which `order` will put
them, on `Placing.machine` or, without one, on a machine that has the session's devices as they
usually are; times come from `Placing.costs` or from shapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from penstock.graph.ir import IR
from penstock.passes.context import PassContext
from penstock.passes.order import order
from penstock.passes.placement.groups import Group, Groups
from penstock.simulate import EstimatedCosts, Machine, Sizes
from penstock.simulate.events import Loop, Record
from penstock.simulate.lifetimes import buffers, levels
from penstock.simulate.tasks import Tasks


class Verdict(NamedTuple):
    """How good a placement is: compared as it stands, smaller is better.

    `overflow` is how many bytes do not fit, over all devices; `step_time` is in seconds;
    `moved` is how many bytes travel between devices.
    """

    overflow: int
    step_time: float
    moved: float


class Judge:
    """A graph and a machine in numbers, and the verdicts on placements.

    `group_of[i]` is the number of node i's group; `candidates[g]` are the numbers of the devices
    that group g may be on, best first; `free` are the groups that have a choice.
    """

    def __init__(self, ir: IR, groups: Groups, context: PassContext) -> None:
        """Prepare everything that no placement changes."""
        placing = context.placing
        self.machine = placing.machine or Machine.of(placing.devices)
        ordered = order(ir, context)
        costs = placing.costs or EstimatedCosts()
        self.tasks = Tasks(ordered, Sizes(ordered), self.machine, costs)
        self.loop = Loop(self.tasks, self.machine)
        self.groups = list(groups)
        self.names = [d.name for d in self.machine.devices]
        self._device = {name: i for i, name in enumerate(self.names)}
        number = {group: g for g, group in enumerate(self.groups)}
        self.group_of = [number[groups.of[name]] for name in self.tasks.names]
        self.candidates = [[self.number(c) for c in g.candidates] for g in self.groups]
        self.free = [g for g, found in enumerate(self.candidates) if len(found) > 1]
        self.limited = any(d.memory for d in self.machine.devices)

    def number(self, device: str) -> int:
        """Return the number of a device; `NotFoundError` when the machine has none such."""
        if device not in self._device:
            self._device[device] = self.machine.devices.index(self.machine.device(device))
        return self._device[device]

    def numbers(self, chosen: Mapping[Group, str]) -> list[int]:
        """Return a strategy's answer as numbers."""
        return [self.number(chosen[group]) for group in self.groups]

    def answer(self, placement: Sequence[int]) -> dict[Group, str]:
        """Return numbers as a strategy's answer."""
        answer = {}
        for group, device, known in zip(self.groups, placement, self.candidates, strict=True):
            answer[group] = group.candidates[known.index(device)]
        return answer

    def verdict(self, placement: Sequence[int]) -> Verdict:
        """Simulate a step with these groups on these devices."""
        device_of = [placement[group] for group in self.group_of]
        if not self.limited:
            return Verdict(0, *self.loop.run(device_of))
        record = Record(len(self.tasks))
        step_time, moved = self.loop.run(device_of, record)
        live = buffers(self.tasks, device_of, record, step_time)
        steps = levels(self.tasks, device_of, len(self.names), live)
        return Verdict(self._overflow(steps), step_time, moved)

    def _overflow(self, steps: list[list[tuple[float, int]]]) -> int:
        peaks = [max(level for _, level in device) for device in steps]
        limits = [d.memory for d in self.machine.devices]
        return sum(max(0, peak - most) for peak, most in zip(peaks, limits, strict=True) if most)


def keep_reasons(groups: Groups, before: Mapping[Group, str], after: Mapping[Group, str]) -> None:
    """Forget the heuristics' reason of each group that is not where they put it."""
    for group in groups:
        if before[group] != after[group]:
            group.reason = None
