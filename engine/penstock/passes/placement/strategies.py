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
from penstock.passes.placement.greedy_earliest_finish import greedy_earliest_finish
from penstock.passes.placement.groups import Group, Groups
from penstock.passes.placement.heuristics import heuristics
from penstock.passes.placement.simulated_annealing import simulated_annealing

Strategy: TypeAlias = Callable[[IR, Groups, PassContext], dict[Group, str]]

STRATEGIES: dict[str, Strategy] = {
    "default": heuristics,
    "greedy_earliest_finish": greedy_earliest_finish,
    "simulated_annealing": simulated_annealing,
}
