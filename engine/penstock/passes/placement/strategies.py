"""THE table of placement strategies. `ConfigProto` names one; "default" is the heuristics.

A strategy is a function `(ir, groups, context) -> {group: device}`: it gives every group one
of the group's `candidates` (full device names). It may set `group.reason`; where it does not,
the explanation names the strategy. It must be deterministic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from penstock.graph.ir import IR
from penstock.passes.context import PassContext
from penstock.passes.placement.groups import Group, Groups
from penstock.passes.placement.heuristics import heuristics

Strategy: TypeAlias = Callable[[IR, Groups, PassContext], dict[Group, str]]

STRATEGIES: dict[str, Strategy] = {
    "default": heuristics,
}
