"""What a traced run recorded → StepStats, in TensorFlow's layout.

The native half records times, results and memory by node (csrc/runtime/trace.h); the plan's IRs,
one for each device, tell what each node computes from what. A node's label is
``name = Op(input, other:1, ^control)``; that of a transfer has between which devices, under which
name and how many bytes in front, and for a receive how long it waited for its sender:
``[CPU:0→CPU:1 edge_3_x 4096B waited 12us] x/recv = _Recv()``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from penstock import protos
from penstock.graph.devices import short_name
from penstock.graph.ir import IR, Node
from penstock.runtime.plan import Plan

_SENDS = ("_Send", "_HostSend")
_RECEIVES = ("_Recv", "_HostRecv")


class NodeRecord(NamedTuple):
    """What was recorded of a node: nanoseconds, and live bytes of its device.

    `computed` is 0 for a node that failed, or that still waited when the run ended.
    """

    name: str
    scheduled: int
    start: int
    computed: int
    end: int
    thread: int
    live_start: int
    live_computed: int
    live_end: int
    outputs: list[tuple[int, int, tuple[int, ...], int, int, int]]


class Meetings(NamedTuple):
    """Of each transfer, by the key its two ends share: when it was sent, and its bytes."""

    sent: dict[tuple[Any, ...], int]
    sizes: dict[tuple[Any, ...], int]


def run(
    plan: Plan, values: Sequence[Any], timeout_ms: int, run_options: Any, metadata: Any
) -> list[Any]:
    """Run a plan once, return its fetches, and fill `metadata.step_stats`, even when it fails."""
    full = run_options.trace_level != protos.RunOptions.SOFTWARE_TRACE
    recorded: list[tuple[str, int, Sequence[Any]]] = []
    try:
        return plan.plain.run_traced(values, timeout_ms, full, recorded)
    finally:
        metadata.step_stats.CopyFrom(step_stats(recorded, plan.partitions, full))


def step_stats(
    recorded: Sequence[tuple[str, int, Sequence[Any]]], partitions: Mapping[str, IR], memory: bool
) -> Any:
    """Return the StepStats of one run.

    `recorded` is what `Program.run_traced` left, `partitions` the plan's IRs by device. Without
    `memory` nothing is said of allocators.
    """
    stats = protos.StepStats()
    devices = [(device, [NodeRecord(*r) for r in nodes]) for device, _, nodes in recorded]
    caller = recorded[0][1] if recorded else 0
    meetings = _find_meetings(devices, partitions)
    for device, records in devices:
        message = stats.dev_stats.add(device=device)
        nodes = partitions[device].nodes
        for record in records:
            message.thread_names[record.thread] = (
                "caller" if record.thread == caller else f"worker {record.thread}"
            )
            _fill(message.node_stats.add(), record, nodes[record.name], meetings)
            if memory:
                _fill_memory(message.node_stats[-1], record, short_name(device))
    return stats


def _find_meetings(
    devices: Sequence[tuple[str, Sequence[NodeRecord]]], partitions: Mapping[str, IR]
) -> Meetings:
    meetings = Meetings({}, {})
    for device, records in devices:
        for record in records:
            node = partitions[device].nodes[record.name]
            if node.op in _SENDS:
                meetings.sent[_key(node)] = record.start
            elif node.op in _RECEIVES:
                meetings.sizes[_key(node)] = sum(output[3] for output in record.outputs)
    return meetings


def _key(node: Node) -> tuple[Any, ...]:
    return node.attrs["send_device"], node.attrs["recv_device"], node.attrs["tensor_name"]


def _fill(message: Any, record: NodeRecord, node: Node, meetings: Meetings) -> None:
    message.node_name = record.name
    message.thread_id = record.thread
    message.timeline_label = _label(record, node, meetings)
    computed = record.computed or record.end
    # Offsets in microseconds are differences of whole microseconds, as TensorFlow takes them.
    message.scheduled_nanos = record.scheduled
    message.scheduled_micros = record.scheduled // 1000
    message.all_start_nanos = record.start
    message.all_start_micros = start = record.start // 1000
    message.op_end_rel_nanos = computed - record.start
    message.op_end_rel_micros = computed // 1000 - start
    message.all_end_rel_nanos = record.end - record.start
    message.all_end_rel_micros = record.end // 1000 - start
    for slot, dtype, dims, size, allocated, address in record.outputs:
        described = message.output.add(slot=slot).tensor_description
        described.dtype = dtype
        described.shape.SetInParent()
        for dim in dims:
            described.shape.dim.add(size=dim)
        allocation = described.allocation_description
        allocation.requested_bytes = size
        allocation.allocated_bytes = allocated
        allocation.ptr = address


def _label(record: NodeRecord, node: Node, meetings: Meetings) -> str:
    inputs = [name if index == 0 else f"{name}:{index}" for name, index in node.inputs]
    inputs += ["^" + name for name in node.controls]
    label = f"{node.name} = {node.op}({', '.join(inputs)})"
    if node.op not in _SENDS + _RECEIVES:
        return label
    source, destination, tensor = (_text(part) for part in _key(node))
    note = f"{short_name(source)}→{short_name(destination)} {tensor}"
    note += f" {meetings.sizes.get(_key(node), 0)}B"
    if node.op in _RECEIVES:
        waited = max(0, meetings.sent.get(_key(node), record.end) - record.start)
        note += f" waited {waited // 1000}us"
    return f"[{note}] {label}"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _fill_memory(message: Any, record: NodeRecord, allocator: str) -> None:
    """Tell the allocator's count at the node's end, and how it changed inside the node."""
    computed = record.computed or record.end
    grown = record.live_computed - record.live_start if record.computed else 0
    dropped = record.live_end - record.live_computed if record.computed else 0
    memory = message.memory.add(allocator_name=allocator)
    memory.total_bytes = max(0, grown)
    memory.peak_bytes = max(0, grown)
    memory.live_bytes = max(0, grown + dropped)
    memory.allocator_bytes_in_use = record.live_end
    for time, change in ((computed, grown), (record.end, dropped)):
        if change:
            memory.allocation_records.add(alloc_micros=time // 1000, alloc_bytes=change)
