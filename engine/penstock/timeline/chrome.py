"""A Picture → Chrome trace events, as JSON text with an event to a line.

A process is a device, a thread is a row of it. Slices are complete events ("X") named by their op,
arrows are pairs of flow events ("s", "f"), memory is counter events ("C"); times are microseconds
with the nanoseconds behind the point. Process 0 marks the steps when there are several.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from penstock.timeline.flows import arrow_times
from penstock.timeline.picture import Picture
from penstock.timeline.rows import Row
from penstock.timeline.slices import Slice

Event = dict[str, Any]
Place = tuple[int, int]  # process and thread


def render(picture: Picture, show_dataflow: bool, show_memory: bool) -> str:
    """Return the JSON text of all events."""
    events = list(_events(picture, show_dataflow, show_memory))
    lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    return f'{{"displayTimeUnit": "ns", "traceEvents": [\n{lines}\n]}}\n'


def _events(picture: Picture, show_dataflow: bool, show_memory: bool) -> Iterator[Event]:
    processes = {device: pid for pid, device in enumerate(picture.devices, start=1)}
    several = len(picture.steps) > 1
    if several:
        yield from _steps(picture)
    for device, pid in processes.items():
        yield _name("process_name", pid, 0, device)
        yield {"ph": "M", "name": "process_sort_index", "pid": pid, "args": {"sort_index": pid}}
    places: dict[int, Place] = {}  # by identity: equal slices may lie on different rows
    for row, slices in picture.rows.items():
        place = processes[row.device], row.number
        yield from _row(row, place)
        for item in slices:
            places[id(item)] = place
            yield _slice(item, place, several)
    if show_dataflow:
        for number, flow in enumerate(picture.flows):
            leaves, arrives = arrow_times(flow)
            shared = {"cat": flow.kind, "name": flow.name, "id": number}
            yield {"ph": "s", **shared, **_at(places[id(flow.source)], leaves)}
            yield {"ph": "f", "bp": "e", **shared, **_at(places[id(flow.target)], arrives)}
    if show_memory:
        for curve in picture.curves:
            for time, size in curve.points:
                at = _at((processes[curve.device], 0), time)
                args = {"bytes": size}
                yield {"ph": "C", "name": f"memory ({curve.allocator})", **at, "args": args}


def _steps(picture: Picture) -> Iterator[Event]:
    yield _name("process_name", 0, 0, "steps")
    yield _name("thread_name", 0, 1, "steps")
    for index, step in enumerate(picture.steps):
        length = _micros(max(step.end - step.start, 1))
        yield {
            "ph": "X",
            "cat": "step",
            "name": f"step {index}",
            **_at((0, 1), step.start),
            "dur": length,
        }


def _row(row: Row, place: Place) -> Iterator[Event]:
    yield _name("thread_name", *place, row.name)
    args = {"sort_index": row.number}
    yield {"ph": "M", "name": "thread_sort_index", "pid": place[0], "tid": place[1], "args": args}


def _name(kind: str, pid: int, tid: int, text: str) -> Event:
    return {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": {"name": text}}


def _slice(item: Slice, place: Place, several: bool) -> Event:
    args: dict[str, Any] = {"name": item.name, "op": item.op}
    args.update((f"input{i}", name) for i, name in enumerate(item.inputs))
    args.update((f"output{output.slot}", str(output)) for output in item.outputs)
    if item.start > item.scheduled:
        args["ready_us_before"] = _micros(item.start - item.scheduled)
    if item.transfer is not None:
        source, destination, tensor, size, waited = item.transfer
        args.update({"from": source, "to": destination, "tensor": tensor, "bytes": size})
        if not item.is_send:
            args["waited_us"] = waited
    if several:
        args["step"] = item.step
    category = "transfer" if item.is_transfer else "op"
    return {
        "ph": "X",
        "cat": category,
        "name": item.op,
        **_at(place, item.start),
        "dur": _micros(item.end - item.start),
        "args": args,
    }


def _at(place: Place, time: int) -> Event:
    return {"pid": place[0], "tid": place[1], "ts": _micros(time)}


def _micros(nanos: int) -> float:
    return nanos / 1000
