"""What the placer decided, kept with the plan: small, and put into words only on demand.

The IR before placement holds what was asked for, the one after it what was given; the groups
hold the reasons. `None` for the groups stands for a session with one device.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from penstock.graph.devices import short_name
from penstock.graph.ir import IR, Node
from penstock.passes.placement.conflicts import signature
from penstock.passes.placement.device_table import ON_HOST, DeviceTable
from penstock.passes.placement.groups import Group, Groups, Reason
from penstock.passes.placement.reasons import text_of


class Move(NamedTuple):
    """A node that is not where it asked to be."""

    node: str
    asked: str
    given: str
    why: str

    def text(self) -> str:
        """Return it as a sentence."""
        return f'asked for "{self.asked}", is on {short_name(self.given)}: {self.why}'


class Placement:
    """The outcome of the pass `place` for one plan."""

    def __init__(self, asked: IR, given: IR, groups: Groups | None, table: DeviceTable) -> None:
        """Take what the pass had and made."""
        self.asked, self.given, self.groups, self.table = asked, given, groups, table

    def device(self, name: str) -> str:
        """Return the full name of the device of a node."""
        return self.given[name].device or self.table.names[0]

    def members(self, name: str) -> tuple[str, ...]:
        """Return the nodes that must be where this one is, itself included."""
        return (name,) if self.groups is None else self.groups.of[name].members

    def requests(self, name: str) -> list[tuple[str, str]]:
        """Return (node, device asked for) for each member of the node's group that asks."""
        nodes = [self.asked[m] for m in self.members(name)]
        return [(n.name, n.device) for n in nodes if n.device]

    @cached_property
    def moves(self) -> list[Move]:
        """Every node that is not where it asked to be, or its `_class` would have it."""
        if self.groups is None:
            return []
        found = []
        for node in self.asked:
            given = self.device(node.name)
            if node.device and not self.table.asked(node.device) & self.table.bit(given):
                found.append(Move(node.name, node.device, given, self._why_moved(node)))
            elif node.name in self.groups.apart:
                partner = ", ".join(c.decode() for c in node.attrs["_class"])
                why = f"there is no kernel for {signature(node)} there"
                found.append(Move(node.name, partner, given, why))
        return found

    def _why_moved(self, node: Node) -> str:
        asked = self.table.asked(node.device)
        if not asked:
            return "the session has no such device"
        if not asked & self.table.able(node):
            return f"there is no kernel for {signature(node)}"
        return self._why_not(node.name, asked)

    def _why_not(self, name: str, mask: int) -> str:
        """Return what keeps a node off the devices of a mask."""
        if self.asked[name].op in ON_HOST:
            return text_of(Reason("host"))
        for member in self.members(name):
            other = self.asked[member]
            if not mask & self.table.able(other):
                return _shared(name, member, f"there is no kernel for {signature(other)}")
        home = self.table.bit(self.device(name))
        for member in self.members(name):
            asked = self.table.asked(self.asked[member].device)
            if home & asked and not mask & asked:
                return _shared(name, member, f'"{self.asked[member].device}" is asked for')
        reason = self.reason(name)
        text = text_of(reason)
        return text if reason.code == "resident" else f"would do, but here is better: {text}"

    def reason(self, name: str) -> Reason:
        """Return why a node is where it is."""
        if self.groups is None:
            return Reason("single_device")
        group = self.groups.of[name]
        if group.reason is None or group.reason.code == "resident":
            found = self._constraint(self.asked[name], group)
            if group.reason is None or found.code in ("requested", "group_requested"):
                return found
        return group.reason

    def _constraint(self, node: Node, group: Group) -> Reason:
        """Return which constraint left a group its only candidate."""
        home = self.table.bit(self.device(node.name))
        if node.op in ON_HOST:
            return Reason("host")
        if node.device and self.table.asked(node.device) & home:
            return Reason("requested", (node.device,))
        for member in group.members:
            other = self.asked[member]
            if other.device and self.table.asked(other.device) & home and member != node.name:
                return Reason("group_requested", (member, other.device))
        return self._by_kernels(node, group)

    def _by_kernels(self, node: Node, group: Group) -> Reason:
        for member in (node.name, *group.members):
            other = self.asked[member]
            able = self.table.able(other)
            if able != self.table.everywhere:
                kinds = _kinds(self.table.listed(able))
                if member == node.name:
                    return Reason("only_kernel", (kinds, signature(other)))
                return Reason("group_only_kernel", (member, kinds, signature(other)))
        return Reason("best_device", (_kinds((self.device(node.name),)),))

    def refused(self, name: str) -> list[tuple[str, str]]:
        """Return (device, why not) for each other device of the session."""
        result = []
        for device in self.table.names:
            if device != self.device(name):
                result.append((device, self._why_not(name, self.table.bit(device))))
        return result


def _shared(name: str, member: str, text: str) -> str:
    """Return what holds a node back, with the member of its group that does it."""
    return text if member == name else f'"{member}" shares the device, and {text}'


def _kinds(devices: tuple[str, ...]) -> str:
    """Return the types of some devices, each once."""
    kinds = dict.fromkeys(short_name(d).partition(":")[0] for d in devices)
    return " and ".join(kinds)
