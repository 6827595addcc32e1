"""Slices → rows: which line of a device's block each slice is drawn on.

Two slices of a row never overlap, which viewers of traces rely on. A row is a thread where the
statistics know threads, else the first of the device's lanes that is free. Sends and receives have
rows of their own below: a receive waits beside what its thread does meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from penstock.timeline.slices import Slice

TRANSFERS = "transfers"


class Row(NamedTuple):
    """One line of a device: its place in the device's block and its name."""

    device: str
    number: int
    name: str


def device_order(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return the key that sorts devices by name, numbers in it as numbers.

    >>> from penstock.timeline.rows import device_order
    >>> sorted(["CPU:10", "GPU:0", "CPU:2"], key=device_order)
    ['CPU:2', 'CPU:10', 'GPU:0']
    """
    parts = re.split(r"(\d+)", name)
    return tuple((0, int(p)) if p.isdigit() else (1, p) for p in parts if p)


def assign(slices: Sequence[Slice]) -> dict[Row, list[Slice]]:
    """Return the rows, in the order in which they are shown, with their slices by start time."""
    wanted: dict[tuple[str, str], list[Slice]] = {}
    for item in slices:
        wanted.setdefault((item.device, TRANSFERS if item.is_transfer else item.row), []).append(
            item
        )
    rows: dict[Row, list[Slice]] = {}
    counts: dict[str, int] = {}
    for device, group in sorted(wanted, key=_group_order):
        for lane, members in enumerate(_lanes(wanted[device, group])):
            number = counts[device] = counts.get(device, 0) + 1
            rows[Row(device, number, _row_name(group, lane))] = members
    return rows


def _group_order(group: tuple[str, str]) -> tuple[object, ...]:
    device, name = group
    return device_order(device), name == TRANSFERS, device_order(name)


def _row_name(group: str, lane: int) -> str:
    if not group:
        return f"lane {lane}"
    return group if lane == 0 else f"{group} ({lane + 1})"


def _lanes(slices: Iterable[Slice]) -> list[list[Slice]]:
    """Spread slices over as few lanes as hold them without overlap: first free lane wins."""
    lanes: list[list[Slice]] = []
    for item in sorted(slices, key=lambda s: (s.start, s.end, s.name)):
        free = next((lane for lane in lanes if lane[-1].end <= item.start), None)
        if free is None:
            lanes.append([item])
        else:
            free.append(item)
    return lanes
