"""Slices → arrows: from the slice that made a value to the slices that read it.

Between devices the arrow leads from the send to its receive. Statistics that leave transfers out
(TensorFlow's own do) name the missing receive as an input, ``x/_3``: the arrow then comes from
the sender of the value, ``x``, on the other device.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from penstock.timeline.slices import Slice

_RECEIVED = re.compile(r"(.*)/_\d+")


class Flow(NamedTuple):
    """An arrow; `kind` is "data", "control" or "transfer", `name` the node or tensor it carries."""

    kind: str
    name: str
    source: Slice
    target: Slice


def arrow_times(flow: Flow) -> tuple[int, int]:
    """Return when an arrow leaves and arrives: inside its slices, and not back in time.

    It leaves in the source's last nanosecond, which still belongs to the slice. A receive that
    waited began before the send ended: the arrow then meets it on the way.
    """
    source, target = flow.source, flow.target
    arrives = max(target.start, min(source.end, target.end) - 1)
    leaves = max(source.start, min(source.end - 1, arrives))
    return leaves, max(leaves, arrives)


def find_flows(slices: Sequence[Slice]) -> list[Flow]:
    """Return the arrows of one step, each pair of slices once, in the order of their targets.

    What began only after its reader had ended made nothing that this reader read: no arrow.
    """
    by_name: dict[str, list[Slice]] = {}
    sends: dict[tuple[str, str, str], list[Slice]] = {}
    for item in sorted(slices, key=lambda s: s.start):
        by_name.setdefault(item.name, []).append(item)
        if item.is_send and item.transfer is not None:
            sends.setdefault(item.transfer.key, []).append(item)
    flows: list[Flow] = []
    for item in slices:
        flows += _into(item, by_name)
        if item.is_transfer and not item.is_send and item.transfer is not None:
            sender = _latest(sends.get(item.transfer.key, ()), item.end)
            if sender is not None:
                flows.append(Flow("transfer", item.transfer.tensor, sender, item))
    return [flow for flow in flows if flow.source.start < flow.target.end]


def _into(item: Slice, by_name: dict[str, list[Slice]]) -> Iterable[Flow]:
    seen = set()
    for text in item.inputs:
        name = text.removeprefix("^").partition(":")[0]
        if name in seen:
            continue
        seen.add(name)
        source = _producer(name, item, by_name)
        if source is not None and source is not item:
            yield Flow("control" if text.startswith("^") else "data", name, source, item)


def _producer(name: str, reader: Slice, by_name: dict[str, list[Slice]]) -> Slice | None:
    received = _RECEIVED.fullmatch(name)
    found = by_name.get(name) or (by_name.get(received[1]) if received else None) or []
    here = [s for s in found if s.device == reader.device]
    return _latest(here or found, reader.start)


def _latest(candidates: Sequence[Slice], time: int) -> Slice | None:
    """Return the last candidate that started by then; nodes in loops run more than once."""
    if not candidates:
        return None
    return candidates[max(0, bisect_right([s.start for s in candidates], time) - 1)]
