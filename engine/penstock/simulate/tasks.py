"""An IR as dense numbers: what the event loop reads, made once for any number of placements.

Nodes are numbered in the order of the IR, which is also their priority: of the nodes that could
start, a device starts the first. Nothing here depends on where nodes are, so a strategy that
tries a thousand placements builds one `Tasks`. Partitions are put together again first: a
receive's readers read what was sent, and the simulator makes the transfers itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from penstock import errors
from penstock.graph.ir import IR, Endpoint, Node
from penstock.graph.transfers import RECVS, SENDS, key_of
from penstock.simulate.costs import Costs
from penstock.simulate.machine import DeviceModel, Machine
from penstock.simulate.sizes import Sizes, bytes_per_element, variable_bytes
from penstock.simulate.work import VIEWS

AFTER = -1
"""In the place of an output's number: the reader only waits for the node's end."""


class Tasks:
    """The nodes of an IR: who waits for whom, how large values are, how long kernels run.

    `readers[i]` lists (output number, reader) once each, `AFTER` for control edges;
    `waits[i]` counts what node i waits for; `bytes[i]` are its outputs' bytes, `resident[i]`
    those that it occupies for longer than a step (a constant's, a variable's); `views[i]` is the
    (node, output) whose buffer the first output is; `seconds[d][i]` the time on device d.
    """

    def __init__(self, ir: IR, sizes: Sizes, machine: Machine, costs: Costs) -> None:
        """Number the nodes and ask the cost model about every kind of device."""
        self.ir = ir
        self.names = list(ir.nodes)
        self.number = {name: i for i, name in enumerate(self.names)}
        self.readers: list[list[tuple[int, int]]] = [[] for _ in self.names]
        self.waits = [0] * len(self.names)
        self.bytes: list[tuple[float, ...]] = []
        self.resident: list[float] = []
        self.views: list[tuple[int, int] | None] = []
        for i, node in enumerate(ir):
            edges = {(self.number[name], output) for name, output in node.inputs}
            edges |= {(self.number[name], AFTER) for name in node.controls}
            self.waits[i] = len(edges)
            for producer, output in sorted(edges):
                self.readers[producer].append((output, i))
            self._take_memory(node, sizes)
        self.seconds = _seconds(ir, sizes, machine, costs)

    def _take_memory(self, node: Node, sizes: Sizes) -> None:
        numbers = range(len(node.dtypes))
        self.bytes.append(tuple([float(sizes.bytes((node.name, k))) for k in numbers]))
        resident = 0.0
        if node.op == "Const":
            resident = float(_constant_bytes(node))
        elif node.op == "VarHandleOp":
            resident = float(variable_bytes(node))
        self.resident.append(resident)
        is_view = node.op in VIEWS and node.inputs
        self.views.append((self.number[node.inputs[0][0]], node.inputs[0][1]) if is_view else None)

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.names)

    def placement(self, machine: Machine) -> list[int]:
        """Return the number of each node's device, the first one for nodes without.

        Raises `NotFoundError` for a device that the machine has not.
        """
        numbers = {d.name: i for i, d in enumerate(machine.devices)}
        numbers[""] = 0
        for name in {node.device for node in self.ir} - numbers.keys():
            numbers[name] = machine.devices.index(machine.device(name))
        return [numbers[node.device] for node in self.ir]


def _constant_bytes(node: Node) -> int:
    value = node.attrs.get("value")
    count = value.size if isinstance(value, np.ndarray) else 0
    return count * bytes_per_element(node.dtypes[0])


def _seconds(ir: IR, sizes: Sizes, machine: Machine, costs: Costs) -> list[list[float]]:
    """Return the times on each device, asking once about devices that differ in name only."""
    known: dict[tuple[object, ...], list[float]] = {}
    result = []
    for device in machine.devices:
        key = _figures(device)
        if key not in known:
            known[key] = [costs.seconds(node, sizes, device) for node in ir]
            for node, time in zip(ir, known[key], strict=True):
                if not 0 <= time < float("inf"):
                    raise errors.InvalidArgumentError(
                        None,
                        None,
                        f'the cost model says {time} seconds for "{node.name}" ({node.op})',
                    )
        result.append(known[key])
    return result


def _figures(device: DeviceModel) -> tuple[object, ...]:
    return device.kind, device.flops, device.bandwidth, device.launch


def joined(parts: Mapping[str, IR]) -> IR:
    """Return the IR that was cut into these partitions, without sends and receives.

    Raises `GraphError` when a receive has no send.
    """
    sends = {key_of(n): n for ir in parts.values() for n in ir if n.op in SENDS}
    data: dict[str, Endpoint] = {}
    after: dict[str, tuple[str, ...]] = {}
    for node in [n for ir in parts.values() for n in ir if n.op in RECVS]:
        send = sends.get(key_of(node))
        if send is None:
            raise errors.GraphError(None, None, f'nothing is sent to "{node.name}"')
        data[node.name] = send.inputs[0]
        after[node.name] = send.controls or (send.inputs[0][0],)
    rows = []
    for device, ir in parts.items():
        row = []
        for node in ir:
            if node.op not in SENDS and node.op not in RECVS:
                inputs = tuple([data.get(name, (name, i)) for name, i in node.inputs])
                controls = tuple([c for name in node.controls for c in after.get(name, (name,))])
                row.append(node._replace(inputs=inputs, controls=controls, device=device))
        rows.append(row)
    nodes = _woven(rows)
    return IR(nodes, [r for ir in parts.values() for r in ir.roots if r in nodes])


def _woven(rows: list[list[Node]]) -> dict[str, Node]:
    """Return all nodes with producers first, each row in its own order."""
    done: dict[str, Node] = {}
    places = [0] * len(rows)
    while sum(map(len, rows)) > len(done):
        before = len(done)
        for k, row in enumerate(rows):
            while places[k] < len(row):
                node = row[places[k]]
                if any([name not in done for name in node.predecessors()]):
                    break
                done[node.name] = node
                places[k] += 1
        if len(done) == before:
            raise errors.GraphError(None, None, "the partitions wait for each other in a circle")
    return done
