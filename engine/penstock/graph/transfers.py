"""The nodes that move a value between partitions, and the key under which they meet.

A transfer is a send node in one partition and a receive node in another (or in the same, when a
value changes from a device's memory to the host's). `_Send` and `_Recv` take and leave the value
in their device's own memory, `_HostSend` and `_HostRecv` in host memory on the device's side; on
a CPU the two are one, and the plain ones are used. The pair shares four attributes, which with
the frame and iteration of a loop are the key of the rendezvous.
"""

from __future__ import annotations

from typing import NamedTuple

from penstock.dtypes import DType
from penstock.graph.ir import Attr, Endpoint, Node
from penstock.shapes import Dims

SENDS = frozenset(("_Send", "_HostSend"))
RECVS = frozenset(("_Recv", "_HostRecv"))


class Key(NamedTuple):
    """What a send and its receive have in common; unique in a step outside of loops."""

    send_device: str
    incarnation: int
    recv_device: str
    tensor_name: str


class Value(NamedTuple):
    """A tensor to be sent: an output of `source`, or of a node that stands directly after it.

    `controls` name those whom the send waits for besides.
    """

    source: Node
    endpoint: Endpoint
    dtype: DType
    dims: Dims
    on_host: bool
    controls: tuple[str, ...] = ()


def key_of(node: Node) -> Key:
    """Return the key of a send or a receive node."""
    attrs = node.attrs
    return Key(
        attrs["send_device"].decode(),
        attrs["send_device_incarnation"],
        attrs["recv_device"].decode(),
        attrs["tensor_name"].decode(),
    )


def send_node(name: str, op: str, key: Key, value: Value) -> Node:
    """Return the node that sends `value`; `op` says from which memory."""
    attrs = _attrs("T", value.dtype, key)
    source = value.source
    inputs = (value.endpoint,)
    return Node(name, op, inputs, value.controls, attrs, source.device, (), (), source.source)


def recv_node(name: str, op: str, key: Key, value: Value) -> Node:
    """Return the node that receives `value`; `op` says into which memory."""
    attrs = _attrs("tensor_type", value.dtype, key)
    types, dims = (value.dtype,), (value.dims,)
    return Node(name, op, (), (), attrs, key.recv_device, types, dims, value.source.source)


def _attrs(type_attr: str, dtype: DType, key: Key) -> dict[str, Attr]:
    return {
        type_attr: dtype,
        "tensor_name": key.tensor_name.encode(),
        "send_device": key.send_device.encode(),
        "send_device_incarnation": key.incarnation,
        "recv_device": key.recv_device.encode(),
        "client_terminated": False,
    }
