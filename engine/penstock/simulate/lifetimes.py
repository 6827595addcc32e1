"""The memory of a simulated step: which buffers live where, from when to when.

Constants and variables are there all the time. Any other output lives on its node's device
from the node's start to the end of its last reader or transfer; a value that was sent lives
besides at its destination, from the start of the transfer. Views share the buffer of what
they show; what is fetched lives to the end. Kernels that write over an input are not modelled:
each output is a buffer of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penstock.simulate.events import Record
from penstock.simulate.tasks import Tasks


@dataclass
class Buffer:
    """Bytes on a device for a time."""

    device: int
    bytes: float
    start: float
    end: float


def buffers(
    tasks: Tasks, device_of: Sequence[int], record: Record, step_time: float
) -> list[Buffer]:
    """Return the buffers that come and go during the step."""
    found: list[Buffer] = []
    at: dict[tuple[int, int, int], Buffer | None] = {}  # (node, output, device); None: resident
    sent: dict[int, list[int]] = {}
    for number, shipment in enumerate(record.shipments):
        sent.setdefault(shipment.node, []).append(number)
    retval = {i for i, node in enumerate(tasks.ir) if node.op == "_Retval"}

    def add(key: tuple[int, int, int], size: float, start: float, end: float) -> None:
        buffer = at[key] = Buffer(key[2], size, start, end)
        found.append(buffer)

    for node, sizes in enumerate(tasks.bytes):
        here, view = device_of[node], tasks.views[node]
        for output, size in enumerate(sizes):
            key = (node, output, here)
            if tasks.resident[node]:
                at[key] = None
            elif view is not None and not output:
                at[key] = at[(*view, here)]
            else:
                add(key, size, record.start[node], record.end[node])
        for number in sent.get(node, ()):
            shipment = record.shipments[number]
            if shipment.output >= 0:
                _use(at[node, shipment.output, here], shipment.end)
                key = (node, shipment.output, shipment.destination)
                add(key, shipment.bytes, shipment.start, shipment.end)
        for output, reader in tasks.readers[node]:
            if output >= 0:
                end = step_time if reader in retval else record.end[reader]
                _use(at[node, output, device_of[reader]], end)
    # A view that is read later keeps the buffer it shares: `at` holds the same object.
    return [b for b in found if b.bytes and b.end > b.start]


def _use(buffer: Buffer | None, end: float) -> None:
    if buffer is not None and buffer.end < end:
        buffer.end = end


def levels(
    tasks: Tasks, device_of: Sequence[int], devices: int, live: list[Buffer]
) -> list[list[tuple[float, int]]]:
    """Return, for each device, the bytes in use after each change, from time 0 on.

    What ends at an instant is given back before anything that starts then is taken.
    """
    start = [0.0] * devices
    for node, size in enumerate(tasks.resident):
        start[device_of[node]] += size
    changes: list[dict[float, float]] = [{} for _ in range(devices)]
    for b in live:
        changes[b.device][b.start] = changes[b.device].get(b.start, 0.0) + b.bytes
        changes[b.device][b.end] = changes[b.device].get(b.end, 0.0) - b.bytes
    result = []
    for device in range(devices):
        level, steps = start[device], [(0.0, int(start[device]))]
        for time, change in sorted(changes[device].items()):
            level += change
            if time == 0.0:
                steps[0] = (0.0, int(level))
            elif change:
                steps.append((time, int(level)))
        result.append(steps)
    return result
