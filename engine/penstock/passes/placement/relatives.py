"""What the rest of a graph knows about the resources of one run.

A variable lives on one device in all runs of a session, yet each run sees a part of the graph
only: its initializer alone, say. So the placer is also shown the nodes outside the run that use
the same resources, or are tied to them through others (an optimizer's update uses the weight
and its slots): a device that suits them all is chosen at once.
"""

from __future__ import annotations

from penstock import dtypes
from penstock.graph.graph import Graph
from penstock.graph.ir import IR, Node
from penstock.graph.tensor import Operation, Tensor


def relatives(graph: Graph, ir: IR) -> list[Node]:
    """Return the nodes of `graph` outside `ir` that share resources with it, in graph order."""
    found: dict[Operation, None] = {}
    with graph._lock:
        stack = _starts(graph, ir)
        while stack:
            operation = stack.pop()
            if operation in found:
                continue
            found[operation] = None
            for tensor in operation._outputs:
                if _is_handle(tensor):
                    stack.extend(tensor._consumers)
            stack.extend(t.op for t in operation._inputs if _is_handle(t))
        ordered = sorted(found, key=lambda operation: operation._id)
        return [op.to_node() for op in ordered if op.name not in ir]


def _starts(graph: Graph, ir: IR) -> list[Operation]:
    """Return the operations behind the handles of an IR, and those it is colocated with."""
    names: dict[str, None] = {}
    for node in ir:
        if any(d is dtypes.resource for d in node.dtypes):
            names[node.name] = None
        for item in node.attrs.get("_class", ()):
            if item.startswith(b"loc:@"):
                names[item[5:].decode()] = None
    return [graph._operations[name] for name in names if name in graph._operations]


def _is_handle(tensor: Tensor) -> bool:
    return tensor.dtype is dtypes.resource or tensor.dtype.is_ref
