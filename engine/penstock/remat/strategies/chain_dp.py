"""The dynamic program for chains of blocks with unequal work and bytes.

C[i, j, m] is the least forward work to get through blocks i…j and back with the input of block i in
memory and m units beside it. Either block i saves one of its options on the way and j…i+1 come
before its backward phase, or the blocks up to some k run without saving, k…j are dealt with, and
then i…k-1 begin again. A block that needs only its output steps back at once without running. The
program is solved for all m together; the largest whose schedule really fits the budget is taken.
"""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from penstock.remat.blocks import Block, Chain, find_chain
from penstock.remat.evaluate import evaluate
from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.recompute import lacking
from penstock.remat.schedule import Schedule, from_sequence, plain_schedule

UNITS = 192  # memory is counted in this many units, or exactly when that takes fewer
CUT, THROUGH = 0, 1  # run up to a best k that is kept; run all, and step back from the output
Table = NDArray[np.float32]


def chain_dp(problem: Problem, budget: int | None, options: PlanOptions) -> Schedule | None:
    """Return the best schedule of the chain within the budget; None when there is none."""
    chain = find_chain(problem)
    if budget is None or chain is None:
        return plain_schedule(problem) if budget is None else None
    room = int(budget * 1.1) - chain.base
    if room <= 0:
        return None
    solved = _Solved(chain, room)
    best: Schedule | None = None
    low, high = 1, solved.units
    while low <= high:
        middle = (low + high) // 2 if best or high < solved.units else high
        schedule = solved.schedule(problem, middle)
        if schedule is None:
            low = middle + 1
        elif evaluate(problem, schedule).peak <= budget:
            best, low = schedule, middle + 1
        else:
            high = middle - 1
    return best


