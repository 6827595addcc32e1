"""Improving a sequence: repetitions that memory has room to avoid are taken out.

A repetition of a task can go when the instance before it may stay in memory until the repetition's
readers are done: that costs its bytes over the gap, and the profile of the sequence says whether
they fit. Dearest repetitions are tried first; what others were repeated for only them goes too.
"""

from __future__ import annotations

import numpy as np

from penstock.remat.measure import Measured, gaps, measure
from penstock.remat.problem import Problem


def refine(problem: Problem, found: Measured, budget: int, rounds: int = 4) -> Measured:
    """Return a sequence within the budget with no more work than the given one."""
    for _ in range(rounds):
        before = found.clones
        if not before:
            break
        found = _without_repetitions(problem, found, budget)
        if before - found.clones <= before // 50:
            break
    return found


def _without_repetitions(problem: Problem, found: Measured, budget: int) -> Measured:
    sequence, profile = found.sequence, found.profile.copy()
    spans = gaps(problem, sequence)
    dearest = sorted(spans, key=lambda p: (-problem.tasks[int(sequence[p])].cost, p))
    stays = np.ones(len(sequence), bool)
    for p in dearest:
        held = spans[p]
        if not held:
            continue
        first = min(start for start, _ in held)
        extra = sum(size for _, size in held)
        window = profile[first:p]
        if len(window) and window.max() + extra > budget:
            continue
        if all(start == first for start, _ in held):
            window += extra
        else:
            for start, size in held:
                profile[start:p] += size
        stays[p] = False
    if stays.all():
        return found
    kept = measure(problem, sequence[stays])
    return kept if kept.valid and kept.peak <= budget else found
