"""How long planning takes: joint problem, plan and rewrite, for real graphs of growing size.

`python -m benchmarks.checkpointing.planning [--nodes 1000 10000 100000]` prints a row for each
size and strategy: nodes of the graph, tasks, CPU seconds of each part, and what the plan needs
against the plain one. The network is a chain of dense residual blocks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

import penstock as ps
from penstock import options
from penstock.graph.collector import collector_paused
from penstock.graph.extract import extract
from penstock.graph.ir import IR
from penstock.passes.context import PassContext, PlanLog
from penstock.passes.pipeline import PIPELINE
from penstock.passes.recompute import recompute
from penstock.remat.choose import choose
from penstock.remat.evaluate import evaluate
from penstock.remat.joint import Joint, make_joint
from penstock.remat.requests import read_request
from penstock.remat.rewrite import apply_schedule
from penstock.remat.schedule import plain_schedule

T = TypeVar("T")
NODES_A_BLOCK = 11
LIMITS = {1_000: 0.3, 10_000: 3.0, 100_000: 60.0}


def residual_network(nodes: int, **wish: Any) -> list[Any]:
    """Return gradients of a chain of dense residual blocks of about so many nodes."""
    x = ps.placeholder(ps.float32, [32, 64])
    h = x
    weights = [ps.constant(np.eye(64, dtype=np.float32) * (i + 1) / 8) for i in range(8)]
    for i in range(max(1, nodes // NODES_A_BLOCK)):
        inner = ps.nn.relu(ps.matmul(h, weights[i % 8]) + 0.1)
        h = h + ps.tanh(ps.matmul(inner, weights[(i + 3) % 8]))
    gradients: list[Any] = ps.gradients(ps.reduce_sum(h), [x], **wish)
    return gradients


def before_recompute(fetches: list[Any]) -> IR:
    """Return the IR as the pass `recompute` finds it."""
    graph = fetches[0].graph
    feeds = [t for t in graph.get_operations() if t.type == "Placeholder"]
    ir = extract(graph, fetches, [], [op.outputs[0] for op in feeds])
    context = PassContext(options.current, lambda _: [], PlanLog())
    for apply, _ in PIPELINE:
        if apply is recompute:
            return ir
        if apply.__name__ != "fold_constants":
            ir = apply(ir, context)
    return ir


@dataclass
class Times:
    """CPU seconds by part."""

    seconds: dict[str, float] = field(default_factory=dict)

    def take(self, part: str, work: Callable[[], T]) -> T:
        """Do the work and keep its time."""
        start = time.process_time()
        result = work()
        self.seconds[part] = time.process_time() - start
        return result


def row(nodes: int, wish: dict[str, Any]) -> str:
    """Plan one graph and return its row."""
    with ps.Graph().as_default():
        ir = before_recompute(residual_network(nodes, **wish))
    request = read_request(ir)
    assert request is not None
    times, calls = Times(), request.calls
    with collector_paused():
        joint: Joint = times.take("joint", lambda: make_joint(ir, calls))
        plain = evaluate(joint.problem, plain_schedule(joint.problem)).peak
        if request.budget is not None:
            request = type(request)(**{**vars(request), "budget": plain // 2})
        plan = times.take("plan", lambda: choose(joint, request))
        times.take("rewrite", lambda: apply_schedule(ir, joint, plan.schedule))
    total = sum(times.seconds.values())
    parts = "  ".join(f"{part} {seconds:6.2f}" for part, seconds in times.seconds.items())
    asked = wish.get("checkpoints", "half the memory")
    result = plan.evaluation
    return (
        f"{len(ir):7} nodes {len(joint.tasks):7} tasks  {asked:15} {parts}  total {total:6.2f} s"
        f"  peak {result.peak / plain:.3f} r {result.recomputed:.3f}  {plan.strategy}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=list(LIMITS))
    for nodes in parser.parse_args().nodes:
        for wish in ({"checkpoints": "speed"}, {"checkpoints": "memory"}, {"memory_budget": 1}):
            print(row(nodes, wish), flush=True)


if __name__ == "__main__":
    main()
