"""Keep what is dear to compute again, results of products and convolutions, and drop the rest.

What `checkpoints='speed'` asks for: most bytes are of cheap operations between them, so most memory
goes for little time. Where the repetitions would hold more than a plain run, the plain order stays.
"""

from __future__ import annotations

from penstock.remat.measure import measure
from penstock.remat.options import PlanOptions
from penstock.remat.problem import Problem
from penstock.remat.schedule import Schedule, from_sequence
from penstock.remat.strategies.keep_values import keeping

DEAR = frozenset({"MatMul", "BatchMatMul", "BatchMatMulV2", "Conv2D", "DepthwiseConv2dNative"})
"""The ops whose results are kept."""


def speed(problem: Problem, budget: int | None, options: PlanOptions) -> Schedule:
    """Keep `options.keep`, the results of DEAR ops. The budget is not looked at."""
    plain = measure(problem, range(len(problem.tasks)))
    found = measure(problem, keeping(problem, options.keep))
    best = found if found.peak < plain.peak else plain
    return from_sequence(problem, best.sequence.tolist())
