"""Budgets with planned memory: a schedule whose blocks fit, too.

Enters: what plans for smaller budgets, and what places the values of a plan in blocks. Leaves: a
plan, its IR, and the blocks by device. A block is larger than the bytes that live at once, and is
there as long as the run; where it and what lies beside it take more than the budget, the plan is
made again for so much less, a few times. A device for which that never fits runs without a block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from penstock.graph.devices import short_name
from penstock.graph.ir import IR
from penstock.memory.arena_plan import MOST_PLANS, ArenaPlan
from penstock.remat.infeasible import Infeasible
from penstock.remat.plan import Plan
from penstock.shapes import to_dims
from penstock.simulate.sizes import inferred

Arenas: TypeAlias = Mapping[str, ArenaPlan]


class Planned(NamedTuple):
    """A plan, the IR that runs it, and the bytes of copies of variables, which no block has."""

    plan: Plan
    ir: IR
    copied: int


Make: TypeAlias = Callable[[Mapping[str, int]], Planned]
"""Plans with these budgets in place of those that were given, or raises `Infeasible`."""


def in_blocks(
    make: Make, place: Callable[[IR, Mapping[str, int]], Arenas], budgets: Mapping[str, int]
) -> tuple[Plan, IR, Arenas]:
    """Return a plan with its blocks. Raises `Infeasible` only if nothing fits without any.

    `place` finds blocks for devices with budgets, given what is left of these.
    """
    if not budgets:
        plan, ir, _ = make({})
        return plan, ir, {}
    targets: dict[str, int] = {}
    first = None
    for _ in range(MOST_PLANS):
        try:
            planned = make(targets)
        except Infeasible:
            if first is None:
                raise
            break
        room = {name: budget - planned.copied for name, budget in budgets.items()}
        arenas = place(planned.ir, room)
        over = {n: a.needed - room[n] for n, a in arenas.items() if a.needed > room[n]}
        first = first or (planned, arenas, over)
        if not over:
            return _told(planned, arenas, {}, budgets)
        for name, more in over.items():
            targets[name] = _peak(planned.plan, name) - more
    assert first is not None
    return _told(*first, budgets)


def with_shapes(ir: IR, original: IR, fed: Mapping[str, Any]) -> IR:
    """Return an IR made of another one with the shapes that follow from those of feeds."""
    known = inferred(original, {name: to_dims(dims) for name, dims in fed.items()})
    nodes = []
    for node in ir:
        name = node.attrs.get("_recomputed", node.name.encode()).decode()
        nodes.append(node._replace(shapes=known.get(name, node.shapes)))
    return IR(nodes, ir.roots)


def _peak(plan: Plan, device: str) -> int:
    """Return the planned peak of a device."""
    return next((peak for name, _, peak in plan.devices if name == device), plan.evaluation.peak)


def _told(
    planned: Planned, arenas: Arenas, over: Mapping[str, int], budgets: Mapping[str, int]
) -> tuple[Plan, IR, Arenas]:
    """Return the plan with what its blocks need, for the budgets that were given."""
    plan, ir, copied = planned
    kept = {name: arena for name, arena in arenas.items() if name not in over}
    needed = {name: arena.needed + copied for name, arena in kept.items()}
    lines = [_line(name, arena, name in over) for name, arena in arenas.items()]
    devices = tuple((name, budgets[name], needed.get(name, peak)) for name, _, peak in plan.devices)
    whole = replace(plan, budget=sum(budgets.values()), devices=devices, memory=tuple(lines))
    if devices or not needed:
        return whole, ir, kept
    (peak,) = needed.values()
    return replace(whole, evaluation=replace(plan.evaluation, peak=peak)), ir, kept


def _line(device: str, arena: ArenaPlan, over: bool) -> str:
    if over:
        return (
            f"no block on {short_name(device)}: with one the run would take {arena.needed:,} bytes,"
            " and no plan for less was found whose block fits"
        )
    return (
        f"a block on {short_name(device)} of {arena.bytes:,} bytes for {arena.live:,} that live at"
        f" once in it, and {arena.beside:,} beside it"
    )
