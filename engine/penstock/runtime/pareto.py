"""plan_pareto: what less memory would cost in time, without running anything.

Takes what `Session.run` takes and plans the gradients among the fetches for budgets from the
smallest that can be met to what a plain run needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from penstock import _native, errors, options
from penstock.exports import export
from penstock.graph.collector import collector_paused
from penstock.graph.extract import extract
from penstock.graph.graph import Graph, get_default_graph
from penstock.graph.ir import IR
from penstock.passes.context import PassContext, PlanLog
from penstock.passes.pipeline import PIPELINE
from penstock.remat.front import Front, Point
from penstock.remat.joint import make_joint
from penstock.remat.pareto import pareto
from penstock.remat.plan import Plan
from penstock.remat.unseen import stream_bytes
from penstock.runtime.fetches import Fetches, feed_tensors, flatten_feeds
from penstock.runtime.kernel_questions import KernelQuestions
from penstock.runtime.plan import evaluate
from penstock.simulate import Costs


@export("plan_pareto")
def plan_pareto(
    fetches: Any,
    feed_dict: Mapping[Any, Any] | None = None,
    *,
    shapes: Mapping[Any, Any] | None = None,
    points: int = 20,
    costs: Costs | None = None,
    graph: Graph | None = None,
) -> Front:
    """Return the plans worth choosing between, peak memory against time, smallest peak first.

    `feed_dict` feeds values, `shapes` only says which tensors are fed and how large they are.
    Budgets are tried at `points` even steps; a point's `budget` (bytes) is a `memory_budget` for
    `gradients` or `minimize`. Times are estimates unless `costs` says otherwise. The same graph
    gives the same points; nothing runs. `str()` of the result is a table, `plot(path)` an SVG.

    Raises what `Session.run` raises for such fetches and feeds, `ValueError` when no gradient is
    among what they need or `points` is no positive number.

    >>> x = ps.placeholder(ps.float32, [64, 64])
    >>> h = x
    >>> for _ in range(16):
    ...     h = ps.tanh(h)
    >>> front = ps.plan_pareto(ps.gradients(ps.reduce_sum(h), x), shapes={x: [64, 64]})
    >>> front[-1].recomputed, front[0].peak < front[-1].peak / 3
    (0.0, True)
    """
    if points < 1:
        raise ValueError(f"points is how many budgets to try, at least 1, not {points!r}")
    graph = get_default_graph() if graph is None else graph
    flat = flatten_feeds(feed_dict or {})
    sizes = {k: np.shape(v) for k, v in flat.items()} | dict(shapes or {})
    feeds = feed_tensors(graph, list(sizes))
    wanted = Fetches(graph, fetches)
    ir = _before_recomputing(extract(graph, wanted.tensors, list(wanted.targets), feeds))
    calls = {node.attrs["_gradients"] for node in ir if "_gradients" in node.attrs}
    if not calls:
        raise ValueError(
            "the fetches need no gradients, so nothing is kept for a backward pass: fetch what"
            " gradients() returned, or a training operation"
        )
    known = {t.name: size for t, size in zip(feeds, sizes.values(), strict=True)}
    ask = KernelQuestions(_native.Session().intra_op_threads)
    joint = make_joint(ir, calls, costs, shapes=known, ask=ask)
    plain, beside = joint.problem.plain_cost or 1.0, stream_bytes(joint)
    return Front([_point(plan, plain, beside) for plan in pareto(joint.problem, points)])


def _point(plan: Plan, plain: float, beside: int) -> Point:
    e = plan.evaluation
    budget = (plan.budget or e.peak) + beside
    clones = plan.schedule.clones
    return Point(e.peak, budget, e.recomputed, e.cost / plain, plan.strategy, clones, plan)


@collector_paused()
def _before_recomputing(ir: IR) -> IR:
    """Return the IR as the pass `recompute` would find it."""
    session = _native.Session(intra_op_threads=1, inter_op_threads=1)
    context = PassContext(options.current, lambda part: evaluate(part, session), PlanLog())
    for apply, _ in PIPELINE:
        if apply.__name__ == "recompute":
            return ir
        ir = apply(ir, context)
    raise errors.InternalError(None, None, "no pass of the pipeline recomputes")
