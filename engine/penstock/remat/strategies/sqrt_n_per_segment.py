"""The classic heuristic as a baseline: about √N evenly spaced bottlenecks, one level.

N counts the values the backward pass reads. Of those above the minimum size, the bottlenecks are
candidates; when there are more than ⌈√N⌉, every ⌈#/√N⌉-th is kept. With no bottleneck every
candidate is kept, so nothing is recomputed. The last segment is recomputed too, needlessly, as the
algorithm is published; `speed` and the portfolio do better.
"""

from __future__ import annotations

import math

from penstock.remat.articulation import bottlenecks
from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.recompute import saved_values
from penstock.remat.schedule import Schedule
from penstock.remat.strategies.keep_values import keep_values


def sqrt_n_per_segment(problem: Problem, budget: int | None, options: PlanOptions) -> Schedule:
    """Keep every k-th bottleneck. The budget is not looked at."""
    return keep_values(problem, chosen(problem, options))


def chosen(problem: Problem, options: PlanOptions) -> list[int]:
    """Return the values the heuristic keeps."""
    saved = saved_values(problem)
    candidates = [v for v in saved if problem.values[v].bytes >= options.minimum_bytes]
    narrow = set(bottlenecks(problem))
    points = [v for v in candidates if v in narrow]
    if not points:
        return candidates
    root = math.sqrt(len(saved))
    if len(points) <= math.ceil(root):
        return points
    return points[:: math.ceil(len(points) / root)]
