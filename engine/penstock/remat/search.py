"""Local search on small problems: add, drop or move one repetition, keep what is better.

A sequence over the budget is worse than any within; among those over it, fewer bytes are better
(counting also how long the sequence stays over), else less repeated work. The random numbers
have a fixed seed, so plans repeat; no clock is read. A walk that found nothing better for a quarter
of its steps ends.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import TypeAlias

from penstock.remat.measure import Measured, measure
from penstock.remat.problem import Problem

SEED = 20
Worth: TypeAlias = tuple[int, int, float]


def local_search(
    problem: Problem,
    start: Measured,
    budget: int,
    steps: int,
    measured: Callable[[Problem, list[int]], Measured] = measure,
) -> Measured:
    """Return the best sequence met on a walk of `steps` changes from the given one.

    `measured` tells what a sequence needs.
    """
    dice = random.Random(SEED)
    current, worth = start.sequence.tolist(), _worth(start, budget)
    best, best_worth = start, worth
    since = 0
    for step in range(steps):
        if step - since > steps // 4:
            break
        made = measured(problem, _change(problem, current, dice))
        value = _worth(made, budget)
        heat = 0.05 * (1 - step / steps) * (problem.forward_cost or 1.0)
        if value <= worth or (value[0] == worth[0] == 0 and _accepts(value, worth, heat, dice)):
            current, worth = made.sequence.tolist(), value
        if value < best_worth:
            best, best_worth, since = made, value, step
    return best


def _worth(found: Measured, budget: int) -> Worth:
    if not found.valid:
        return (2**62, 2**62, found.cost)
    if found.peak <= budget:
        return (0, 0, found.cost)
    over = found.profile - budget
    return (found.peak - budget, int(over[over > 0].sum()), found.cost)


def _accepts(value: Worth, worth: Worth, heat: float, dice: random.Random) -> bool:
    return heat > 0 and dice.random() < math.exp((worth[2] - value[2]) / heat)


def _change(problem: Problem, sequence: list[int], dice: random.Random) -> list[int]:
    """Return the sequence with one repetition taken out, put in, or moved."""
    first: dict[int, int] = {}
    for p, t in enumerate(sequence):
        first.setdefault(t, p)
    repeated = [p for p, t in enumerate(sequence) if first[t] != p]
    trial = list(sequence)
    kind = dice.random()
    if repeated and kind < 0.55:
        removed = trial.pop(dice.choice(repeated))
        if kind < 0.2:
            return trial
        if kind < 0.4:
            trial.insert(dice.randint(trial.index(removed) + 1, len(trial)), removed)
            return trial
    for _ in range(1 + (dice.random() < 0.3)):
        _insert_before_reader(problem, trial, dice)
    return trial


def _insert_before_reader(problem: Problem, trial: list[int], dice: random.Random) -> None:
    """Repeat what makes one input of a random task, directly before that task."""
    p = dice.randrange(len(trial))
    inputs = problem.tasks[trial[p]].inputs
    if inputs:
        maker = problem.producer[dice.choice(inputs)]
        if maker >= 0 and problem.tasks[maker].recomputable and maker in trial[:p]:
            trial.insert(p, maker)
