"""What happens in a simulated step, one record each: a node runs, a value travels.

Times are seconds from the start of the step, devices full names.
"""

from __future__ import annotations

from typing import NamedTuple

from penstock.exports import export


@export("simulate.NodeRun")
class NodeRun(NamedTuple):
    """One node: when its inputs were there, and when it ran, in seconds from the step's start."""

    name: str
    op: str
    device: str
    lane: int
    ready: float
    start: float
    end: float


@export("simulate.TransferRun")
class TransferRun(NamedTuple):
    """One value on its way: `asked` when it was there, `start` when its links were free.

    `tensor` is `"node:0"`, or `"^node"` for an order between nodes of two devices.
    """

    tensor: str
    source: str
    destination: str
    bytes: int
    asked: float
    start: float
    end: float


@export("simulate.Stage")
class Stage(NamedTuple):
    """One piece of the critical path: a node that ran, or a value that travelled."""

    name: str
    where: str
    start: float
    end: float
