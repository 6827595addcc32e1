"""IR nodes ↔ GraphDef: the one owner of the wire format of graphs.

Encoding takes attribute values as they are in the IR; decoding returns the same kinds, so
`decode(encode(node)) == node` for everything but dtypes and shapes of outputs, which the
wire does not carry (`ops/importing.py` infers them). Unknown attributes pass through.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from penstock import dtypes, errors, protos
from penstock.dtypes import DType
from penstock.graph.ir import Attr, Func, Node
from penstock.graph.tensor_codec import decode_tensor, encode_tensor
from penstock.graph.wire_scan import duplicate_attribute
from penstock.shapes import Dims, TensorShape

PRODUCER = 2474
"""The graph version written, and the newest that is certain to be understood."""


_MAX_DEPTH = 50


class WireNode(NamedTuple):
    """A node as the wire has it: before dtypes and shapes are inferred."""

    name: str
    op: str
    inputs: list[str]
    device: str
    attrs: dict[str, Attr]


def encode_graph(nodes: Iterable[Node], library: Any = None, add_shapes: bool = False) -> Any:
    """Return the GraphDef of `nodes`, with the function library if there is one."""
    graph = protos.GraphDef()
    graph.versions.producer = PRODUCER
    for node in nodes:
        message = graph.node.add()
        encode_node(node, message)
        if add_shapes and node.shapes:
            shapes = [TensorShape(s) for s in node.shapes]
            encode_attr(shapes, message.attr["_output_shapes"])
    if library is not None:
        graph.library.CopyFrom(library)
    return graph


def encode_node(node: Node, message: Any = None) -> Any:
    """Return the NodeDef of a node (filled into `message` when given)."""
    message = protos.NodeDef() if message is None else message
    message.name = node.name
    message.op = node.op
    message.device = node.device
    message.input.extend([name if i == 0 else f"{name}:{i}" for name, i in node.inputs])
    message.input.extend(["^" + name for name in node.controls])
    for key, value in node.attrs.items():
        encode_attr(value, message.attr[key])
    return message


def encode_shape(dims: Dims, message: Any) -> None:
    """Fill a TensorShapeProto."""
    message.SetInParent()
    if dims is None:
        message.unknown_rank = True
        return
    for size in dims:
        message.dim.add().size = -1 if size is None else size


def encode_attr(value: Attr, message: Any) -> None:
    """Fill an AttrValue from a Python value."""
    if isinstance(value, bool):
        message.b = value
    elif isinstance(value, DType):
        message.type = value.as_datatype_enum
    elif isinstance(value, (int, np.integer)):
        message.i = int(value)
    elif isinstance(value, (float, np.floating)):
        message.f = float(value)
    elif isinstance(value, (bytes, str)):
        message.s = value.encode() if isinstance(value, str) else value
    elif isinstance(value, TensorShape):
        encode_shape(value._dims, message.shape)
    elif isinstance(value, np.ndarray):
        encode_tensor(value, message.tensor)
    elif isinstance(value, Func):
        _encode_func(value, message.func)
    elif isinstance(value, (list, tuple)):
        message.list.SetInParent()
        for item in value:
            _append_to_list(item, message.list)
    else:
        raise TypeError(f"{value!r} cannot be an attribute")


def _encode_func(value: Func, message: Any) -> None:
    message.name = value.name
    for key, item in value.attrs.items():
        encode_attr(item, message.attr[key])


def _append_to_list(item: Attr, message: Any) -> None:
    if isinstance(item, bool):
        message.b.append(item)
    elif isinstance(item, DType):
        message.type.append(item.as_datatype_enum)
    elif isinstance(item, (int, np.integer)):
        message.i.append(int(item))
    elif isinstance(item, (float, np.floating)):
        message.f.append(float(item))
    elif isinstance(item, (bytes, str)):
        message.s.append(item.encode() if isinstance(item, str) else item)
    elif isinstance(item, TensorShape):
        encode_shape(item._dims, message.shape.add())
    elif isinstance(item, np.ndarray):
        encode_tensor(item, message.tensor.add())
    elif isinstance(item, Func):
        _encode_func(item, message.func.add())
    else:
        raise TypeError(f"{item!r} cannot be in a list attribute")


def parse_graph(data: bytes) -> Any:
    """Return the GraphDef in `data`; `DataLossError` when the bytes are not one.

    `InvalidArgumentError` when a node has an attribute twice.
    """
    graph = protos.GraphDef()
    try:
        graph.ParseFromString(data)
    except Exception:  # the protobuf package has one exception class per back end
        raise errors.DataLossError(
            None, None, f"these {len(data)} bytes are no GraphDef, or not a whole one"
        ) from None
    twice = duplicate_attribute(data)
    if twice is not None:
        text = f'node "{twice[0]}" has attribute {twice[1]!r} twice'
        raise errors.InvalidArgumentError(None, None, text)
    return graph


def decode_node(message: Any) -> WireNode:
    """Return a NodeDef as a `WireNode`; raises an `OpError` naming the node."""
    try:
        attrs = {key: decode_attr(value) for key, value in message.attr.items()}
    except errors.OpError as e:
        text = f'node "{message.name}" ({message.op}): {e.message}'
        raise type(e)(message, None, text) from None
    return WireNode(message.name, message.op, list(message.input), message.device, attrs)


def decode_attr(message: Any, depth: int = 0) -> Attr:
    """Return the Python value of an AttrValue; None when it is empty."""
    kind = message.WhichOneof("value")
    if kind is None:
        return None
    if kind == "func":
        return _decode_func(message.func, depth)
    if kind == "list":
        return _decode_list(message.list, depth)
    return _DECODERS[kind](getattr(message, kind))


def _decode_type(number: int) -> DType:
    try:
        return dtypes.as_dtype(number)
    except TypeError:
        raise errors.UnimplementedError(
            None, None, f"dtype number {number} is not supported"
        ) from None


def decode_shape(message: Any) -> Dims:
    """Return the dimensions of a TensorShapeProto; sizes below -1 are refused."""
    if message.unknown_rank:
        return None
    sizes = [int(d.size) for d in message.dim]
    if any(s < -1 for s in sizes):
        raise errors.InvalidArgumentError(None, None, f"shape {sizes} has a negative dimension")
    return tuple([None if s == -1 else s for s in sizes])


def _decode_func(message: Any, depth: int) -> Func:
    if depth == _MAX_DEPTH:
        raise errors.InvalidArgumentError(
            None, None, f"functions in attributes are nested more than {_MAX_DEPTH} deep"
        )
    return Func(message.name, {k: decode_attr(v, depth + 1) for k, v in message.attr.items()})


def _decode_list(message: Any, depth: int) -> list[Attr]:
    for field, values in message.ListFields():
        if field.name == "func":
            return [_decode_func(v, depth) for v in values]
        return [_DECODERS[field.name](v) for v in values]
    return []


_DECODERS: dict[str, Any] = {
    "s": bytes,
    "i": int,
    "f": float,
    "b": bool,
    "type": _decode_type,
    "shape": lambda m: TensorShape(decode_shape(m)),
    "tensor": decode_tensor,
    "placeholder": lambda m: m,
}
