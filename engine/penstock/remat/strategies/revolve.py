"""The closed form for uniform chains of any length.

With s places beside the input, and every step run at most t times, a chain of C(s+t, s) - 1 steps
can be reversed; the next value to keep is chosen so that both parts stay within that. It is the
optimum the dynamic program finds, without its tables, for blocks of equal work and bytes whose
backward phase needs only their output.
"""

from __future__ import annotations

import math
from functools import cache

from penstock.remat.blocks import Chain, find_chain
from penstock.remat.measure import Measured, measure
from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.schedule import Schedule, from_sequence, plain_schedule


def revolve(problem: Problem, budget: int | None, options: PlanOptions) -> Schedule | None:
    """Return the optimal schedule of a uniform chain; None for others, or when none fits."""
    if budget is None:
        return plain_schedule(problem)
    uniform = uniform_chain(problem)
    found = uniform.best(budget) if uniform else None
    return None if found is None else from_sequence(problem, found.sequence.tolist())


def uniform_chain(problem: Problem) -> Uniform | None:
    """Return the chain of a problem that is a uniform one."""
    chain = find_chain(problem, longest=len(problem.tasks))
    return Uniform(problem, chain) if chain and is_uniform(chain) else None


class Uniform:
    """A uniform chain, reversed with any number of places."""

    def __init__(self, problem: Problem, chain: Chain) -> None:
        """Take a chain for which `is_uniform` holds."""
        self.problem, self.chain = problem, chain
        block = chain.blocks[0]
        self.beside = max(block.backward_peak, block.forward_peak + block.gradient)
        self.beside += chain.base - block.gradient

    def best(self, budget: int) -> Measured | None:
        """Return the least work within the budget, or None."""
        each = self.chain.blocks[0].gradient
        places = (budget - self.beside) // each if each else 0
        for free in (places + 1, places):  # one more fits when the peak is before any gradient
            if free >= 1:
                found = self.reversed_with(free)
                if found.peak <= budget:
                    return found
        return None

    def near_root(self) -> list[Measured]:
        """Return the sequences around the fewest places with which no step runs thrice."""
        length = len(self.chain.blocks)
        root = next(s for s in range(1, length + 1) if reversible(s, 2) >= length)
        places = range(max(1, root - 1), root + 3)
        return [self.reversed_with(s) for s in places]

    def reversed_with(self, places: int) -> Measured:
        """Return the sequence that keeps at most `places` values."""
        return measure(self.problem, _sequence(self.chain, places))


def is_uniform(chain: Chain) -> bool:
    """Whether all blocks are light, and equal in work and bytes."""
    kinds = {(b.work, b.gradient, b.forward_peak, b.light) for b in chain.blocks}
    return len(kinds) == 1 and chain.blocks[0].light


def _sequence(chain: Chain, places: int) -> list[int]:
    blocks, sequence = chain.blocks, list(chain.prologue)
    stack: list[tuple[str, int, int, int]] = [("reverse", 0, len(blocks), places)]
    while stack:
        what, i, j, free = stack.pop()
        if what == "back":
            sequence += blocks[i].backward
        elif j > i:
            k = i + split(j - i, free)
            for block in blocks[i:k]:
                sequence += block.forward
            stack += [("reverse", i, k - 1, free), ("back", k - 1, 0, 0)]
            stack += [("reverse", k, j, free - 1)]
    return sequence + list(chain.epilogue)


@cache
def split(length: int, places: int) -> int:
    """Return how far to run before keeping a value: the last step when one place is left."""
    if places <= 1:
        return length
    times = 1
    while reversible(places, times) < length:
        times += 1
    least = max(length - reversible(places - 1, times), reversible(places, times - 2) + 1)
    most = min(length - reversible(places - 1, times - 1), reversible(places, times - 1) + 1)
    return max(1, min(least, most))


def reversible(places: int, times: int) -> int:
    """Return the longest chain reversed with every step run at most `times`."""
    return math.comb(places + times, places) - 1 if places > 0 and times > 0 else 0
