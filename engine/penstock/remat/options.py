"""What a caller may set for planning; every strategy takes these and uses what concerns it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Options of planning.

    `keep`: the values kept by the strategy `collection`. `minimum_bytes`: smaller values are no
    candidates for `memory`. `limit_recomputed`: give up on schedules that repeat more than this
    many forward passes. `solver_seconds`: time for an optional solver; 0 leaves it out.
    `search_steps`: how many changes the local search tries at most.
    `smallest`: whether an infeasible budget starts a search for the smallest feasible one.
    """

    keep: frozenset[int] = frozenset()
    minimum_bytes: int = 0
    limit_recomputed: float = 30.0
    solver_seconds: float = 0.0
    search_steps: int = 2000
    smallest: bool = True
