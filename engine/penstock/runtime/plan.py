"""Plans: (feeds, fetches, targets) → a loaded program, cached with a bound.

A `Plan` stays valid while no existing node of the graph changes (`Graph.plan_version`);
nodes that are only added cannot concern it. `make_plan` runs the pipeline and loads the
result; constants are folded by running them on the same native session.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from penstock import _native, options
from penstock.graph.collector import collector_paused
from penstock.graph.extract import extract
from penstock.graph.graph import Graph
from penstock.graph.ir import IR
from penstock.graph.tensor import Operation, Tensor
from penstock.passes.context import PassContext, PlanLog
from penstock.passes.pipeline import run_pipeline
from penstock.runtime import native

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """The result of the pipeline for one run signature."""

    program: _native.Program
    ir: IR
    log: PlanLog
    version: int


@collector_paused()
def make_plan(
    graph: Graph,
    session: _native.Session,
    feeds: Sequence[Tensor],
    fetches: Sequence[Tensor],
    targets: Sequence[Operation],
    log: PlanLog | None = None,
) -> Plan:
    """Return the plan that computes `fetches` and runs `targets` given `feeds`."""
    version = graph.plan_version
    log = log or PlanLog()
    context = PassContext(options.current, lambda part: evaluate(part, session), log)
    ir = run_pipeline(extract(graph, fetches, targets, feeds), context)
    if "plan" in options.current.debug:
        counts = ", ".join(f"{stage} {count}" for stage, count in log.counts)
        print(f"plan of {[t.name for t in fetches]}: {counts}\n{ir}", file=sys.stderr)
    return Plan(native.load(ir, session), ir, log, version)


def evaluate(part: IR, session: _native.Session) -> Sequence[Any]:
    """Run an IR without feeds and return its fetches."""
    return native.load(part, session).run(())


class BoundedCache(Generic[T]):
    """A dictionary that forgets what was not used for longest. Any thread may use it."""

    def __init__(self, bound: int) -> None:
        """Keep at most `bound` entries."""
        self._bound = bound
        self._items: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.RLock()

    def get_or_make(self, key: Hashable, is_valid: Callable[[T], bool], make: Callable[[], T]) -> T:
        """Return the valid entry of `key`, made by `make` where there is none."""
        with self._lock:
            item = self._items.get(key)
            if item is not None and is_valid(item):
                self._items.move_to_end(key)
                return item
            item = self._items[key] = make()
            self._items.move_to_end(key)
            while len(self._items) > self._bound:
                self._items.popitem(last=False)
            return item

    def __len__(self) -> int:
        """Return how many entries are kept."""
        return len(self._items)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._items.clear()
