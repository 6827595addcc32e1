"""Improving a schedule: repetitions that memory has room to avoid are taken out.

A repetition of a task can go when the instance before it may stay in memory until the repetition's
readers are done: that costs its bytes over the gap, and the profile of the schedule says whether
they fit. Dearest repetitions are tried first; what others were repeated for only them goes too.
"""

from __future__ import annotations

import numpy as np

from penstock.remat.evaluate import evaluate
from penstock.remat.problem import Problem
from penstock.remat.schedule import Schedule, from_sequence


def refine(problem: Problem, schedule: Schedule, budget: int, rounds: int = 4) -> Schedule:
    """Return a schedule within the budget with no more work than the given one."""
    for _ in range(rounds):
        before = schedule.clones
        schedule = _remove_repetitions(problem, schedule, budget)
        if before - schedule.clones <= before // 50:
            break
    return schedule


def _remove_repetitions(problem: Problem, schedule: Schedule, budget: int) -> Schedule:
    sequence = list(schedule.sequence)
    profile = np.array(evaluate(problem, schedule).profile, dtype=np.int64)
    last_read = _last_reads(problem, sequence)
    repeated = [p for p, step in enumerate(schedule.computes) if step.instance]
    if not repeated:
        return schedule
    repeated.sort(key=lambda p: (-problem.tasks[sequence[p]].cost, p))
    gone: set[int] = set()
    for p in repeated:
        spans = [(start, v) for v, start in last_read[p].items() if start is not None]
        first = min((start for start, _ in spans), default=p)
        extra = np.zeros(p - first + 1, dtype=np.int64)
        for start, v in spans:
            extra[start - first :] += problem.values[v].bytes
        extra[-1] = 0
        window = profile[first : p + 1]
        if spans and (window + extra).max() <= budget:
            profile[first : p + 1] = window + extra
            gone.add(p)
    if not gone:
        return schedule
    kept = from_sequence(problem, [t for p, t in enumerate(sequence) if p not in gone])
    if evaluate(problem, kept).peak <= budget:
        return kept
    return schedule


def _last_reads(problem: Problem, sequence: list[int]) -> list[dict[int, int | None]]:
    """Return per position and output, where the instance before was last made or read.

    None stands for outputs whose new instance nobody reads: nothing need stay for them.
    """
    seen: dict[int, int] = {}
    maker: dict[int, int] = {}
    result: list[dict[int, int | None]] = []
    read: set[tuple[int, int]] = set()
    for p, t in enumerate(sequence):
        for v in problem.tasks[t].inputs:
            seen[v] = p
            read.add((v, maker.get(v, -1)))
        result.append({v: seen.get(v) for v in problem.tasks[t].outputs})
        for v in problem.tasks[t].outputs:
            seen[v] = maker[v] = p
    for p, spans in enumerate(result):
        for v in spans:
            if (v, p) not in read:
                spans[v] = None
    return result
