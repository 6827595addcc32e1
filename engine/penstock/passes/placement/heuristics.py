"""The default strategy: a list of small rules, asked in order; the first that knows decides.

Nodes that merely provide something (constants, generators, shapes computed from shapes) wait
until their readers have a place and join them; all others are placed in the order of the IR.
What no rule knows goes to the group's best device: an accelerator that has the kernels, else
the CPU. Rules only look at groups that are placed, so the outcome depends on nothing but the IR.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

from penstock import dtypes, shapes
from penstock.graph.ir import IR, Node
from penstock.ops.registry import find_op, has_op
from penstock.passes.context import PassContext
from penstock.passes.placement.groups import Group, Groups, Reason

Choice: TypeAlias = "tuple[str, Reason] | None"

METADATA = frozenset({"Shape", "ShapeN", "Size", "Rank"})
_SMALL = 64  # elements: a tensor of that many may well be a shape
_FEEDS = frozenset({"_Arg", "Const"})


class View:
    """What rules may ask: the IR, and where nodes are by now."""

    def __init__(self, ir: IR, groups: Groups) -> None:
        """Start with nothing placed."""
        self.nodes = ir.nodes
        self.consumers = ir.consumers()
        self.placed: dict[str, str] = {}
        self.best = {group: _kind(group.candidates[0]) for group in groups}

    def put(self, group: Group, device: str) -> None:
        """Note that a group is placed."""
        for name in group.members:
            self.placed[name] = device

    def bytes_of(self, name: str, index: int) -> int:
        """Return the size of an output, 0 when its shape is not known."""
        node = self.nodes[name]
        count = shapes.num_elements(node.shapes[index])
        return 0 if count is None else count * node.dtypes[index].size


Rule: TypeAlias = Callable[[Group, Node, View], Choice]


def metadata_with_producer(group: Group, node: Node, view: View) -> Choice:
    """Shape, Size and Rank run where their input is: a shape is cheaper to move than a tensor."""
    if node.op not in METADATA:
        return None
    for producer, _ in node.inputs:
        device = view.placed.get(producer)
        if device in group.candidates:
            return device, Reason("metadata_with_producer", (producer,))
    return None


def consumer_with_producer(group: Group, node: Node, view: View) -> Choice:
    """A node follows its largest input, as long as that is on a device of the best type."""
    best, found = -1, None
    for producer, index in node.inputs:
        device = view.placed.get(producer)
        if device not in group.candidates or view.nodes[producer].op in _FEEDS:
            continue
        size = view.bytes_of(producer, index)
        if _kind(device) == view.best[group] and size > best:
            best, found = size, (device, Reason("consumer_with_producer", (producer,)))
    return found


def waiting_with_producers(group: Group, node: Node, view: View) -> Choice:
    """A node that only waits (NoOp) stands where most of what it waits for is."""
    if node.inputs or node.dtypes:
        return None
    there = [name for name in node.controls if view.placed.get(name) in group.candidates]
    if not there:
        return None
    device = Counter(view.placed[name] for name in there).most_common(1)[0][0]
    first = next(name for name in there if view.placed[name] == device)
    return device, Reason("waiting_with_producers", (first,))


def provider_with_consumers(group: Group, node: Node, view: View) -> Choice:
    """Constants, generators and shape arithmetic join the device where most readers are."""
    readers = [name for m in group.members for name in view.consumers[m] if name in view.placed]
    counts = Counter(d for d in map(view.placed.__getitem__, readers) if d in group.candidates)
    if not counts:
        return None
    device, _ = counts.most_common(1)[0]
    first = next(name for name in readers if view.placed[name] == device)
    return device, Reason(f"{_kind_of_provider(node, view)}_with_consumers", (first,))


def best_device(group: Group, node: Node, view: View) -> Choice:
    """Everything else: the best type of device that has all kernels, its first device."""
    return group.candidates[0], Reason("best_device", (_kind(group.candidates[0]),))


FORWARD: tuple[Rule, ...] = (
    metadata_with_producer,
    consumer_with_producer,
    waiting_with_producers,
    best_device,
)
BACKWARD: tuple[Rule, ...] = (provider_with_consumers, best_device)


def heuristics(ir: IR, groups: Groups, context: PassContext) -> dict[Group, str]:
    """Return a device for each group: rules forwards, then backwards for what provides."""
    view = View(ir, groups)
    result: dict[Group, str] = {}
    waiting: list[Group] = []
    for group in groups:  # settled ones first: rules look both ways along the edges
        if len(group.candidates) == 1:
            result[group] = group.candidates[0]
            view.put(group, group.candidates[0])
    for group in groups:
        if group in result:
            continue
        if _provides(group, view):
            waiting.append(group)
        else:
            _decide(group, FORWARD, view, result)
    for group in reversed(waiting):
        _decide(group, BACKWARD, view, result)
    return result


def _decide(group: Group, rules: tuple[Rule, ...], view: View, result: dict[Group, str]) -> None:
    node = view.nodes[group.members[0]]
    for rule in rules:
        choice = rule(group, node, view)
        if choice is not None:
            result[group], group.reason = choice
            view.put(group, choice[0])
            return


def _provides(group: Group, view: View) -> bool:
    """Tell whether a group waits for its readers."""
    return len(group.members) == 1 and bool(_kind_of_provider(view.nodes[group.members[0]], view))


def _kind_of_provider(node: Node, view: View) -> str:
    """Return what kind of provider a node is, "" when it is none."""
    if node.op == "Const":
        return "constant"
    if not node.dtypes or dtypes.resource in node.dtypes:
        return ""
    if not node.inputs:
        return "generator" if len(view.consumers[node.name]) == 1 else ""
    if not has_op(node.op) or find_op(node.op).stateful:
        return ""
    ends = [(node, i) for i in range(len(node.dtypes))]
    ends += [(view.nodes[producer], i) for producer, i in node.inputs]
    return "shape_arithmetic" if all(is_shape(n, i) for n, i in ends) else ""


def is_shape(node: Node, index: int) -> bool:
    """Tell whether an output is a few integers."""
    if node.dtypes[index] not in (dtypes.int32, dtypes.int64):
        return False
    count = shapes.num_elements(node.shapes[index])
    return count is not None and count <= _SMALL


def _kind(device: str) -> str:
    """Return the type part of a full device name."""
    return device.rpartition("device:")[2].partition(":")[0]
