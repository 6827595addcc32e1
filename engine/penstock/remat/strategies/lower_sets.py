"""The dynamic program over lower sets, for graphs that are no chain.

A lower set is a set of forward tasks closed under what they read. A growing sequence of them cuts
the forward pass into segments; what crosses a border is kept, the rest of a segment is recomputed
when the backward pass comes to it. The family is pruned to the ancestors of single tasks (evenly
thinned when there are many); of equal sets only the best pairs (work, kept bytes) go on. The
bytes of a segment are estimated, so several limits are tried and the simulator decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.remat.measure import Measured, measure
from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.recompute import saved_values
from penstock.remat.schedule import Schedule, from_sequence, plain_schedule
from penstock.remat.strategies.keep_values import keeping

FAMILY, POINTS = 48, 12
LIMITS = (1.0, 0.85, 0.7, 0.55, 0.4)  # parts of the budget that an estimate may reach


@dataclass(frozen=True, slots=True)
class _State:
    """A way to reach a lower set: work to repeat, bytes kept, and the sets before."""

    work: float
    kept: int
    path: tuple[int, ...]


def lower_sets(problem: Problem, budget: int | None, options: PlanOptions) -> Schedule | None:
    """Return the best schedule found within the budget, or None."""
    if budget is None:
        return plain_schedule(problem)
    found = Family(problem).best(budget)
    return None if found is None else from_sequence(problem, found.sequence.tolist())


class Family:
    """The pruned lower sets, as bit masks over tasks, smallest first."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.forward = [t for t, task in enumerate(problem.tasks) if task.forward]
        self.saved = set(saved_values(problem))
        self.segments: dict[tuple[int, int], tuple[float, int, int]] = {}
        closure: dict[int, int] = {}
        for t in self.forward:
            mask = 1 << t
            for v in problem.tasks[t].inputs:
                mask |= closure.get(problem.producer[v], 0)
            closure[t] = mask
        masks = sorted(set(closure.values()), key=lambda mask: (mask.bit_count(), mask))
        stride = max(1, -(-len(masks) // FAMILY))
        everything = sum(1 << t for t in self.forward)
        self.sets = [mask for mask in masks[stride - 1 :: stride] if mask != everything]
        self.sets.append(everything)
        self.border = [self._crossing(mask) for mask in self.sets]

    def _crossing(self, mask: int) -> frozenset[int]:
        """Return the values made in the set that forward tasks outside read."""
        problem = self.problem
        outside = [t for t in self.forward if not mask >> t & 1]
        read = {v for t in outside for v in problem.tasks[t].inputs}
        return frozenset(v for v in read if problem.producer[v] >= 0 and self._in(v, mask))

    def _in(self, v: int, mask: int) -> bool:
        return bool(mask >> self.problem.producer[v] & 1)

    def _segment(self, before: int, after: int) -> tuple[float, int, int]:
        """Return the work to repeat between two sets, the bytes kept and the bytes in between."""
        if (before, after) not in self.segments:
            self.segments[before, after] = self._between(before, after)
        return self.segments[before, after]

    def _between(self, before: int, after: int) -> tuple[float, int, int]:
        problem = self.problem
        work, kept, inside = 0.0, 0, 0
        border = self.border[after]
        last = after == len(self.sets) - 1
        new = self.sets[after] & ~(self.sets[before] if before >= 0 else 0)
        for t in (t for t in self.forward if new >> t & 1):
            outputs = problem.tasks[t].outputs
            kept += sum(problem.values[v].bytes for v in outputs if v in border)
            inside += sum(problem.values[v].bytes for v in outputs if v in self.saved | border)
            if not last and not all(v in border for v in outputs):
                work += problem.tasks[t].cost
        return work, kept, inside

    def best(self, budget: int) -> Measured | None:
        """Return the best sequence within the budget that some limit leads to, or None."""
        best: Measured | None = None
        for part in LIMITS:
            keep = self.cheapest(int(budget * part))
            if keep is None:
                break
            found = measure(self.problem, keeping(self.problem, keep))
            if found.peak <= budget and (best is None or found.cost < best.cost):
                best = found
        return best

    def cheapest(self, limit: int) -> set[int] | None:
        """Return the values to keep for the least work whose estimate is within the limit."""
        states: dict[int, list[_State]] = {-1: [_State(0.0, 0, ())]}
        for after in range(len(self.sets)):
            found: list[_State] = []
            for before in range(-1, after):
                inner = self.sets[before] if before >= 0 else 0
                if inner & ~self.sets[after] or not states.get(before):
                    continue
                work, kept, inside = self._segment(before, after)
                found += [
                    _State(s.work + work, s.kept + kept, (*s.path, after))
                    for s in states[before]
                    if s.kept + inside <= limit
                ]
            states[after] = _pruned(found)
        final = states[len(self.sets) - 1]
        if not final:
            return None
        path = min(final, key=lambda s: (s.work, s.kept)).path
        keep = {v for i in path[:-1] for v in self.border[i]}
        start = self.sets[path[-2]] if len(path) > 1 else 0
        return keep | {v for v in self.saved if not self._in(v, start)}


def _pruned(states: list[_State]) -> list[_State]:
    """Return the states that no other beats in both work and bytes, at most POINTS of them."""
    best: list[_State] = []
    for state in sorted(states, key=lambda s: (s.work, s.kept)):
        if not best or state.kept < best[-1].kept:
            best.append(state)
    stride = -(-len(best) // POINTS) or 1
    return best[::stride]
