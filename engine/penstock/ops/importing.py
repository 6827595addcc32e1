"""import_graph_def: wire nodes → nodes of the default graph, through `apply`'s gate.

Everything is checked before it is added: names, inputs, cycles, attributes, dtypes. A graph
that is refused leaves the default graph as it was found except for nodes already added.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import errors, protos
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph import codec
from penstock.graph.codec import WireNode
from penstock.graph.collector import collector_paused
from penstock.graph.device_spec import merge_device
from penstock.graph.graph import Graph, get_default_graph
from penstock.graph.ir import Func
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.apply import add_node
from penstock.ops.infer import arg_dtypes, complete_attrs
from penstock.ops.registry import find_op, has_op
from penstock.shapes import TensorShape

_LOOP_EDGES = {"NextIteration", "RefNextIteration"}
_NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9_.\\/>-]*\Z")


@export("import_graph_def graph_util.import_graph_def")
def import_graph_def(
    graph_def: Any,
    input_map: dict[str, Any] | None = None,
    return_elements: Sequence[str] | None = None,
    name: str | None = None,
    op_dict: Any = None,
    producer_op_list: Any = None,
) -> list[Tensor | Operation] | None:
    """Add the nodes of a GraphDef to the default graph, under the scope `name`.

    `name` defaults to "import"; "" adds them under their own names. `input_map` replaces
    inputs by tensors of the default graph: keys are "node:k" or "node". `return_elements`
    lists names in `graph_def` whose tensors or operations are returned. `op_dict` and
    `producer_op_list` are accepted and not needed.

    Raises `TypeError` when `graph_def` is no GraphDef, `UnimplementedError` for an op or a
    producer version penstock does not know, `InvalidArgumentError` (or its `ValueError`
    forms) for anything malformed: duplicate names, missing inputs, cycles, bad attributes.
    """
    message = _as_message(graph_def)
    graph = get_default_graph()
    prefix = _open_prefix(graph, "import" if name is None else name)
    wires = _read_nodes(message)
    order = _in_order(wires)
    mapped = {_endpoint(k): convert.to_tensor(v) for k, v in (input_map or {}).items()}
    importer = _Importer(graph, prefix, wires, mapped, message.versions.producer)
    if message.HasField("library"):
        _take_library(graph, message.library)
    with graph.name_scope(None), collector_paused():
        for wire in order:
            importer.add(wire)
        importer.colocate_devices()
    unused = set(mapped) - importer.used
    if unused:
        names = ", ".join(f"{n}:{i}" for n, i in sorted(unused))
        raise errors.GraphError(
            None, None, f"input_map names what the graph does not read: {names}"
        )
    return None if return_elements is None else [importer.element(e) for e in return_elements]


def _as_message(graph_def: Any) -> Any:
    if isinstance(graph_def, protos.GraphDef):
        return graph_def
    if hasattr(graph_def, "SerializeToString") and type(graph_def).__name__ == "GraphDef":
        return codec.parse_graph(graph_def.SerializeToString())
    if isinstance(graph_def, bytes):
        return codec.parse_graph(graph_def)
    raise TypeError(f"graph_def must be a GraphDef, not {type(graph_def).__name__}")


def _open_prefix(graph: Graph, name: str) -> str:
    if not name:
        return ""
    return name if name.endswith("/") else graph.unique_name(name) + "/"


def _read_nodes(message: Any) -> dict[str, WireNode]:
    wires: dict[str, WireNode] = {}
    if message.versions.min_consumer > codec.PRODUCER:
        raise errors.UnimplementedError(
            None,
            None,
            f"the graph needs a consumer of version {message.versions.min_consumer} "
            f"(made by producer {message.versions.producer}); this one is {codec.PRODUCER}",
        )
    for node in message.node:
        if not _NAME.match(node.name):
            raise errors.GraphError(node, None, f"{node.name!r} is not a valid node name")
        if node.name in wires:
            raise errors.GraphError(node, None, f'node name "{node.name}" appears twice')
        if not has_op(node.op):
            _unknown_op(message, node)
        wires[node.name] = codec.decode_node(node)
    return wires


def _unknown_op(message: Any, node: Any) -> None:
    functions = {f.signature.name for f in message.library.function}
    if node.op in functions:
        raise errors.UnimplementedError(
            node, None, f'node "{node.name}" calls function {node.op!r}: calls are not supported'
        )
    try:
        find_op(node.op)
    except errors.UnimplementedError as e:
        raise errors.UnimplementedError(
            node,
            None,
            f'node "{node.name}": {e.message} (graph made by producer version '
            f"{message.versions.producer}, this consumer is version {codec.PRODUCER})",
        ) from None


def _endpoint(text: str) -> tuple[str, int]:
    name, colon, index = text.rpartition(":")
    if colon and index.isdigit():
        return name, int(index)
    return text, 0


def _in_order(wires: dict[str, WireNode]) -> list[WireNode]:
    """Return the nodes, producers first; loops are cut at NextIteration."""
    order: list[WireNode] = []
    state: dict[str, int] = {}
    for root in wires:
        stack = [] if root in state else [(root, False)]
        while stack:
            name, finished = stack.pop()
            if finished:
                state[name] = 2
                order.append(wires[name])
                continue
            if name in state:
                continue
            state[name] = 1
            stack.append((name, True))
            for other in reversed(_producers(wires, name)):
                if state.get(other) == 1:
                    path = [n for n, done in stack if done]
                    text = " -> ".join([*path[path.index(other) :], other])
                    raise errors.GraphError(None, None, f"the graph has a cycle: {text}")
                if other not in state:
                    stack.append((other, False))
    return order


def _producers(wires: dict[str, WireNode], name: str) -> list[str]:
    wire = wires[name]
    found = []
    for text in wire.inputs:
        producer = text[1:] if text.startswith("^") else _endpoint(text)[0]
        if producer not in wires:
            raise errors.GraphError(
                None, None, f'node "{name}" ({wire.op}): input "{text}" names no node of the graph'
            )
        if not (wire.op in ("Merge", "RefMerge") and wires[producer].op in _LOOP_EDGES):
            found.append(producer)
    return found


class _Importer:
    """The state of one import: what each wire name became."""

    def __init__(
        self,
        graph: Graph,
        prefix: str,
        wires: dict[str, WireNode],
        mapped: dict[tuple[str, int], Tensor],
        producer: int,
    ) -> None:
        self.graph, self.prefix, self.wires, self.mapped = graph, prefix, wires, mapped
        self.producer = producer
        self.made: dict[str, Operation] = {}
        self.used: set[tuple[str, int]] = set()

    def add(self, wire: WireNode) -> None:
        data = [t for t in wire.inputs if not t.startswith("^")]
        controls = [self.made[t[1:]] for t in wire.inputs if t.startswith("^")]
        if wire.inputs[: len(data)] != data:
            raise errors.GraphError(
                None, None, f'node "{wire.name}": control inputs must come after data inputs'
            )
        tensors = tuple([self.tensor(text, wire) for text in data])
        op = find_op(wire.op)
        attrs = self._colocation(wire)
        _check_known(wire, self.producer)
        _check_kinds(wire)
        _check_input_types(wire, tensors, attrs)
        name = self.prefix + wire.name
        if name in self.graph._operations:
            raise errors.GraphError(None, None, f'the graph has a node "{name}" already')
        self.graph._unique(name)
        device = merge_device(wire.device, "")
        self.made[wire.name] = add_node(self.graph, op, tensors, attrs, name, controls, device)

    def tensor(self, text: str, wire: WireNode) -> Tensor:
        key = _endpoint(text)
        if key in self.mapped:
            self.used.add(key)
            return self.mapped[key]
        producer = self.made[key[0]]
        if key[1] >= len(producer._outputs):
            raise errors.GraphError(
                None,
                None,
                f'node "{wire.name}" ({wire.op}): input "{text}" does not exist, '
                f'"{key[0]}" has {len(producer._outputs)} outputs',
            )
        return producer._outputs[key[1]]

    def _colocation(self, wire: WireNode) -> dict[str, Any]:
        attrs = dict(wire.attrs)
        groups = attrs.get("_class")
        if groups and not _are_names(groups):
            raise errors.GraphError(
                None,
                None,
                f'node "{wire.name}" ({wire.op}): attribute _class is a list of names in UTF-8, '
                f"not {groups!r}",
            )
        if groups and self.prefix:
            attrs["_class"] = [
                b"loc:@" + self.prefix.encode() + g[5:] if g.startswith(b"loc:@") else g
                for g in groups
            ]
        return attrs

    def colocate_devices(self) -> None:
        """Let nodes that are colocated ask for what their partner asks, and nothing else."""
        for operation in self.made.values():
            groups = operation._attrs.get("_class")
            if groups:
                names = [g[5:].decode() for g in groups if g.startswith(b"loc:@")]
                partners = [self.graph._operations.get(n) for n in names if n != operation.name]
                if any(partners):
                    devices = [p._device for p in partners if p is not None and p._device]
                    operation._device = devices[0] if devices else ""
                    operation._node = None

    def element(self, text: str) -> Tensor | Operation:
        name, colon, index = text.rpartition(":")
        if not (colon and index.isdigit()):
            if text not in self.made:
                raise errors.GraphError(None, None, f"return_elements: no node {text!r}")
            return self.made[text]
        key = (name, int(index))
        if key in self.mapped:
            return self.mapped[key]
        if name not in self.made or key[1] >= len(self.made[name]._outputs):
            raise errors.GraphError(None, None, f"return_elements: no tensor {text!r}")
        return self.made[name]._outputs[key[1]]


def _are_names(value: Any) -> bool:
    """Return True for a list of strings that are UTF-8."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, bytes) for v in value):
        return False
    try:
        b" ".join(value).decode()
    except UnicodeDecodeError:
        return False
    return True


