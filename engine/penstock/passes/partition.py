"""partition: cut a placed IR into one IR per device, with a transfer at every cut.

Each partition keeps the global order. A value that is read on another device is sent directly
after the node that makes it and received directly before its first reader there: once for each
(tensor, destination, memory), however many read it. An edge that only says "after" carries an
empty tensor. A value in the memory of its device that a kernel on the same device wants in
host memory, or the other way round, crosses by a transfer from the device to itself.

Because sends follow their producer and receives precede their reader, running the partitions
each in its own order never waits in a circle: the first node of the global order that has not
run can always run. Loops will cross through the same pairs: the rendezvous adds the frame and
iteration of the sender to the key, and each device that takes part gets Enter, Merge and
NextIteration nodes of its own around its receive of the loop's condition.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from penstock import dtypes, errors
from penstock.graph.check import check_partitions
from penstock.graph.devices import HOST, short_name
from penstock.graph.ir import IR, Endpoint, Node
from penstock.graph.transfers import SENDS, Key, Value, recv_node, send_node
from penstock.passes.context import PassContext
from penstock.passes.memory_kinds import MemoryKinds
from penstock.passes.narrowing import Narrowing

_EMPTY = np.zeros(0, np.float32)
_END = -1  # in the place of an output's number: not a value, but that the node has run


def partition(ir: IR, ctx: PassContext) -> dict[str, IR]:
    """Return the IR of each device that has nodes, by full name, in the order of the devices.

    An IR on one CPU is returned as it is. With `ctx.options.check` the result is checked.
    """
    devices = {d.name: d for d in ctx.placing.devices}
    if len(devices) == 1:
        return dict.fromkeys(devices, ir)
    used = {node.device for node in ir}
    if not used <= devices.keys():
        raise _unknown_device(ir, devices)
    if len(used) <= 1:
        (only,) = used or {HOST}
        if devices[only].device_type == "CPU":
            return {only: ir}
    ctx.log.stage = "partition"
    parts = _Cut(ir, ctx).parts()
    ctx.log.keep("partition", parts)
    if ctx.options.debug & {"passes", "partition"}:
        for device, part in parts.items():
            print(f"--- partition {short_name(device)}: {len(part)} nodes\n{part}", file=sys.stderr)
    if ctx.options.check:
        check_partitions(parts, "partition")
    return parts


class _Cut:
    """One partitioning: the lists of nodes as they grow, and the transfers made so far."""

    def __init__(self, ir: IR, ctx: PassContext) -> None:
        self.ir = ir
        self.nodes = ir.nodes
        self.log = ctx.log
        self.keep_fetches = ctx.keep_fetches
        self.devices = {d.name: d for d in ctx.placing.devices}
        self.memory = MemoryKinds(ir, ctx.placing)
        self.narrowing = Narrowing(ctx.placing) if ctx.placing.compress else None
        self.lists: dict[str, list[Node]] = {name: [] for name in self.devices}
        self.following: dict[str, list[Node]] = {}  # what stands directly after a node
        self.arrived: dict[tuple[str, int, str, bool], Endpoint] = {}
        self.kept: dict[Endpoint, Endpoint] = {}
        self.narrowed: dict[Endpoint, Value] = {}
        self.ends: dict[str, Value] = {}
        self.count = 0

    def parts(self) -> dict[str, IR]:
        """Return the partitions that have nodes."""
        for node in self.ir:
            local = self._local(node)  # adds the receives that stand before it
            self.lists[node.device].append(local)
        roots = set(self.ir.roots)
        result = {}
        for device, nodes in self.lists.items():
            if nodes:
                whole = list(self._with_following(nodes))
                result[device] = IR(
                    whole, [n.name for n in whole if n.op in SENDS or n.name in roots]
                )
        return result

    def _with_following(self, nodes: list[Node]) -> Iterator[Node]:
        for node in nodes:
            yield node
            yield from self.following.get(node.name, ())

    def _follow(self, name: str, node: Node) -> None:
        self.following.setdefault(name, []).append(node)

    def _free(self, name: str) -> str:
        """Return a name that no node of the graph has: this one, if need be longer."""
        while name in self.nodes:
            name += "_"
        return name

    # ---- one node

    def _local(self, node: Node) -> Node:
        """Return the node reading and waiting for nodes of its own partition only."""
        device, nodes = node.device, self.nodes
        accelerated = device in self.memory.accelerators
        inputs, controls = node.inputs, node.controls
        if accelerated or any([nodes[name].device != device for name, _ in inputs]):
            inputs = tuple([self._input(node, i, e) for i, e in enumerate(inputs)])
        if controls and any([nodes[name].device != device for name in controls]):
            controls = tuple([self._control(name, device) for name in controls])
        if inputs is not node.inputs or controls is not node.controls:
            node = node._replace(inputs=inputs, controls=controls)
        return self._constant(node) if accelerated and node.op == "Const" else node

    def _constant(self, node: Node) -> Node:
        """Return a constant of an accelerator as it is made; a copy in host memory may follow."""
        on_host = node._replace(attrs={**node.attrs, "_host_memory": True})
        if node.name in self.memory.host_constants:
            return on_host
        if node.name in self.memory.doubled_constants:
            self._follow(node.name, on_host._replace(name=self._host_copy(node.name)))
        return node

    def _host_copy(self, name: str) -> str:
        return self._free(f"{name}/_host")

    def _input(self, node: Node, number: int, endpoint: Endpoint) -> Endpoint:
        """Return where the node's own partition has this input."""
        producer, index = endpoint
        source = self.nodes[producer]
        if self.keep_fetches and node.op == "_Retval" and self._is_in_device_memory(endpoint):
            return self._kept(endpoint, node.device)
        to_host = self.memory.reads_on_host(node, number, source.dtypes[index])
        if source.device == node.device:
            if self.memory.leaves_on_host(endpoint) == to_host:
                return endpoint
            if producer in self.memory.doubled_constants:
                return self._host_copy(producer), 0
        key = (producer, index, node.device, to_host)
        found = self.arrived.get(key)
        if found is None:
            if source.dtypes[index]._kind in "rv":
                raise _crossing_handle(source, node)
            value = self._value(source, index)
            found = self.arrived[key] = self._bring(value, node.device, to_host)
        return found

    def _is_in_device_memory(self, endpoint: Endpoint) -> bool:
        on_device = self.nodes[endpoint[0]].device in self.memory.accelerators
        return on_device and not self.memory.leaves_on_host(endpoint)

    def _kept(self, endpoint: Endpoint, host: str) -> Endpoint:
        """Return a fetched value as its device has it: passed to the host, but not copied."""
        found = self.kept.get(endpoint)
        if found is None:
            source, index = self.nodes[endpoint[0]], endpoint[1]
            value = Value(source, endpoint, source.dtypes[index], source.shapes[index], False)
            found = self.kept[endpoint] = self._send(value, host, True)
            receiver = self.lists[host].pop()
            self.lists[host].append(receiver._replace(attrs={**receiver.attrs, "_keep": True}))
        return found

    def _value(self, source: Node, index: int) -> Value:
        """Return an output in the memory from which it is sent with the least effort."""
        endpoint = (source.name, index)
        on_host = self.memory.leaves_on_host(endpoint)
        if source.name in self.memory.doubled_constants:
            endpoint, on_host = (self._host_copy(source.name), 0), True
        return Value(source, endpoint, source.dtypes[index], source.shapes[index], on_host)

    def _control(self, name: str, device: str) -> str:
        """Return whom a node on `device` waits for instead of `name`."""
        source = self.nodes[name]
        if source.device == device:
            return name
        key = (name, _END, device, True)
        found = self.arrived.get(key)
        if found is None:
            found = self.arrived[key] = self._send(self._end_of(source), device, True)
        return found[0]

    def _end_of(self, source: Node) -> Value:
        """Return the empty tensor whose arrival says that `source` has run.

        Its sends wait for `source`: constants themselves are there before a step begins.
        """
        value = self.ends.get(source.name)
        if value is None:
            name, dtype = self._free(f"{source.name}/_end"), dtypes.float32
            attrs: dict[str, Any] = {"dtype": dtype, "value": _EMPTY}
            if source.device in self.memory.accelerators:
                attrs["_host_memory"] = True
            empty = ("Const", (), (), attrs, source.device, (dtype,), ((0,),), source.source)
            self._follow(source.name, Node(name, *empty))
            value = Value(source, (name, 0), dtype, (0,), True, (source.name,))
            self.ends[source.name] = value
        return value

    # ---- one transfer

    def _bring(self, value: Value, device: str, to_host: bool) -> Endpoint:
        """Add a transfer of `value` to `device`, narrowed where that is asked for."""
        if self.narrowing is None or not self.narrowing.fits(value, device, to_host):
            return self._send(value, device, to_host)
        narrow = self.narrowed.get(value.endpoint)
        if narrow is None:
            name = self._free(f"{value.source.name}/_narrow_{value.endpoint[1]}")
            narrow = value._replace(endpoint=(name, 0), dtype=dtypes.bfloat16)
            self._follow(value.source.name, self.narrowing.narrower(name, value))
            self.narrowed[value.endpoint] = narrow
        arrived = self._send(narrow, device, to_host)
        name = self._free(f"{value.source.name}/_wide_{self.count}")
        self.lists[device].append(self.narrowing.widener(name, value, arrived, device))
        return name, 0

    def _send(self, value: Value, device: str, to_host: bool) -> Endpoint:
        """Add the two nodes of a transfer; return what the second one leaves."""
        source = value.source
        self.count += 1
        edge = f"edge_{self.count}_{value.endpoint[0]}:{value.endpoint[1]}"
        key = Key(source.device, self.devices[source.device].incarnation, device, edge)
        accelerators = self.memory.accelerators
        send = "_HostSend" if value.on_host and source.device in accelerators else "_Send"
        recv = "_HostRecv" if to_host and device in accelerators else "_Recv"
        name = self._free(f"{source.name}/_send_{self.count}")
        self._follow(source.name, send_node(name, send, key, value))
        name = self._free(f"{source.name}/_recv_{self.count}")
        self.lists[device].append(recv_node(name, recv, key, value))
        self.log.note("sent", source.name, f"to {short_name(device)} as {edge}")
        return name, 0


def _unknown_device(ir: IR, devices: Mapping[str, Any]) -> errors.OpError:
    node = next(n for n in ir if n.device not in devices)
    return errors.InternalError(
        None,
        None,
        f'bug in penstock: node "{node.name}" ({node.op}) was placed on '
        f"{node.device or 'no device'}; the session has {', '.join(map(short_name, devices))}",
    )


def _crossing_handle(source: Node, reader: Node) -> errors.OpError:
    """Return the error for a handle read on another device than its own."""
    ends = (
        f'"{source.name}" ({source.op}) on {short_name(source.device)} to '
        f'"{reader.name}" ({reader.op}) on {short_name(reader.device)}'
    )
    if "_Arg" in (source.op, reader.op) or "_Retval" in (source.op, reader.op):
        text = f"a handle cannot leave its device: from {ends}; fetch the variable's value instead"
        error: errors.OpError = errors.InvalidArgumentError(None, None, text)
    else:
        text = f"bug in penstock: the placer let a handle cross devices: from {ends}"
        error = errors.InternalError(None, None, text)
    error.node = source.name  # type: ignore[attr-defined]
    return error
