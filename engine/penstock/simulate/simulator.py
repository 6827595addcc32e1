"""simulate: how long a step of a placed graph takes on a machine, and what it would look like.

Enters: an IR whose nodes have devices, or the partitions that it was cut into; a machine; a cost
model. Leaves: a `Simulation` with the times of every node and transfer, the memory of every
device and the critical path. The same arguments always give the same result: the clock is
virtual, nothing is run, and no device of the machine needs to exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.exports import export
from penstock.graph.collector import collector_paused
from penstock.graph.devices import short_name
from penstock.graph.ir import IR
from penstock.simulate.costs import Costs, EstimatedCosts
from penstock.simulate.events import Loop, Record
from penstock.simulate.lifetimes import buffers, levels
from penstock.simulate.machine import Machine
from penstock.simulate.runs import NodeRun, Stage, TransferRun
from penstock.simulate.simulation import Simulation
from penstock.simulate.sizes import UNKNOWN_DIM, Sizes
from penstock.simulate.tasks import Tasks, joined


@export("simulate.simulate")
@collector_paused()
def simulate(
    ir: IR | Mapping[str, IR],
    machine: Machine,
    costs: Costs | None = None,
    shapes: Mapping[Any, Any] | None = None,
    unknown_dim: int = UNKNOWN_DIM,
) -> Simulation:
    """Return what a step of `ir` does on `machine`.

    `ir` is placed (a node without a device is on the machine's first), or is the mapping from
    device to partition that `partition` returns. `costs` defaults to estimates from shapes.
    `shapes` are those of feeds, by tensor or name; what stays unknown is guessed to be
    `unknown_dim` long.

    Raises `NotFoundError` for a device that the machine has not, `ShapeError` and
    `GraphError` for shapes that do not fit, `InvalidArgumentError` for a cost that is no time.

    >>> from penstock.graph.extract import extract
    >>> from penstock.simulate import FixedCosts, Machine, simulate
    >>> y = ps.constant(1.0, name="x") + 1.0
    >>> ir = extract(y.graph, [y], [], [])
    >>> simulate(ir, Machine.local(cores=1), FixedCosts({"AddV2": 3.0})).step_time
    3.0
    """
    whole = ir if isinstance(ir, IR) else joined(ir)
    sizes = Sizes(whole, shapes, unknown_dim)
    tasks = Tasks(whole, sizes, machine, costs or EstimatedCosts())
    device_of, record = tasks.placement(machine), Record(len(tasks))
    step_time, _ = Loop(tasks, machine).run(device_of, record)
    return _told(tasks, machine, device_of, record, step_time)


def _told(
    tasks: Tasks, machine: Machine, device_of: list[int], record: Record, step_time: float
) -> Simulation:
    names = [d.name for d in machine.devices]
    nodes = {
        node.name: NodeRun(
            node.name,
            node.op,
            names[device_of[i]],
            record.lane[i],
            record.ready[i],
            record.start[i],
            record.end[i],
        )
        for i, node in enumerate(tasks.ir)
    }
    transfers = tuple(
        TransferRun(
            _tensor(tasks, s.node, s.output),
            names[s.source],
            names[s.destination],
            int(s.bytes),
            s.asked,
            s.start,
            s.end,
        )
        for s in record.shipments
    )
    live = buffers(tasks, device_of, record, step_time)
    memory = dict(zip(names, levels(tasks, device_of, len(names), live), strict=True))
    path = _critical_path(tasks, nodes, transfers, record)
    return Simulation(tasks.ir, machine, step_time, nodes, transfers, memory, path)


def _tensor(tasks: Tasks, node: int, output: int) -> str:
    return f"{tasks.names[node]}:{output}" if output >= 0 else f"^{tasks.names[node]}"


def _critical_path(
    tasks: Tasks,
    nodes: Mapping[str, NodeRun],
    transfers: tuple[TransferRun, ...],
    record: Record,
) -> tuple[Stage, ...]:
    """Return the chain of causes that ends with the node that ends last."""
    if not nodes:
        return ()
    last = max(range(len(tasks)), key=lambda i: (record.end[i], i))
    at: int | None = last
    path = []
    while at is not None:
        if at >= 0:
            run = nodes[tasks.names[at]]
            path.append(Stage(run.name, short_name(run.device), run.start, run.end))
            at = record.cause[at]
        else:
            sent, way = record.shipments[~at], transfers[~at]
            ends = f"{short_name(way.source)} -> {short_name(way.destination)}"
            path.append(Stage(way.tensor, ends, way.start, way.end))
            at = ~sent.cause if sent.cause >= 0 else sent.node
    return tuple(reversed(path))
