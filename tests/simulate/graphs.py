"""Small placed IRs written by hand: `node("c", "a", "b", on=1)` reads a and b on device 1."""

from __future__ import annotations

from penstock import dtypes
from penstock.graph.ir import IR, Node
from penstock.simulate import DeviceModel, FixedCosts, LinkModel, Machine, full_name

BYTES = 4
"""Bytes of an element of the values."""


def node(name: str, *inputs: str, on: int = 0, after: tuple[str, ...] = (), size: int = 25) -> Node:
    """Return a node with one float32 output of `size` elements (100 bytes unless told)."""
    device = full_name(f"CPU:{on}")
    ends = tuple((i, 0) for i in inputs)
    return Node(name, "Work", ends, after, {}, device, (dtypes.float32,), ((size,),))


def ir(*nodes: Node) -> IR:
    """Return the IR of these nodes, all of which must run."""
    return IR(nodes, [n.name for n in nodes])


def machine(
    count: int = 2, bandwidth: float = 100.0, latency: float = 0.5, lanes: int = 1
) -> Machine:
    """Return devices with one link between all of them: 100 bytes take 1 s, after 0.5 s."""
    devices = [DeviceModel(f"CPU:{i}", lanes=lanes) for i in range(count)]
    return Machine(devices, [LinkModel("wire", bandwidth, latency)], {("*", "*"): ["wire"]})


def seconds(**times: float) -> FixedCosts:
    """Return costs by node name; other nodes take 1 s."""
    return FixedCosts(times, default=1.0)
