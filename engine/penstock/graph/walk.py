"""Traversals: over handles of a Graph, and over an IR. None of them recurses."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from penstock import errors
from penstock.graph.ir import IR, Node
from penstock.graph.tensor import Operation, Tensor


def ancestors(
    operations: Iterable[Operation],
    stop_at: Callable[[Tensor], bool] = lambda _: False,
    controls: bool = True,
) -> list[Operation]:
    """Return what `operations` need, themselves included, producers before consumers.

    Tensors for which `stop_at` is true are not followed. Raises `GraphError` on a cycle.
    """
    order: list[Operation] = []
    state: dict[Operation, int] = {}  # 1: being visited, 2: done
    for root in operations:
        stack = [(root, False)]
        while stack:
            operation, finished = stack.pop()
            if finished:
                state[operation] = 2
                order.append(operation)
                continue
            if operation in state:
                continue
            state[operation] = 1
            stack.append((operation, True))
            needed = [t.op for t in operation._inputs if not stop_at(t)]
            if controls:
                needed += operation._controls
            for other in reversed(needed):
                seen = state.get(other)
                if seen == 1:
                    raise errors.GraphError(None, other, _cycle_text(other, needed, operation))
                if seen is None:
                    stack.append((other, False))
    return order


def _cycle_text(start: Operation, _: list[Operation], end: Operation) -> str:
    return f'the graph has a cycle through "{start.name}" and "{end.name}"'


def descendants(tensors: Iterable[Tensor]) -> set[Operation]:
    """Return the operations that read `tensors`, directly or not."""
    found: set[Operation] = set()
    stack = [op for t in tensors for op in t._consumers]
    while stack:
        operation = stack.pop()
        if operation in found:
            continue
        found.add(operation)
        for tensor in operation._outputs:
            stack.extend(tensor._consumers)
    return found


def toposort(nodes: dict[str, Node]) -> list[Node]:
    """Return IR nodes so that each stands after what it waits for, else in the order given.

    Raises `GraphError` with the names on a cycle when there is one.
    """
    order: list[Node] = []
    state: dict[str, int] = {}
    for root in nodes:
        if root in state:
            continue
        stack: list[tuple[str, bool]] = [(root, False)]
        while stack:
            name, finished = stack.pop()
            if finished:
                state[name] = 2
                order.append(nodes[name])
                continue
            if name in state:
                continue
            state[name] = 1
            stack.append((name, True))
            for other in reversed(list(nodes[name].predecessors())):
                seen = state.get(other)
                if seen == 1:
                    cycle = [n for n, done in stack if done]
                    path = " -> ".join([*cycle[cycle.index(other) :], other])
                    raise errors.GraphError(None, None, f"the graph has a cycle: {path}")
                if seen is None:
                    stack.append((other, False))
    return order


def reachable(ir: IR) -> set[str]:
    """Return the names of the nodes that the roots need, themselves included."""
    found = set(ir.roots)
    stack = list(ir.roots)
    nodes = ir.nodes
    while stack:
        for name in nodes[stack.pop()].predecessors():
            if name not in found:
                found.add(name)
                stack.append(name)
    return found
