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
from penstock.remat.evaluate import evaluate
from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.schedule import Schedule, from_sequence, plain_schedule


def revolve(problem: Problem, budget: int | None, options: PlanOptions) -> Schedule | None:
    """Return the optimal schedule of a uniform chain; None for others, or when none fits."""
    if budget is None:
        return plain_schedule(problem)
    chain = find_chain(problem, longest=len(problem.tasks))
    if chain is None or not is_uniform(chain):
        return None
    block = chain.blocks[0]
    beside = max(block.backward_peak, block.forward_peak + block.gradient) - block.gradient
    places = (budget - chain.base - beside) // block.gradient if block.gradient else 0
    for free in (places + 1, places):  # one more fits when the peak is before any gradient
        if free >= 1:
            schedule = from_sequence(problem, _sequence(chain, free))
            if evaluate(problem, schedule).peak <= budget:
                return schedule
    return None


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
