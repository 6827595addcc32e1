"""Little memory for at most one more forward pass: what `checkpoints='memory'` asks for.

The smallest peak at r ≤ 1 sets the scale; of all schedules met within a fifth above it, the one
with the least bytes times (1 + r)³ is taken, so that 15 units and r = 0.87 win against 13 and 0.97.
Chains are answered by their tables, anything else by greedy eviction at falling budgets.
"""

from __future__ import annotations

from collections.abc import Iterator

from penstock.remat.found import Found
from penstock.remat.measure import Measured, measure
from penstock.remat.options import PlanOptions
from penstock.remat.portfolio import Planner
from penstock.remat.problem import Problem
from penstock.remat.refine import refine
from penstock.remat.repeating import Repeating
from penstock.remat.schedule import Schedule, place_frees
from penstock.remat.strategies.greedy import Stuck, evicted_by
from penstock.remat.strategies.keep_values import keeping
from penstock.remat.strategies.sqrt_n_per_segment import chosen

MOST = 1.0  # forward passes repeated at most
NEAR, POWER = 1.2, 3  # how much more memory may be traded for time, and at what price
FALLING = (0.95, 0.85, 0.7)  # parts of the best memory that eviction tries next
ROUNDS = 6


def memory(problem: Problem, budget: int | None, options: PlanOptions) -> Schedule:
    """Return the schedule described above. The budget is not looked at."""
    planner = Planner(problem, options)
    tried = [planner.plain]
    if planner.plain.peak:
        for needs in _tried(planner.inner, options):
            tried.append(planner.in_given_order(Found("memory", needs)).needs)
    able = [found for found in tried if found.recomputed <= MOST]
    least = min(found.peak for found in able)
    near = [found for found in able if found.peak <= least * NEAR]
    best = min(near, key=lambda found: estimated(found.peak, found.recomputed))
    return place_frees(problem, best.sequence.tolist())


def estimated(size: float, recomputed: float) -> float:
    """Return what so many bytes and so much repeated work are worth; less is better."""
    return size * (1 + recomputed) ** POWER


def _tried(inner: Repeating, options: PlanOptions) -> Iterator[Measured]:
    yield inner.plain
    if inner.uniform:
        yield from inner.uniform.near_root()
        return
    problem = inner.problem
    spread = measure(problem, keeping(problem, chosen(problem, options)))
    best = _least(inner.plain, refine(problem, spread, spread.peak))
    yield best
    most = inner.plain.peak
    for _ in range(2):  # a second time with finer units
        tables = inner.tables(most)
        for found in tables.near_smallest(MOST, NEAR, estimated) if tables else ():
            refined = refine(problem, found, found.peak)
            yield refined
            best = _least(best, refined)
        most = int(best.peak * 1.25)
    yield from _evicted(inner, best)


def _least(best: Measured, found: Measured) -> Measured:
    return found if found.recomputed <= MOST and found.peak < best.peak else best


def _evicted(inner: Repeating, best: Measured) -> Iterator[Measured]:
    """Yield what eviction at ever smaller budgets finds."""
    for _ in range(ROUNDS):
        before = best
        for size in (int(best.peak * part) for part in FALLING):
            try:
                found = evicted_by("work", inner.problem, size, 1.15 * MOST)
            except Stuck:
                continue
            refined = refine(inner.problem, found, found.peak)
            yield refined
            best = _least(best, refined)
            if best is refined:
                break
        if best is before:
            break
