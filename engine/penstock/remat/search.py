"""Local search on small problems: add, drop or move one repetition, keep what is better.

A schedule over the budget is worse than any within; among those over it, fewer bytes are better
(counting also how long the schedule stays over), else less repeated work. The random numbers
have a fixed seed, so plans repeat; no clock is read.
"""

from __future__ import annotations

import math
import random

from penstock.remat.evaluate import evaluate
from penstock.remat.problem import Problem
from penstock.remat.schedule import Schedule, from_sequence

SEED = 20


def local_search(problem: Problem, schedule: Schedule, budget: int, steps: int) -> Schedule:
    """Return the best schedule met on a walk of `steps` changes from the given one."""
    dice = random.Random(SEED)
    current, worth = list(schedule.sequence), _worth(problem, schedule, budget)
    best, best_worth = schedule, worth
    for step in range(steps):
        trial = _change(problem, current, dice)
        made = from_sequence(problem, trial)
        value = _worth(problem, made, budget)
        heat = 0.05 * (1 - step / steps) * (problem.forward_cost or 1.0)
        if value <= worth or (value[0] == worth[0] == 0 and _accepts(value, worth, heat, dice)):
            current, worth = list(made.sequence), value
        if value < best_worth:
            best, best_worth = made, value
    return best


def _worth(problem: Problem, schedule: Schedule, budget: int) -> tuple[int, int, float]:
    result = evaluate(problem, schedule)
    if not result.valid:
        return (2**62, 2**62, result.cost)
    over = sum(bytes_ - budget for bytes_ in result.profile if bytes_ > budget)
    return (max(0, result.peak - budget), over, result.cost)


def _accepts(
    value: tuple[int, int, float], worth: tuple[int, int, float], heat: float, dice: random.Random
) -> bool:
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
            _insert(trial, removed, dice)
            return trial
    for _ in range(1 + (dice.random() < 0.3)):
        _insert_before_reader(problem, trial, dice)
    return trial


def _insert(trial: list[int], t: int, dice: random.Random) -> None:
    trial.insert(dice.randint(trial.index(t) + 1, len(trial)), t)


def _insert_before_reader(problem: Problem, trial: list[int], dice: random.Random) -> None:
    """Repeat what makes one input of a random task, directly before that task."""
    p = dice.randrange(len(trial))
    inputs = problem.tasks[trial[p]].inputs
    if inputs:
        maker = problem.producer[dice.choice(inputs)]
        if maker >= 0 and problem.tasks[maker].recomputable and maker in trial[:p]:
            trial.insert(p, maker)