_KINDS: dict[str, type] = {
    "int": int,
    "float": float,
    "bool": bool,
    "string": bytes,
    "type": DType,
    "shape": TensorShape,
    "tensor": np.ndarray,
    "func": Func,
}


def _check_known(wire: WireNode, producer: int) -> None:
    """Refuse attributes that the op does not have here; it may have them elsewhere."""
    known = find_op(wire.op).attrs
    for key in wire.attrs:
        if key not in known and not key.startswith("_"):
            raise errors.UnimplementedError(
                None,
                None,
                f'node "{wire.name}" ({wire.op}): there is no attribute {key!r} (graph made by '
                f"producer version {producer}, this consumer is version {codec.PRODUCER})",
            )


def _check_kinds(wire: WireNode) -> None:
    """Refuse attributes written as another kind: on the wire, 1, 1.0 and True are different."""
    for attr in find_op(wire.op).attrs.values():
        value = wire.attrs.get(attr.name)
        if value is None:
            continue
        items = value if attr.is_list and isinstance(value, list) else [value]
        wanted = _KINDS[attr.element_kind]
        if isinstance(value, list) != attr.is_list or any(type(i) is not wanted for i in items):
            raise errors.GraphError(
                None,
                None,
                f'node "{wire.name}" ({wire.op}): attribute {attr.name} must be {attr.kind}, '
                f"not {value!r}",
            )


