"""In which memory each value of a placed IR is left, and in which each input is read.

Of an accelerator some values live in host memory: strings and handles always, shapes and axes
where its kernels say so. `MemoryKinds` answers for every edge of an IR; a device whose type is
CPU has only host memory. A `Const` can be made in either: in host memory when nobody on its
device wants it elsewhere, and in both (a copy beside it) when readers differ.
"""

from __future__ import annotations

from penstock.dtypes import DType
from penstock.graph.ir import IR, Endpoint, Node
from penstock.passes.context import Placing

_NONE: frozenset[int] = frozenset()


class MemoryKinds:
    """Answers about one IR whose nodes are placed."""

    def __init__(self, ir: IR, placing: Placing) -> None:
        """Ask the kernels of accelerators about every node that is on one."""
        self._nodes = ir.nodes
        self._kernels = placing.kernels
        self.accelerators = {
            d.name: d.device_type for d in placing.devices if d.device_type != "CPU"
        }
        self._host_inputs: dict[str, frozenset[int]] = {}
        self._host_outputs: dict[str, frozenset[int]] = {}
        self.host_constants: set[str] = set()
        self.doubled_constants: set[str] = set()
        if self.accelerators:
            self._ask(ir)
            self._settle_constants(ir)

    def _ask(self, ir: IR) -> None:
        for node in ir:
            kind = self.accelerators.get(node.device)
            if kind is None:
                continue
            if node.inputs:
                self._host_inputs[node.name] = self._kernels.host_inputs(node, kind)
            if node.dtypes and node.op != "Const":
                self._host_outputs[node.name] = self._kernels.host_outputs(node, kind)

    def _settle_constants(self, ir: IR) -> None:
        for_device: set[str] = set()
        for_host: set[str] = set()
        for node in ir:
            for i, (producer, _) in enumerate(node.inputs):
                source = self._nodes[producer]
                if source.op == "Const" and source.device in self.accelerators:
                    near = source.device == node.device
                    apart = not near or self.reads_on_host(node, i, source.dtypes[0])
                    (for_host if apart else for_device).add(producer)
        self.host_constants = for_host - for_device
        self.doubled_constants = for_host & for_device

    def reads_on_host(self, node: Node, index: int, dtype: DType) -> bool:
        """Return True when the node reads its input of that number in host memory."""
        if node.device not in self.accelerators or always_on_host(dtype):
            return True
        return index in self._host_inputs.get(node.name, _NONE)

    def leaves_on_host(self, endpoint: Endpoint) -> bool:
        """Return True when that output is in host memory once it is computed."""
        name, index = endpoint
        node = self._nodes[name]
        if node.device not in self.accelerators or always_on_host(node.dtypes[index]):
            return True
        if node.op == "Const":
            return name in self.host_constants
        return index in self._host_outputs.get(name, _NONE)


def always_on_host(dtype: DType) -> bool:
    """Return True for values that no device has in its own memory: strings and handles."""
    return dtype._kind in "srv"
