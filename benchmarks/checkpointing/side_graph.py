"""The networks on penstock: one graph, one session, a training step for each way of keeping less.

Ways are `plain`; the strategies `speed` and `memory`; `sqrt_n_per_segment`, which is the published
heuristic with about √N evenly spaced bottlenecks, given to `gradients` as a list of tensors; and
budgets as a part of the peak that is planned for a plain step, `0.50` for example. A budget of 1
must change nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.checkpointing.words_graph import Words
from benchmarks.checkpointing.written import State, Written
from benchmarks.graph_programs.bench import Bench
from penstock.remat.articulation import bottlenecks
from penstock.remat.infeasible import Infeasible
from penstock.remat.plan import Plan
from penstock.remat.recompute import saved_values

ENOUGH = 1 << 50  # bytes: a budget that any step fits
LEAST = 4096  # bytes of a tensor that the heuristic looks at
RATE = 1e-3

Facts = dict[str, Any]


class Side:
    """A network with its steps by way."""

    def __init__(self, module: Any, written: Written) -> None:
        self.tf = module
        self.tf.set_random_seed(1)
        self.bench = Bench(module)
        self.variables = {n: self.bench.variable(v) for n, v in written.parameters.items()}
        batch = {n: self.bench.placeholder(v) for n, v in written.batch.items()}
        words, known = Words(module), {**self.variables, **batch}
        state: State = ()
        for segment in written.segments:
            state = segment(words, known, state)
        self.loss = state[0]
        self.values = [written.batch[name] for name in batch]
        self.feeds = dict(zip(batch.values(), self.values, strict=True))
        self.parameters = written.parameters
        self.session: Any = None
        self.trains: dict[str, Any] = {}
        self.steps: dict[str, Callable[[], object]] = {}
        self._generous: Plan | None = None
        self.plain_peak: int | None = None
        self.forward: set[str] = set()

    def add(self, way: str) -> Facts:
        """Build and plan a way; return what is known without running, or why there is none."""
        if self.plain_peak is None:
            self.plain_peak = self.plain_plan().evaluation.peak
        began = time.perf_counter()
        try:
            train = self._train(way, self._wish(way, self.plain_peak))
            plan = self._session().explain_plan(train, self.feeds).recomputation
        except Infeasible as refusal:
            return {"infeasible": refusal.smallest}
        taken = time.perf_counter() - began
        self.trains[way] = train
        self.steps[way] = self._step(train)
        if plan is None:
            return {"planned": self.plain_peak, "r": 0.0, "clones": 0, "strategy": "plain"}
        result = plan.evaluation
        return {
            "planned": result.peak,
            "r": result.recomputed,
            "clones": plan.schedule.clones,
            "strategy": plan.strategy,
            "seconds": taken,
            "tasks": len(plan.problem.tasks),
        }

    def plain_plan(self) -> Plan:
        """Return the plan of a step that may take what it wants."""
        if self._generous is None:
            train = self._train("generous", {"memory_budget": ENOUGH})
            self._generous = self._session().explain_plan(train, self.feeds).recomputation
            assert self._generous is not None
            self.forward = {t.name for t in self._generous.problem.tasks if t.forward}
        return self._generous

    def _wish(self, way: str, peak: int) -> dict[str, Any]:
        if way == "plain":
            return {}
        if way in ("speed", "memory"):
            return {"checkpoints": way}
        if way == "sqrt_n_per_segment":
            return {"checkpoints": self._published()}
        return {"memory_budget": int(float(way) * peak)}

    def _published(self) -> list[Any]:
        """Return evenly spaced bottlenecks, about as many as the root of what gradients read.

        As published, only what gradients read can be one; here that leaves out the sums of
        residual blocks, so any large tensor may be one.
        """
        problem = self.plain_plan().problem
        large = [v for v in bottlenecks(problem) if problem.values[v].bytes >= LEAST]
        stride = math.ceil(len(large) / math.ceil(math.sqrt(len(saved_values(problem)))))
        names = [problem.values[v].name for v in large[:: stride or 1]]
        graph = self.loss.graph
        return [graph.get_tensor_by_name(n if ":" in n else f"{n}:0") for n in names]

    def _train(self, way: str, wish: dict[str, Any]) -> Any:
        variables = list(self.variables.values())
        name = "way_" + way.replace(".", "_")
        gradients = self.tf.gradients(self.loss, variables, name=name, **wish)
        optimizer = self.tf.train.GradientDescentOptimizer(RATE)
        return optimizer.apply_gradients(zip(gradients, variables, strict=True), name=f"{name}_set")

    def _session(self) -> Any:
        if self.session is None:
            self.start = dict(self.bench._values)
            self.session = self.bench.session()
        return self.session

    def _step(self, train: Any) -> Callable[[], object]:
        called, values = self.session.make_callable([train], list(self.feeds)), self.values
        return lambda: called(*values)

    def digest(self, way: str) -> list[Any]:
        """Return the parameters after one step from the start."""
        self.session.run(self.tf.global_variables_initializer(), self.start)
        self.steps[way]()
        return [np.asarray(v) for v in self.session.run(list(self.variables.values()))]

    def own_memory(self, way: str) -> Facts:
        """Return what the allocator counted during a step, above what was live before."""
        _, memory = self.session.run_with_memory(self.trains[way], self.feeds)
        return {"allocator": memory.peak - memory.live_before}

    def trace(self, way: str) -> Facts:
        """Return the seconds of a traced step by what they were for."""
        options = self.tf.RunOptions(trace_level=self.tf.RunOptions.FULL_TRACE)
        best: dict[str, float] = {}
        for _ in range(3):
            metadata = self.tf.RunMetadata()
            feeds = self.feeds
            self.session.run(self.trains[way], feeds, options=options, run_metadata=metadata)
            found = self._sorted(metadata.step_stats)
            if not best or sum(found.values()) < sum(best.values()):
                best = found
        return best

    def _sorted(self, stats: Any) -> dict[str, float]:
        found = {"forward": 0.0, "again": 0.0, "backward": 0.0}
        for device in stats.dev_stats:
            for node in device.node_stats:
                kind = "forward" if node.node_name in self.forward else "backward"
                kind = "again" if "/recompute_" in node.node_name else kind
                found[kind] += (node.op_end_rel_nanos - node.op_start_rel_nanos) * 1e-9
        return found

    def trim(self) -> None:
        """Give cached memory back to the system."""
        self.session.trim_memory()

    def close(self) -> None:
        """Let the session go."""
        if self.session is not None:
            self.session.close()
