"""StepStats → slices: what ran where, from when to when, made of what.

Everything that draws a timeline starts from `read_step`. Times are whole nanoseconds of the clock
that recorded them; nothing here shifts them. A slice lasts at least a nanosecond, so that arrows
find it. What a node computed and from what is told by its label, in TensorFlow's form
``name = Op(input, other:1, ^control)``; a transfer has a prefix in brackets that says between
which devices, under which name, how many bytes, and how long the receiver waited:
``[CPU:0→CPU:1 edge_3_x 4096B waited 12us] x/recv = _Recv()``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from penstock import dtypes
from penstock.graph.devices import short_name

_LABEL = re.compile(r"(?:\[(?P<note>[^\]]*)\] )?(?P<name>.*) = (?P<op>[^(]*)\((?P<inputs>.*)\)")
_TRANSFER = re.compile(r"(\S+)→(\S+) (\S+)(?: (\d+)B)?(?: waited (\d+)us)?")
_SENDS = {"_Send", "_HostSend"}
_RECEIVES = {"_Recv", "_HostRecv"}


class Output(NamedTuple):
    """One result of a node. `shape` is None where the statistics do not tell it."""

    slot: int
    dtype: str
    shape: tuple[int, ...] | None
    bytes: int

    def __str__(self) -> str:
        shape = "?" if self.shape is None else str(list(self.shape))
        return f"{self.dtype} {shape} {self.bytes} B"


class Transfer(NamedTuple):
    """What a send or a receive moved: the devices' short names, the tensor's, bytes, wait."""

    source: str
    destination: str
    tensor: str
    bytes: int
    waited_us: int

    @property
    def key(self) -> tuple[str, str, str]:
        """What a send and its receive have in common."""
        return self.source, self.destination, self.tensor


@dataclass(frozen=True)
class Slice:
    """One execution of one node. `row` names the thread it ran on, "" where that is not known."""

    name: str
    op: str
    inputs: tuple[str, ...]
    device: str
    row: str
    start: int
    end: int
    scheduled: int
    outputs: tuple[Output, ...]
    transfer: Transfer | None
    step: int = 0

    @property
    def is_send(self) -> bool:
        """True for the sending half of a transfer."""
        return self.op in _SENDS

    @property
    def is_transfer(self) -> bool:
        """True for both halves of a transfer."""
        return self.op in _SENDS or self.op in _RECEIVES


class Label(NamedTuple):
    """What a node's label tells."""

    op: str
    inputs: tuple[str, ...]
    transfer: Transfer | None


def read_step(step_stats: Any, graph: Any = None, step: int = 0) -> list[Slice]:
    """Return the slices of a StepStats message, by start time.

    `graph` (a Graph) tells ops and inputs of nodes whose label does not.
    """
    made: list[Slice] = []
    for device in step_stats.dev_stats:
        threads = _thread_names(device)
        for node in device.node_stats:
            start, end = node_times(node)
            label = parse_label(node.timeline_label) or _label_from(graph, node.node_name)
            made.append(
                Slice(
                    name=node.node_name,
                    op=label.op,
                    inputs=label.inputs,
                    device=short_name(device.device),
                    row=threads.get(node.thread_id, ""),
                    start=start,
                    end=max(end, start + 1),
                    scheduled=node.scheduled_nanos or node.scheduled_micros * 1000 or start,
                    outputs=tuple(_outputs(node)),
                    transfer=label.transfer,
                    step=step,
                )
            )
    return sorted(made, key=lambda s: (s.start, s.end, s.device, s.name))


def node_times(node: Any) -> tuple[int, int]:
    """Return start and end of a NodeExecStats in nanoseconds; microseconds serve where need be."""
    if node.all_start_nanos:
        return node.all_start_nanos, node.all_start_nanos + node.all_end_rel_nanos
    start = node.all_start_micros * 1000
    return start, start + (node.all_end_rel_nanos or node.all_end_rel_micros * 1000)


def parse_label(text: str) -> Label | None:
    """Return what a label tells, None when it has another form.

    >>> from penstock.timeline.slices import parse_label
    >>> parse_label("z = AddV2(x, y:1)")
    Label(op='AddV2', inputs=('x', 'y:1'), transfer=None)
    >>> parse_label("[CPU:0→CPU:1 edge_3_x 4096B waited 12us] x/recv = _Recv()").transfer
    Transfer(source='CPU:0', destination='CPU:1', tensor='edge_3_x', bytes=4096, waited_us=12)
    """
    found = _LABEL.fullmatch(text)
    if found is None:
        return None
    inputs = tuple(found["inputs"].split(", ")) if found["inputs"] else ()
    return Label(found["op"], inputs, _parse_transfer(found["note"] or ""))


def _parse_transfer(note: str) -> Transfer | None:
    found = _TRANSFER.fullmatch(note)
    if found is None:
        return None
    source, destination, tensor, size, waited = found.groups()
    return Transfer(source, destination, tensor, int(size or 0), int(waited or 0))


def _label_from(graph: Any, name: str) -> Label:
    """Return what the graph knows of a node; one that it does not have shows its own name."""
    operation = None if graph is None else graph._operations.get(name)
    if operation is None:
        return Label(name, (), None)
    return Label(operation.type, tuple(t.name.removesuffix(":0") for t in operation.inputs), None)


def _thread_names(device: Any) -> Mapping[int, str]:
    """Return the row of each thread; empty when the statistics do not know threads.

    Statistics without any number and name left all thread fields at zero: such nodes may well
    have run at the same time, and rows are then found by `rows.assign`.
    """
    names = dict(device.thread_names)
    used = {node.thread_id for node in device.node_stats}
    if not names and used <= {0}:
        return {}
    return {number: names.get(number, f"thread {number}") for number in sorted(used)}


def _outputs(node: Any) -> Iterator[Output]:
    for output in node.output:
        described = output.tensor_description
        shape = described.shape
        allocation = described.allocation_description
        yield Output(
            output.slot,
            _dtype_name(described.dtype),
            None if shape.unknown_rank else tuple(int(d.size) for d in shape.dim),
            int(allocation.requested_bytes or allocation.allocated_bytes),
        )


def _dtype_name(number: int) -> str:
    try:
        return dtypes.as_dtype(number).name
    except TypeError:
        return f"dtype {number}"