class _Solved:
    """The tables of a chain for every memory up to `room` bytes."""

    def __init__(self, chain: Chain, room: int) -> None:
        self.chain, self.blocks = chain, chain.blocks
        sizes = [b.input_bytes for b in self.blocks] + [b.backward_peak for b in self.blocks]
        sizes += [s.bytes for b in self.blocks for s in b.savings]
        exact = reduce(math.gcd, sizes) or 1
        self.unit = max(exact, -(-room // UNITS))
        self.units = room // self.unit
        length = len(self.blocks)
        shape = (length, length, self.units + 1)
        self.least = np.full(shape, np.inf, np.float32)  # C[i, j]
        self.shifted = np.full(shape, np.inf, np.float32)  # [j, k]: C[k, j] beside k's input
        self.back = np.full(shape, np.inf, np.float32)  # [i, j]: i…j, the output of j at hand
        self.walked = np.concatenate([[0.0], np.cumsum([b.work for b in self.blocks])])
        for j in range(length):
            for i in range(j, -1, -1):
                self._solve(i, j)

    def _ticks(self, size: int) -> int:
        return -(-size // self.unit)

    def _solve(self, i: int, j: int) -> None:
        block, last = self.blocks[i], self.blocks[j]
        row = self.least[i, j]
        rest = self.least[i, j - 1] if j > i else np.zeros_like(row)
        if last.light:
            self.back[i, j] = rest
            self.back[i, j, : self._ticks(last.backward_peak)] = np.inf
        for _, line in self._choices(i, j):
            np.minimum(row, line, out=row)
        self.shifted[j, i] = _shift(row, self._ticks(block.input_bytes))
        if not last.light:
            self.back[i, j] = row

    def _choices(self, i: int, j: int) -> list[tuple[int, Table]]:
        """Return (code, work for each m): codes below 0 save option -code-1, or CUT, THROUGH."""
        block, gradient = self.blocks[i], self.blocks[j].gradient
        found: list[tuple[int, Table]] = []
        for o, saving in enumerate(block.savings):
            after = self.least[i + 1, j] if i < j else np.zeros(self.units + 1, np.float32)
            line = (_shift(after, self._ticks(saving.bytes)) if i < j else after.copy()) + (
                np.float32(block.work + saving.work)
            )
            line[: self._ticks(max(block.backward_peak, block.forward_peak + gradient))] = np.inf
            found.append((-o - 1, line))
        if i < j:
            lines = self.shifted[j, i + 1 : j + 1] + self.back[i, i:j]
            lines += (self.walked[i + 1 : j + 1] - self.walked[i]).astype(np.float32)[:, None]
            line = lines.min(axis=0)
            line[: self._ticks(block.forward_peak + gradient)] = np.inf
            found.append((CUT, line))
            if self.blocks[j].light:
                line = self.back[i, j] + np.float32(self.walked[j + 1] - self.walked[i])
                line[: self._ticks(block.forward_peak + gradient)] = np.inf
                found.append((THROUGH, line))
        return found

    def schedule(self, problem: Problem, units: int) -> Schedule | None:
        """Return the schedule for a memory, or None when the chain does not fit in it."""
        length = len(self.blocks)
        if not np.isfinite(self.least[0, length - 1, units]):
            return None
        sequence = list(self.chain.prologue)
        ran: set[int] = set(sequence)
        stack: list[tuple[str, int, int, int]] = [("solve", 0, length - 1, units)]
        while stack:
            what, i, j, m = stack.pop()
            if what == "forward":
                for b in range(i, j):
                    fresh = (t for t in self.blocks[b].forward)
                    sequence += [t for t in fresh if t not in ran or problem.tasks[t].recomputable]
                    ran.update(self.blocks[b].forward)
            elif what == "backward":
                sequence += _backward(problem, self.blocks[i], j)
            elif what == "again" and self.blocks[j].light:
                stack += [("solve", i, j - 1, m)] if j > i else []
                stack.append(("backward", j, 0, m))
            else:
                stack += self._decide(i, j, m)
        return from_sequence(problem, sequence + list(self.chain.epilogue))

    def _decide(self, i: int, j: int, m: int) -> list[tuple[str, int, int, int]]:
        """Return the next steps for blocks i…j, last first."""
        code, _ = min(self._choices(i, j), key=lambda choice: (choice[1][m], choice[0]))
        if code < 0:
            option = -code - 1
            left = m - self._ticks(self.blocks[i].savings[option].bytes)
            inner = [("solve", i + 1, j, left)] if i < j else []
            return [("backward", i, option, m), *inner, ("forward", i, i + 1, m)]
        if code == THROUGH:
            return [("again", i, j, m), ("forward", i, j + 1, m)]
        lines = self.shifted[j, i + 1 : j + 1, m] + self.back[i, i:j, m]
        k = i + 1 + int(np.argmin(lines + (self.walked[i + 1 : j + 1] - self.walked[i])))
        left = m - self._ticks(self.blocks[k].input_bytes)
        return [("again", i, k - 1, m), ("solve", k, j, left), ("forward", i, k, m)]


def _shift(row: Table, by: int) -> Table:
    """Return the row as seen with `by` units less memory."""
    if not by:
        return row.copy()
    moved = np.full_like(row, np.inf)
    moved[by:] = row[:-by]
    return moved


def _backward(problem: Problem, block: Block, option: int) -> list[int]:
    """Return the backward phase of a block, what it did not save made again where first read."""
    saved = block.savings[option].values if block.savings else frozenset[int]()
    gone = block.made - saved - block.output
    sequence: list[int] = []
    for t in block.backward:
        again = []
        if option:
            live = _Without(gone)
            again = lacking(problem, problem.tasks[t].inputs, live)
            gone = gone - {v for r in again for v in problem.tasks[r].outputs}
        sequence += [*again, t]
    return sequence


class _Without:
    """All values but some: what is live in a backward phase."""

    def __init__(self, gone: frozenset[int]) -> None:
        self.gone = gone

    def __contains__(self, v: object) -> bool:
        return v not in self.gone
