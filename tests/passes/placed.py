"""IRs placed by hand or at random, for tests of what comes after the placer.

`session_of` makes the devices of a session by type; `placed` puts each node of an IR where a
function says (feeds and fetches on the host). `SomeOnHost` stands for the kernels of an
accelerator: shapes and axes are in host memory, as on a real one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from penstock import options
from penstock.graph.devices import HOST, LOCAL, DeviceAttributes
from penstock.graph.ir import IR, Node
from penstock.passes.context import PassContext, Placing, PlanLog
from tests.reference import evaluate

READS = {
    **dict.fromkeys(("Reshape", "Transpose", "ExpandDims", "BroadcastTo", "Tile", "Pad"), (1,)),
    **dict.fromkeys(("Sum", "Mean", "Max", "Min", "All", "Any", "ArgMax", "Cumsum"), (1,)),
    **dict.fromkeys(("StridedSlice", "OneHot"), (1, 2, 3)),
    **{"Slice": (1, 2), "GatherV2": (2,), "Fill": (0,), "Split": (0,), "Range": (0, 1, 2)},
}
LEAVES = {"Shape": (0,), "Size": (0,), "Rank": (0,), "Range": (0,)}


class SomeOnHost:
    """Kernels of an accelerator that read and leave shapes in host memory."""

    def supports(self, node: Node, device_type: str) -> bool:
        """Return True: these tests compute with NumPy."""
        return True

    def host_inputs(self, node: Node, device_type: str) -> frozenset[int]:
        """Return the inputs that are shapes, axes and the like."""
        assert device_type != "CPU", "the host is not asked"
        if node.op == "ConcatV2":
            return frozenset({len(node.inputs) - 1})
        return frozenset(READS.get(node.op, ()))

    def host_outputs(self, node: Node, device_type: str) -> frozenset[int]:
        """Return the outputs that are shapes."""
        assert device_type != "CPU", "the host is not asked"
        return frozenset(LEAVES.get(node.op, ()))


def session_of(*types: str) -> tuple[DeviceAttributes, ...]:
    """Return a device for each type named, `CPU:0` ahead of them."""
    devices = [DeviceAttributes(HOST, "CPU", 0, 1000)]
    for i, kind in enumerate(types):
        index = sum(d.device_type == kind for d in devices)
        devices.append(DeviceAttributes(f"{LOCAL}{kind}:{index}", kind, 0, 1001 + i))
    return tuple(devices)


def context(devices: tuple[DeviceAttributes, ...], **others: Any) -> PassContext:
    """Return the context of a session with these devices; what passes return is checked."""
    placing = Placing(devices, SomeOnHost(), **others)
    checked = dataclasses.replace(options.current, check=True)
    return PassContext(checked, lambda part: evaluate(part, []), PlanLog(), placing)


def placed(ir: IR, choose: Callable[[Node], str]) -> IR:
    """Return `ir` with each node on the device that `choose` gives, as a full or short name."""
    nodes = []
    for node in ir:
        device = "CPU:0" if node.op in ("_Arg", "_Retval") else choose(node)
        nodes.append(node._replace(device=device if device.startswith("/") else LOCAL + device))
    return IR(nodes, ir.roots)
