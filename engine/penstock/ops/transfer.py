"""Ops that the partitioner puts at the cuts between devices; programs do not build them.

A send and a receive with equal attributes are the two ends of one transfer. What is sent leaves
from the memory of its device and arrives in that of the other; the `_Host` kinds are for values
that are in host memory on the side of an accelerator. Defined so that the graphs of partitions
can be written, read and shown as any other.
"""

from __future__ import annotations

from penstock.ops.registry import define_op, no_gradient

_EDGE = (
    "tensor_name: string, send_device: string, send_device_incarnation: int, "
    "recv_device: string, client_terminated: bool = False"
)


def _send(name: str, where: str) -> None:
    define_op(
        name,
        inputs="tensor: T",
        attrs=f"T: type, {_EDGE}",
        shape=lambda _: [],
        stateful=True,
        doc=f"Send a tensor to another device{where}. Made by the partitioner.",
    )


def _recv(name: str, where: str) -> None:
    define_op(
        name,
        outputs="tensor: tensor_type",
        attrs=f"tensor_type: type, {_EDGE}",
        shape=lambda _: [None],
        stateful=True,
        doc=f"The tensor that another device sent{where}. Made by the partitioner.",
    )


_send("_Send", "")
_send("_HostSend", " out of host memory")
_recv("_Recv", "")
_recv("_HostRecv", ", in host memory")
no_gradient("_Send", "_HostSend", "_Recv", "_HostRecv")