def _check_input_types(wire: WireNode, tensors: tuple[Tensor, ...], attrs: dict[str, Any]) -> None:
    """Compare the number and dtypes of inputs with what the attributes say."""
    op = find_op(wire.op)
    wanted = []
    full = complete_attrs(op, wire.name, {k: v for k, v in attrs.items()}, tensors)
    for arg in op.inputs:
        try:
            wanted += [(arg, d) for d in arg_dtypes(arg, full)]
        except ValueError as e:
            text = f'node "{wire.name}" ({wire.op}): {e}'
            raise errors.GraphError(None, None, text) from None
    if len(wanted) != len(tensors):
        raise errors.GraphError(
            None,
            None,
            f'node "{wire.name}" ({wire.op}) needs {len(wanted)} inputs, has {len(tensors)}',
        )
    for (arg, dtype), tensor in zip(wanted, tensors, strict=True):
        if tensor.dtype.base_dtype is not dtype.base_dtype:
            raise errors.DTypeError(
                None,
                None,
                f'node "{wire.name}" ({wire.op}): input {arg.name!r} is {tensor.dtype.name} '
                f'from "{tensor.op.name}", its attributes say {dtype.name}',
            )
        if arg.is_ref and not tensor.dtype.is_ref:
            raise errors.DTypeError(
                None,
                None,
                f'node "{wire.name}" ({wire.op}): input {arg.name!r} must be a reference, '
                f'"{tensor.op.name}" gives a value',
            )


def _take_library(graph: Graph, library: Any) -> None:
    if graph._library is None:
        graph._library = protos.FunctionDefLibrary()
    known = {f.signature.name for f in graph._library.function}
    graph._library.function.extend([f for f in library.function if f.signature.name not in known])
    graph._library.gradient.extend(library.gradient)
