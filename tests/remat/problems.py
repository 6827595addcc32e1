"""Random problems for the tests: forward graphs of a few operations with their gradients."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import strategies as st

from benchmarks.checkpointing.networks import Net
from penstock.remat.evaluate import evaluate
from penstock.remat.problem import Problem
from penstock.remat.schedule import plain_schedule


def random_problem(seed: int, operations: int, in_place: bool = True) -> Problem:
    """Return a problem of a random forward graph; the same for the same seed."""
    dice = random.Random(seed)
    net = Net()
    values = [net.feed("x", dice.randint(1, 4))]
    used: set[int] = set()
    for i in range(operations):
        count = min(len(values), 2 if dice.random() < 0.4 else 1)
        inputs = {values[-1], *dice.sample(values[-4:], count)} if i else {values[0]}
        inputs = set(sorted(inputs)[-2:])
        used |= inputs
        saves = dice.choice(["in", "out", "in out", ""])
        work = float(dice.choice([1, 1, 2, 5, 10]))
        values.append(net.op(f"op{i}", work, dice.randint(1, 6), tuple(sorted(inputs)), saves))
    problem = net.problem()
    return problem if in_place else without_in_place(problem)


def without_in_place(problem: Problem) -> Problem:
    """Return the problem with every in-place table empty."""
    return Problem(tuple(replace(t, in_place=()) for t in problem.tasks), problem.values)


def plain_peak(problem: Problem) -> int:
    """Return the peak of the given order."""
    return evaluate(problem, plain_schedule(problem)).peak


seeds = st.integers(0, 10_000)
