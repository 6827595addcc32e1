"""What a pass is given besides the IR: options, the runtime's answers, and a log to fill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from penstock.graph.ir import IR
from penstock.options import Options


class Note(NamedTuple):
    """One thing that a pass did to a node, and why."""

    stage: str
    action: str
    node: str
    reason: str


@dataclass
class PlanLog:
    """What the stages did: filled while a plan is made, read by `explain_plan`."""

    notes: list[Note] = field(default_factory=list)
    counts: list[tuple[str, int]] = field(default_factory=list)
    stage: str = ""

    def note(self, action: str, node: str, reason: str) -> None:
        """Record that the current stage did `action` to `node`."""
        self.notes.append(Note(self.stage, action, node, reason))


Evaluate: TypeAlias = Callable[[IR], "Sequence[np.ndarray[Any, Any]]"]


@dataclass(frozen=True)
class PassContext:
    """The typed surroundings of a pass.

    `evaluate` runs an IR without feeds and returns its fetches; it raises `OpError` with the
    failing node's name in `.node`.
    """

    options: Options
    evaluate: Evaluate
    log: PlanLog
