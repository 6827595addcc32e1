"""Runs one node's kernel of a device type, without a session: what a step does, by hand.

The value of an input goes to the device unless the kernel reads it in host memory; outputs come
back to the host. `Handle` stands for the runtime's handle of a variable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import penstock as ps
from penstock import errors
from penstock.kernel_api import Device, DeviceType, KernelEntry, KernelNode
from penstock.ops.registry import find_op
from penstock.ops.spec import ArgDef


class Handle:
    """A variable's handle: holds a value of the device, or nothing yet."""

    def __init__(self, value: Any = None, name: str = "") -> None:
        self.value = value
        self.name = name or f"variable {id(self)}"

    def read(self) -> Any:
        if self.value is None:
            raise errors.FailedPreconditionError(None, None, "not initialised")
        return self.value

    def assign(self, value: Any) -> None:
        self.value = value


def on_host(
    args: Sequence[ArgDef], attrs: Any, named: frozenset[str] | None, total: int
) -> list[bool]:
    """Return for each tensor of some arguments whether it is in host memory."""
    marks: list[bool] = []
    for arg in args:
        count = 1
        if arg.number_attr:
            count = attrs[arg.number_attr]
        elif arg.type_list_attr:
            count = len(attrs[arg.type_list_attr])
        marks += [named is None or arg.name in named] * count
    assert len(marks) == total
    return marks


def entry_of(kind: DeviceType, operation: ps.Operation) -> KernelEntry | None:
    """Return the kernel that devices of this type have for an operation."""
    return kind.find(operation.type, operation._attrs)


def run_kernel(
    entry: KernelEntry, operation: ps.Operation, device: Device, inputs: Sequence[Any]
) -> list[Any]:
    """Return the outputs of an operation's kernel as host arrays."""
    assert entry.factory is not None
    definition, attrs = find_op(operation.type), operation._attrs
    node = KernelNode(
        operation.name,
        operation.type,
        attrs,
        tuple(t.dtype for t in operation.inputs),
        tuple(t.dtype for t in operation.outputs),
        device,
    )
    host_in = on_host(definition.inputs, attrs, entry.host_inputs, len(inputs))
    host_out = on_host(definition.outputs, attrs, entry.host_outputs, len(operation.outputs))
    call = device.bind(entry.factory(node), host_in, host_out)
    given = [
        x if host or isinstance(x, Handle) else device.to_device(np.asarray(x))
        for x, host in zip(inputs, host_in, strict=True)
    ]
    result = call(*given)
    values = result if isinstance(result, tuple) else (result,)
    return [v if h else device.to_host(v) for v, h in zip(values, host_out, strict=True)]
