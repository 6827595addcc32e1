"""The dynamic program for chains of blocks with unequal work and bytes.

C[i, j, m] is the least forward work to get through blocks i…j and back with the input of block i in
memory and m units beside it. Either block i saves one of its options on the way and j…i+1 come
before its backward phase, or the blocks up to some k run without saving, k…j are dealt with, and
then i…k-1 begin again. A block that needs only its output steps back at once without running. The
program is solved for all i and m of one length j - i together; of all m the largest whose schedule
really fits the budget is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from penstock.remat.arrays import Ints
from penstock.remat.blocks import Block, Chain, find_chain
from penstock.remat.measure import Measured, measure
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
    found = ChainTables(problem, chain, int(budget * 1.1)).best(budget)
    return None if found is None else from_sequence(problem, found.sequence.tolist())


class ChainTables:
    """The least work of a chain for every memory up to `most` bytes.

    Tables are kept by start and length: `least[i, d]` is C[i, i+d], `back[i, d]` the same with the
    output of i+d at hand, `beside[j, d]` is C[j-d, j] as seen with that block's input to keep.
    """

    def __init__(self, problem: Problem, chain: Chain, most: int) -> None:
        """Solve the chain."""
        self.problem, self.chain, self.blocks = problem, chain, chain.blocks
        room = max(0, most - chain.base)
        sizes = [b.input_bytes for b in self.blocks] + [b.backward_peak for b in self.blocks]
        sizes += [s.bytes for b in self.blocks for s in b.savings]
        exact = reduce(math.gcd, sizes) or 1
        self.unit = max(exact, -(-room // UNITS))
        self.units = room // self.unit
        length, self.grid = len(self.blocks), np.arange(self.units + 1)
        shape = (length, length, self.units + 1)
        self.least = np.full(shape, np.inf, np.float32)
        self.beside = np.full(shape, np.inf, np.float32)
        self.back = np.full(shape, np.inf, np.float32)
        work = np.concatenate([[0.0], np.cumsum([b.work for b in self.blocks])])
        ends = np.minimum(np.arange(length)[:, None] + np.arange(length + 1), length)
        self.walked = (work[ends] - work[:-1, None]).astype(np.float32)  # d blocks from i on
        self._per_block()
        for d in range(length):
            self._solve(d)

    def _per_block(self) -> None:
        """Keep what the blocks need as arrays, savings as (units, work) by number of option."""
        blocks, ticks = self.blocks, self._ticks
        self.light = np.array([b.light for b in blocks])
        self.inputs = np.array([ticks(b.input_bytes) for b in blocks])
        self.behind = np.array([ticks(b.backward_peak) for b in blocks])
        most = max((len(b.savings) for b in blocks), default=0)
        self.saved = np.zeros((most, len(blocks)), np.int64)
        self.again = np.full((most, len(blocks)), np.inf, np.float32)
        for i, block in enumerate(blocks):
            for o, saving in enumerate(block.savings):
                self.saved[o, i], self.again[o, i] = ticks(saving.bytes), block.work + saving.work

    def _ticks(self, size: int) -> int:
        return -(-size // self.unit)

    def _floor(self, i: int, j: int) -> tuple[int, int]:
        """Return the units below which block i can save nothing, or cannot even run, before j."""
        block = self.blocks[i]
        run = block.forward_peak + self.blocks[j].gradient
        return self._ticks(max(block.backward_peak, run)), self._ticks(run)

    def _solve(self, d: int) -> None:
        """Fill the tables for blocks i…i+d, all i at once."""
        count = len(self.blocks) - d
        floors = np.array([self._floor(i, i + d) for i in range(count)])
        light = self.light[d:, None]
        rest = self.least[:count, d - 1] if d else np.zeros((count, len(self.grid)), np.float32)
        back = np.where(self.grid < self.behind[d:, None], np.inf, rest).astype(np.float32)
        row = np.full_like(back, np.inf)
        for o in range(len(self.saved)):
            work = self.again[o, :count, None]
            if d:
                line = _shifted(self.least[1 : count + 1, d - 1], self.saved[o, :count]) + work
            else:
                line = np.broadcast_to(work, row.shape)
            np.minimum(row, np.where(self.grid < floors[:, :1], np.inf, line), out=row)
        if d:
            lines = self.beside[d:, d - 1 :: -1] + self.back[:count, :d]
            lines += self.walked[:count, 1 : d + 1, None]
            line = np.minimum(lines.min(axis=1), self._through(d, back, light))
            np.minimum(row, np.where(self.grid < floors[:, 1:], np.inf, line), out=row)
        self.least[:count, d] = row
        self.back[:count, d] = np.where(light, back, row)
        self.beside[np.arange(d, d + count), d] = _shifted(row, self.inputs[:count])

    def _through(self, d: int, back: Table, light: NDArray[np.bool_]) -> Table:
        walked = self.walked[: len(back), d + 1, None]
        result: Table = np.where(light, back + walked, np.inf).astype(np.float32)
        return result

    def best(self, budget: int) -> Measured | None:
        """Return the least work whose sequence fits the budget."""
        best: Measured | None = None
        low, high = 1, min(self.units, int(budget * 1.1) // self.unit)
        top = high
        while low <= high:
            middle = (low + high) // 2 if best or high < top else high
            found = self.found(middle)
            if found is None:
                low = middle + 1
            elif found.peak <= budget:
                best, low = found, middle + 1
            else:
                high = middle - 1
        return best

    def near_smallest(
        self, most: float, near: float, worth: Callable[[float, float], float]
    ) -> list[Measured]:
        """Return the smallest memory that repeats at most `most`, and what is worth most near it.

        `worth` is told estimated bytes and r, less is better; `near` bounds the bytes.
        """
        row = self.least[0, len(self.blocks) - 1].astype(np.float64)
        walked = float(self.walked[0, len(self.blocks)])
        repeated = (row - walked) / (self.problem.forward_cost or 1.0)
        able = np.flatnonzero(repeated <= most * (1 + 1e-6))
        if not able.size:
            return []
        size = self.chain.base + able * self.unit
        within = able[size <= near * size[0]].tolist()
        best = min(within, key=lambda m: worth(self.chain.base + m * self.unit, float(repeated[m])))
        tried = [self.found(m) for m in dict.fromkeys((within[0], best))]
        return [found for found in tried if found]

    def found(self, units: int) -> Measured | None:
        """Return the sequence for a memory, or None when the chain does not fit in it."""
        length = len(self.blocks)
        if not np.isfinite(self.least[0, length - 1, units]):
            return None
        tasks = self.problem.tasks
        sequence = list(self.chain.prologue)
        ran: set[int] = set(sequence)
        stack: list[tuple[str, int, int, int]] = [("solve", 0, length - 1, units)]
        while stack:
            what, i, j, m = stack.pop()
            if what == "forward":
                for block in self.blocks[i:j]:
                    sequence += [t for t in block.forward if t not in ran or tasks[t].recomputable]
                    ran.update(block.forward)
            elif what == "backward":
                sequence += _backward(self.problem, self.blocks[i], j)
            elif what == "again" and self.blocks[j].light:
                stack += [("solve", i, j - 1, m)] if j > i else []
                stack.append(("backward", j, 0, m))
            else:
                stack += self._decide(i, j, m)
        return measure(self.problem, sequence + list(self.chain.epilogue))

    def _decide(self, i: int, j: int, m: int) -> list[tuple[str, int, int, int]]:
        """Return the next steps for blocks i…j, last first."""
        d = j - i
        save, run = self._floor(i, j)
        choices: list[tuple[float, int]] = []
        for o, saving in enumerate(self.blocks[i].savings if m >= save else ()):
            left = m - self._ticks(saving.bytes) if d else m
            after = float(self.least[i + 1, d - 1, left]) if d and left >= 0 else 0.0
            if left >= 0:
                choices.append((after + float(self.again[o, i]), -o - 1))
        k = i
        if d and m >= run:
            lines = self.beside[j, d - 1 :: -1, m] + self.back[i, :d, m]
            lines = lines + self.walked[i, 1 : d + 1]
            k = i + 1 + int(np.argmin(lines))
            choices.append((float(lines[k - i - 1]), CUT))
            if self.light[j]:
                choices.append((float(self.back[i, d, m] + self.walked[i, d + 1]), THROUGH))
        _, code = min(choices)
        if code < 0:
            option = -code - 1
            left = m - self._ticks(self.blocks[i].savings[option].bytes)
            inner = [("solve", i + 1, j, left)] if d else []
            return [("backward", i, option, m), *inner, ("forward", i, i + 1, m)]
        if code == THROUGH:
            return [("again", i, j, m), ("forward", i, j + 1, m)]
        left = m - self._ticks(self.blocks[k].input_bytes)
        return [("again", i, k - 1, m), ("solve", k, j, left), ("forward", i, k, m)]


def _shifted(rows: Table, by: Ints) -> Table:
    """Return each row as seen with so many units less memory."""
    places = np.arange(rows.shape[1]) - by[:, None]
    moved = np.take_along_axis(rows, np.maximum(places, 0), axis=1)
    result: Table = np.where(places < 0, np.float32(np.inf), moved)
    return result


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
