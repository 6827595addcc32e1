"""Graph → IR: what a run needs of a graph, with feeds and fetches as nodes.

Enters: the tensors fetched, the operations to run, the tensors fed. Leaves: an IR of their
ancestors up to the feeds, in which a fed tensor is the output of an `_Arg` and a fetched one
the input of a `_Retval`. The graph itself is only read, under its lock.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.graph import walk
from penstock.graph.graph import Graph
from penstock.graph.ir import IR, Endpoint, Node
from penstock.graph.tensor import Operation, Tensor
from penstock.shapes import TensorShape


def extract(
    graph: Graph,
    fetches: Sequence[Tensor],
    targets: Sequence[Operation],
    feeds: Sequence[Tensor],
) -> IR:
    """Return the IR of one run signature. Feeds and fetches keep their order as `index`."""
    args = {t: arg_node(i, t) for i, t in enumerate(feeds)}
    fed: dict[Endpoint, Endpoint] = {
        (t.op.name, t.value_index): (node.name, 0) for t, node in args.items()
    }
    wanted = [t.op for t in fetches if t not in args] + list(targets)
    with graph._lock:
        operations = walk.ancestors(wanted, args.__contains__)
        silent = _fed_placeholders(feeds)
        nodes = {node.name: node for node in args.values()}
        for operation in operations:
            if operation.name not in silent:
                nodes[operation.name] = _rewired(operation.to_node(), fed, silent)
    roots = [t.name for t in targets if t.name not in silent]
    for i, tensor in enumerate(fetches):
        source = (tensor.op.name, tensor.value_index)
        node = retval_node(i, tensor, fed.get(source, source))
        nodes[node.name] = node
        roots.append(node.name)
    return IR(nodes, dict.fromkeys(roots))


def arg_node(index: int, tensor: Tensor) -> Node:
    """Return the node that stands for a fed tensor."""
    dtype = tensor.dtype.base_dtype
    attrs = {
        "index": index,
        "T": dtype,
        "shape": TensorShape(tensor._dims),
        "_fed": tensor.name.encode(),
    }
    name = f"_arg_{index}_{tensor.op.name}"
    return Node(name, "_Arg", (), (), attrs, "", (dtype,), (tensor._dims,), tensor.op._source)


def retval_node(index: int, tensor: Tensor, source: Endpoint) -> Node:
    """Return the node that stands for a fetch."""
    attrs = {"index": index, "T": tensor.dtype.base_dtype}
    return Node(f"_retval_{index}_{tensor.op.name}", "_Retval", (source,), (), attrs, "", (), ())


def _fed_placeholders(feeds: Sequence[Tensor]) -> set[str]:
    """Return placeholders that a feed replaces altogether, control edges included."""
    kinds = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
    return {t.op.name for t in feeds if t.op.type in kinds}


def _rewired(node: Node, fed: dict[Endpoint, Endpoint], silent: set[str]) -> Node:
    if not fed.keys().isdisjoint(node.inputs):
        node = node._replace(inputs=tuple([fed.get(e, e) for e in node.inputs]))
    if not silent.isdisjoint(node.controls):
        node = node._replace(controls=tuple([c for c in node.controls if c not in silent]))
    return node
