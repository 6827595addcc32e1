"""Plans: (feeds, fetches, targets) → a loaded program, cached with a bound.

A `Plan` stays valid while no existing node of the graph changes (`Graph.plan_version`);
nodes that are only added cannot concern it. `make_plan` runs the pipeline, cuts the result into
one part for each device and loads them; constants are folded by running them on the host of the
same native session.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar

from penstock import _native, options
from penstock.graph.collector import collector_paused
from penstock.graph.devices import HOST
from penstock.graph.extract import extract
from penstock.graph.graph import Graph
from penstock.graph.ir import IR, Node
from penstock.graph.tensor import Operation, Tensor
from penstock.kernel_api import Device
from penstock.memory.arena_plan import MOST_PLANS, ArenaPlan, plan_arena
from penstock.passes.context import PassContext, Placing, PlanLog
from penstock.passes.partition import partition
from penstock.passes.pipeline import run_pipeline
from penstock.runtime import native
from penstock.runtime.bounded import bounded
from penstock.runtime.kernel_questions import KernelQuestions
from penstock.runtime.kernels import Catalogue
from penstock.runtime.settling import awaited, settled
from penstock.runtime.stretches import Loaded
from penstock.simulate import Sizes

T = TypeVar("T")

SEARCH_SECONDS = 10.0
"""How long `memory_plan="search"` looks for a smaller block, for each device."""


@dataclass(frozen=True)
class Plan:
    """The result of the pipeline for one run signature."""

    program: _native.Program
    ir: IR
    partitions: Mapping[str, IR]
    log: PlanLog
    version: int
    plain: _native.Program
    """The program that a trace or a stepper runs: every node by itself."""
    stretches: Sequence[Loaded] = ()
    """What devices run as one in `program`."""
    arenas: Mapping[str, ArenaPlan] = field(default_factory=dict)
    """Where the values of a step go, by device."""
    shapes: Mapping[str, tuple[int, ...]] | None = None
    """The shapes of feeds that it was made for; None: whatever fits the graph."""

    def node(self, name: str) -> Node | None:
        """Return the node of that name, transfers included."""
        found = self.ir.nodes.get(name)
        if found is not None:
            return found
        parts = [p.nodes for p in self.partitions.values()]
        return next((nodes[name] for nodes in parts if name in nodes), None)


@dataclass(frozen=True)
class Target:
    """Where plans will run: the native session, its devices, and what placing needs to know."""

    session: _native.Session
    devices: Mapping[str, Device]
    placing: Placing
    kernels: Catalogue


@collector_paused()
def make_plan(
    graph: Graph,
    target: Target,
    feeds: Sequence[Tensor],
    fetches: Sequence[Tensor],
    operations: Sequence[Operation],
    log: PlanLog | None = None,
    keep: bool = False,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Plan:
    """Return the plan that computes `fetches` and runs `operations` given `feeds`.

    With `keep`, values fetched from accelerators stay in their memory. `shapes` are those of the
    fed values, by tensor, where the plan is to be for these only.
    """
    version = graph.plan_version
    log = log or PlanLog()
    placing = target.placing._replace(strategy=options.current.placement)
    context = PassContext(
        options.current,
        lambda part: evaluate(part, target.session),
        log,
        placing,
        keep,
        KernelQuestions(target.session.intra_op_threads),
        None if options.current.memory_plan == "off" else partial(place_memory, target),
        shapes,
    )
    ir = run_pipeline(extract(graph, fetches, operations, feeds), context)
    partitions = partition(ir, context)
    if "plan" in options.current.debug:
        counts = ", ".join(f"{stage} {count}" for stage, count in log.counts)
        print(f"plan of {[t.name for t in fetches]}: {counts}\n{ir}", file=sys.stderr)
    loaded = partitions, target.session, target.devices, target.kernels
    budgets = _budgets(partitions, log)
    arenas = {**plan_arenas(partitions, target, budgets), **log.arenas}
    stretched: list[Loaded] = []
    program = plain = native.load(*loaded, arenas=arenas, budgets=budgets)
    if options.current.cuda_graphs and native.offers_stretches(partitions, target.devices):
        program = native.load(*loaded, stretched=stretched, arenas=arenas, budgets=budgets)
    there = [target.devices[name] for name in partitions if name in target.devices]
    end = awaited if keep else settled
    limits = [(target.devices[n], b) for n, (b, _) in budgets.items() if n in target.devices]
    program, plain = (bounded(end(p, there), limits) for p in (program, plain))
    return Plan(program, ir, partitions, log, version, plain, stretched, arenas, shapes)


def plan_arenas(
    partitions: Mapping[str, IR], target: Target, bounded: Container[str] = ()
) -> dict[str, ArenaPlan]:
    """Return the plans of the memory of devices in host memory, where there is something to plan.

    Not of those that are `bounded`, and none where none are wanted. A device that Python code
    drives allocates its arrays itself.
    """
    if options.current.memory_plan == "off":
        return {}
    there = {n: p for n, p in partitions.items() if n not in target.devices and n not in bounded}
    plans = {name: plan_arena(part, _seconds()) for name, part in there.items()}
    return {name: plan for name, plan in plans.items() if plan is not None}


def place_memory(
    target: Target, ir: IR, room: Mapping[str, int], context: PassContext
) -> dict[str, ArenaPlan]:
    """Return the same of the devices of an IR which may take so many bytes, as small as needed."""
    parts = partition(ir, replace(context, log=PlanLog()))
    seconds, ask = _seconds() / MOST_PLANS, context.kernel_memory
    plans = {
        name: plan_arena(part, seconds, room=room[name], ask=ask, sizes=Sizes(part, at_most=True))
        for name, part in parts.items()
        if name in room and name not in target.devices
    }
    return {name: plan for name, plan in plans.items() if plan is not None}


def _seconds() -> float:
    return SEARCH_SECONDS if options.current.memory_plan == "search" else 0.0


def _budgets(partitions: Mapping[str, IR], log: PlanLog) -> dict[str, tuple[int, int]]:
    """Return what a run may allocate on each device, and what it was planned to, in bytes."""
    planned = log.recomputation
    if planned is None or planned.budget is None:
        return {}
    if planned.devices:
        return {name: (budget, peak) for name, budget, peak in planned.devices}
    return dict.fromkeys(partitions, (planned.budget, planned.evaluation.peak))


def evaluate(part: IR, session: _native.Session) -> Sequence[Any]:
    """Run an IR without feeds on the host and return its fetches."""
    return native.load({HOST: part}, session).run(())


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
