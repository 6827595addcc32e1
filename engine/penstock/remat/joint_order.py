"""The order that planning starts from: forward, then backward the way it came.

Enters: an IR and the gradient calls to plan for. Leaves: which nodes are backward, and all nodes
in an order in which the forward pass is whole before the backward pass begins, each backward node
runs when its forward node's turn comes in reverse, and accesses to one variable keep their order.
What a gradient needs to know of shapes only counts as forward: it is small, and asked early it
does not hold back, or bring back, the tensor whose shape it is.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection

from penstock.graph.ir import IR, Node
from penstock.ops.registry import find_op, has_op
from penstock.shapes import num_elements

_ASKS_SHAPE = frozenset({"Shape", "ShapeN", "Size", "Rank"})
_LARGEST_INDEX = 64


def about_shapes(node: Node) -> bool:
    """Tell whether a node yields nothing but a few integers that are no one's state."""
    if not node.dtypes or not all(d.name in ("int32", "int64") for d in node.dtypes):
        return False
    if node.op in _ASKS_SHAPE:
        return True
    pure = has_op(node.op) and not find_op(node.op).stateful and bool(node.inputs)
    known = [num_elements(dims) for dims in node.shapes]
    few = [n is not None and n <= _LARGEST_INDEX for n in known]
    return pure and (all(few) or node.op == "BroadcastGradientArgs")


def backward_nodes(ir: IR, calls: Collection[bytes]) -> set[str]:
    """Return the names of nodes that gradient calls added, and of those behind them."""
    backward: set[str] = set()
    writers: dict[str, list[str]] = {}
    for earlier, later in variable_order(ir):
        writers.setdefault(later, []).append(earlier)
    for node in ir:
        before = (*node.predecessors(), *writers.get(node.name, ()))
        behind = any(name in backward for name in before)
        marked = node.attrs.get("_gradients") in calls and node.op != "Const"
        if behind or (marked and not about_shapes(node)):
            backward.add(node.name)
    return backward


def joint_order(ir: IR, backward: Collection[str]) -> list[Node]:
    """Return the nodes in the order described above."""
    position = {name: i for i, name in enumerate(ir.nodes)}
    before = {node.name: set(node.predecessors()) for node in ir}
    for earlier, later in variable_order(ir):
        before[later].add(earlier)
    readers: dict[str, list[str]] = {name: [] for name in position}
    for name, others in before.items():
        for other in others:
            readers[other].append(name)
    waiting = {name: len(others) for name, others in before.items()}
    keys: dict[str, tuple[int, int, int]] = {}

    def key(name: str) -> tuple[int, int, int]:
        if name not in backward:
            return (0, 0, position[name])
        target = ir[name].attrs.get("_grad_of", b"").decode()
        if target in position:
            return (1, -position[target], position[name])
        inherited = [keys[n][1] for n in before[name] if n in backward]
        return (1, max(inherited, default=-len(position)), position[name])

    ready = []
    for name in position:
        if not waiting[name]:
            keys[name] = key(name)
            ready.append((keys[name], name))
    heapq.heapify(ready)
    order: list[Node] = []
    while ready:
        _, name = heapq.heappop(ready)
        order.append(ir[name])
        for other in readers[name]:
            waiting[other] -= 1
            if not waiting[other]:
                keys[other] = key(other)
                heapq.heappush(ready, (keys[other], other))
    return order


def variable_order(ir: IR) -> list[tuple[str, str]]:
    """Return pairs (earlier, later) of nodes that touch one variable, one of them writing it.

    The IR's own order stands for what a plain run does: a value read before a write stays so.
    Where nothing hinders it, whoever uses a value that was read comes before the write, too: an
    update then works in place, and need not copy what somebody still reads.
    """
    pairs: list[tuple[str, str]] = []
    reads: dict[tuple[str, int], list[str]] = {}
    written: dict[tuple[str, int], str] = {}
    for node in ir:
        writes = has_op(node.op) and find_op(node.op).stateful and node.op not in _ONLY_READ
        for endpoint in dict.fromkeys(node.inputs):
            if ir[endpoint[0]].dtypes[endpoint[1]].name != "resource":
                continue
            if endpoint in written:
                pairs.append((written[endpoint], node.name))
            if writes:
                pairs += [(name, node.name) for name in reads.pop(endpoint, [])]
                written[endpoint] = node.name
            else:
                reads.setdefault(endpoint, []).append(node.name)
    return pairs + _users_first(ir, pairs)


def uses_of_read_values(ir: IR, pairs: Collection[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Return triples (read, user of its value, later write of the variable), writes in place."""
    later: dict[str, list[str]] = {}
    for earlier, write in pairs:
        harmless = ir[write].op in _ONLY_READ or ir[write].op == "AssignVariableOp"
        if ir[earlier].op == "ReadVariableOp" and not harmless:
            later.setdefault(earlier, []).append(write)
    shown = {name: name for name in later}  # views of a read value, by the read
    triples = []
    for node in ir:
        for read in dict.fromkeys(shown[name] for name, _ in node.inputs if name in shown):
            if node.op == "Identity":
                shown[node.name] = read
            else:
                triples += [(read, node.name, write) for write in later[read]]
    return triples


def _users_first(ir: IR, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs (user of a read value, later write) that lead to no circle.

    None of these users stands behind any write, so no circle can close.
    """
    before: dict[str, list[str]] = {}
    for earlier, later in pairs:
        before.setdefault(later, []).append(earlier)
    writes = {later for _, later in pairs if ir[later].op not in _ONLY_READ}
    behind: set[str] = set()
    for node in ir:
        others = (*node.predecessors(), *before.get(node.name, ()))
        if any(name in behind or name in writes for name in others):
            behind.add(node.name)
    triples = uses_of_read_values(ir, pairs)
    return [(user, write) for _, user, write in triples if user not in behind and user != write]


_ONLY_READ = frozenset(
    {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "VarIsInitializedOp"}
)
