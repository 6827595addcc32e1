"""Small problems: a beam over states, stage by stage, and exact where it leaves nothing out.

A state is how many originals have run and which values are in memory. Originals run in the given
order; a stage ends with the next of them. What it lacks is made again, in any order that works.
When a computation lacks room, any value but its inputs may go, or something else is made again
while what it reads is there; nothing goes before. So states hold as much as they can, and one
that holds more for no more work makes others needless. The best states of a stage go on: by the
work so far, the work that missing values are sure to take, and the work that memory of later
stages is sure to force. Sets of values and of tasks are bit masks.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

from penstock.remat.measure import Measured, measure
from penstock.remat.problem import Problem

AHEAD = 4  # later stages whose memory is looked at, of the neediest MOST_TIGHT
MOST_TIGHT = 12


class Beam(NamedTuple):
    """The best sequence, None without one; whether no other state was left out."""

    needs: Measured | None
    exact: bool


class _State(NamedTuple):
    """Work so far, the values in memory, their bytes, and the last step (-1: none)."""

    work: float
    live: int
    held: int
    step: int


class _Tight(NamedTuple):
    """A stage that lacks memory: how much, and (value, bytes, work) of what may go, cheapest first.

    Bytes and work are of the values that pass by the stage, as if nothing had been dropped.
    """

    stage: int
    lacks: int
    may_go: tuple[tuple[int, int, float], ...]


def beam(
    problem: Problem, budget: int, most: float = inf, width: int = 100, looked_at: int = 1000
) -> Beam:
    """Search for a sequence within the budget whose whole work is less than `most`.

    Of each stage, `looked_at` states are looked at, and `width` behind it go on.
    """
    return _Walk(_Masks(problem, budget), most, width, looked_at).run()


def _bits(mask: int) -> list[int]:
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


class _Masks:
    """A problem as masks, and bounds of the work to come."""

    def __init__(self, problem: Problem, budget: int) -> None:
        tasks, values = problem.tasks, problem.values
        self.problem, self.budget = problem, budget
        inside = [v for v, value in enumerate(values) if not value.external]
        self.number = {v: i for i, v in enumerate(inside)}
        self.size = [values[v].bytes for v in inside]
        self.maker = [problem.producer[v] for v in inside]
        self.cost = [task.cost for task in tasks]
        self.once = [not task.recomputable for task in tasks]
        self.reads = [self._of(task.inputs) for task in tasks]
        self.makes = [self._of(task.outputs) for task in tasks]
        self.kept = self._of(tuple(v for v in inside if values[v].kept))
        self.over = [
            [
                1 << self.number[v]
                for out, v in task.in_place
                if v in self.number and values[v].bytes == values[out].bytes
            ]
            for task in tasks
        ]
        self._find_needs()
        self._find_tight()

    def _of(self, values: tuple[int, ...]) -> int:
        mask = 0
        for v in values:
            if v in self.number:
                mask |= 1 << self.number[v]
        return mask

    def bytes(self, mask: int) -> int:
        """Return the bytes of a set of values."""
        return sum(self.size[i] for i in _bits(mask))

    def _find_needs(self) -> None:
        """Find what the originals from a stage on read, and what may be of use to them."""
        tasks = self.problem.tasks
        self.needed = [self.kept] * (len(tasks) + 1)
        self.useful = list(self.needed)
        self.made = [0]
        for made in self.makes:
            self.made.append(self.made[-1] | made)
        for s in range(len(tasks) - 1, -1, -1):
            self.needed[s] |= self.needed[s + 1] | self.reads[s]
            useful = self.useful[s + 1] | self.reads[s]
            for t in range(s, -1, -1):
                if not self.once[t] and useful & self.makes[t]:
                    useful |= self.reads[t]
            self.useful[s] = useful

    def _find_tight(self) -> None:
        """Find the stages that lack most memory."""
        found = []
        for s, task in enumerate(self.problem.tasks):
            beside = self.made[s] & self.needed[s] & ~self.reads[s]
            wanted = self.bytes(beside | self.reads[s] | self.makes[s]) + task.scratch
            taken = max((self.bytes(v) for v in self.over[s]), default=0)
            if wanted - taken > self.budget:
                able = [i for i in _bits(beside & ~self.kept) if self.size[i]]
                rows = [(i, self.size[i], self.cost[self.maker[i]]) for i in able]
                rows = [row for row in rows if not self.once[self.maker[row[0]]]]
                rows.sort(key=lambda row: (row[2] / row[1], row[0]))
                may_go = tuple((1 << i, size, cost) for i, size, cost in rows)
                found.append(_Tight(s, wanted - taken - self.budget, may_go))
        neediest = sorted(found, key=lambda tight: (-tight.lacks, tight.stage))[:MOST_TIGHT]
        self.tight = sorted(neediest)

    def lacking(self, wanted: int, live: int) -> tuple[int, float]:
        """Return the tasks that bring back what is missing, and their work (`inf`: none can)."""
        tasks, work = 0, 0.0
        missing = wanted & ~live
        while missing:
            low = missing & -missing
            missing ^= low
            t = self.maker[low.bit_length() - 1]
            if tasks >> t & 1:
                continue
            if self.once[t]:
                return tasks, inf
            tasks |= 1 << t
            work += self.cost[t]
            missing |= self.reads[t] & ~live
        return tasks, work

    def ready(self, wanted: int, live: int) -> list[int]:
        """Return the tasks on the way to what is missing that lack nothing."""
        tasks, _ = self.lacking(wanted, live)
        return [t for t in _bits(tasks) if not self.reads[t] & ~live]

    def ahead(self, s: int, live: int) -> float:
        """Return work that is sure to come from stage s on."""
        missing = self.needed[s] & self.made[s] & ~live
        _, work = self.lacking(missing, live)
        if work == inf:
            return inf
        later = [tight for tight in self.tight if tight.stage >= s][:AHEAD]
        return work + max((self._forced(tight, missing) for tight in later), default=0.0)

    @staticmethod
    def _forced(tight: _Tight, missing: int) -> float:
        """Return the work that room for a stage costs, beyond bringing back what is missing."""
        lacks = tight.lacks
        for value, size, _ in tight.may_go:
            if value & missing:
                lacks -= size
        work = 0.0
        for value, size, cost in tight.may_go:
            if lacks <= 0:
                return work
            if not value & missing:
                work += cost * min(1.0, lacks / size)
                lacks -= size
        return work if lacks <= 0 else inf


class _Walk:
    """The walk through the stages."""

    def __init__(self, masks: _Masks, most: float, width: int, looked_at: int) -> None:
        self.masks, self.most = masks, most * (1 - 1e-12)
        self.width, self.looked_at = width, looked_at
        self.steps: list[tuple[int, int]] = []  # (the step before, task)
        self.stage = 0
        self.queue: list[tuple[float, int, _State, int]] = []
        self.least: dict[int, float] = {}  # work by values in memory
        self.ends: list[_State] = []

    def run(self) -> Beam:
        """Go through all stages with the best states of each."""
        states, exact = [_State(0.0, 0, 0, -1)], True
        for s in range(len(self.masks.cost)):
            self.stage = s
            states, whole = self._next(states)
            exact &= whole
        if not states:
            return Beam(None, exact)
        found = measure(self.masks.problem, self._sequence(min(states)))
        fits = found.valid and found.peak <= self.masks.budget
        return Beam(found if fits else None, exact)

    def _sequence(self, state: _State) -> list[int]:
        tasks, step = [], state.step
        while step >= 0:
            step, t = self.steps[step]
            tasks.append(t)
        return tasks[::-1]

    def _next(self, states: list[_State]) -> tuple[list[_State], bool]:
        """Return the states behind the stage's original, and whether these are all."""
        self.queue, self.least, self.ends = [], {}, []
        for state in states:
            self._offer(state)
        looked = 0
        while self.queue and len(self.ends) < self.width and looked < self.looked_at:
            _, _, state, task = heappop(self.queue)
            if self.least[state.live] == state.work:
                looked += 1
                self._go_on(state if task < 0 else self._noted(state, task))
        return self.ends, not self.queue

    def _noted(self, state: _State, task: int) -> _State:
        self.steps.append((state.step, task))
        return state._replace(step=len(self.steps) - 1)

    def _offer(self, state: _State, task: int = -1) -> None:
        """Queue a state of this stage, behind a repetition of `task` that is not noted yet."""
        needless = state.live & ~self.masks.useful[self.stage]
        if needless:
            live, held = state.live ^ needless, state.held - self.masks.bytes(needless)
            state = state._replace(live=live, held=held)
        if self.least.get(state.live, inf) <= state.work:
            return
        expected = state.work + self.masks.ahead(self.stage, state.live)
        if expected < self.most:
            self.least[state.live] = state.work
            heappush(self.queue, (expected, state.held, state, task))

    def _go_on(self, state: _State) -> None:
        """Run the original if nothing lacks, else what brings something back; or make room."""
        masks, s, live = self.masks, self.stage, state.live
        on_the_way = masks.ready(masks.reads[s], live) or [s]
        crowded = [t for t in on_the_way if not self._compute(state, t)]
        if not crowded:
            return
        wanted = masks.needed[s] & masks.made[s]
        early = [t for t in masks.ready(wanted, live) if t not in on_the_way]
        crowded += [t for t in early if not self._compute(state, t)]
        may_go = 0
        for t in crowded:
            may_go |= live & ~masks.kept & ~masks.reads[t]
        for i in _bits(may_go):
            held = state.held - masks.size[i]
            self._offer(state._replace(live=live & ~(1 << i), held=held))

    def _compute(self, state: _State, t: int) -> bool:
        """Run a task if there is room, perhaps in the place of an input; tell if there is."""
        masks = self.masks
        fresh = masks.makes[t] & ~state.live
        grown = masks.bytes(fresh)
        room = masks.budget - masks.problem.tasks[t].scratch - grown
        if state.held <= room:
            self._computed(state, t, fresh, grown)
            return True
        for value in masks.over[t]:
            held = state.held - masks.bytes(value)
            if held <= room and value & state.live & ~masks.kept:
                self._computed(state._replace(live=state.live ^ value, held=held), t, fresh, grown)
        return False

    def _computed(self, state: _State, t: int, fresh: int, grown: int) -> None:
        work, live = state.work + self.masks.cost[t], state.live | fresh
        after = state._replace(work=work, live=live, held=state.held + grown)
        if t != self.stage:
            self._offer(after, t)
        elif not any(end.work <= work and live & ~end.live == 0 for end in self.ends):
            self.ends.append(self._noted(after, t))
