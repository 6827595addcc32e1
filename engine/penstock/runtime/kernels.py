"""Which kernels there are, for passes that ask and for `native.load` that needs one.

Of the CPU the native registry tells; of other device types their tables do (`kernel_api`). Memory
is counted by tensor: an argument that a table names may stand for several.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from penstock import _native, kernel_api
from penstock.graph.ir import Node
from penstock.kernel_api import DeviceType, KernelEntry
from penstock.ops import registry
from penstock.ops.infer import arg_dtypes
from penstock.ops.spec import ArgDef

STRUCTURAL = frozenset(
    ("Const", "_Arg", "_Retval", "_Send", "_Recv", "_HostSend", "_HostRecv", "NoOp")
)
"""What every device runs without a kernel of its own."""


class Catalogue:
    """The kernels of a session's device types. Immutable but for what it remembers."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._on_cpu: dict[Any, bool] = {}

    def supports(self, node: Node, device_type: str) -> bool:
        """Return True when devices of this type have a kernel for the node and its dtypes."""
        if node.op in STRUCTURAL:
            return True
        if device_type == "CPU":
            return self._cpu_supports(node)
        entry = self._entry(node, device_type)
        return entry is not None and (entry.factory is not None or self._cpu_supports(node))

    def host_inputs(self, node: Node, device_type: str) -> frozenset[int]:
        """Return the numbers of the inputs that its kernel there reads in host memory."""
        if node.op in STRUCTURAL:
            return frozenset() if node.op != "_Retval" else frozenset((0,))
        entry = self._entry(node, device_type)
        if entry is None:
            return frozenset(range(len(node.inputs)))
        op = registry.find_op(node.op)
        return _numbers(op.inputs, node.attrs, entry.host_inputs)

    def host_outputs(self, node: Node, device_type: str) -> frozenset[int]:
        """Return the numbers of the outputs that its kernel there leaves in host memory."""
        if node.op in STRUCTURAL:
            return frozenset((0,)) if node.op == "_Arg" else frozenset()
        entry = self._entry(node, device_type)
        if entry is None:
            return frozenset(range(len(node.dtypes)))
        op = registry.find_op(node.op)
        return _numbers(op.outputs, node.attrs, entry.host_outputs)

    def _entry(self, node: Node, device_type: str) -> KernelEntry | None:
        found = kernel_api.device_types.get(device_type)
        return None if found is None else entry_of(node, found)

    def _cpu_supports(self, node: Node) -> bool:
        types = {k: v.as_datatype_enum for k, v in node.attrs.items() if hasattr(v, "_kind")}
        key = (node.op, tuple(sorted(types.items())))
        known = self._on_cpu.get(key)
        if known is None:
            attrs = {k: v for k, v in node.attrs.items() if k in types}
            known = self._on_cpu[key] = _native.supports(node.op, "CPU", attrs)
        return known


def entry_of(node: Node, device_type: DeviceType) -> KernelEntry | None:
    """Return the kernel of a node on devices of this type, None where there is none.

    A node that is to be computed in host memory has the CPU's: see placement/host_shapes.py.
    """
    if node.attrs.get("_host_memory"):
        return KernelEntry(node.op, None, host_inputs=None, host_outputs=None)
    return device_type.find(node.op, node.attrs)


def _numbers(
    args: Collection[ArgDef], attrs: Mapping[str, Any], names: frozenset[str] | None
) -> frozenset[int]:
    """Return the numbers of the tensors that the arguments `names` stand for; None: of all."""
    numbers: list[int] = []
    first = 0
    for arg in args:
        count = len(arg_dtypes(arg, dict(attrs))) if arg.is_list else 1
        if names is None or arg.name in names:
            numbers += range(first, first + count)
        first += count
    return frozenset(numbers)
