"""Request → plan: which strategy makes the schedule of a run."""

from __future__ import annotations

from dataclasses import replace

from penstock.graph.devices import full_name
from penstock.remat.by_device import plan_by_device
from penstock.remat.infeasible import Infeasible
from penstock.remat.joint import Joint
from penstock.remat.options import PlanOptions
from penstock.remat.plan import Plan
from penstock.remat.portfolio import Planner, plan_of
from penstock.remat.repeating import SEARCHED
from penstock.remat.requests import Request
from penstock.remat.strategies.keep_values import keep_values
from penstock.remat.strategies.memory import memory
from penstock.remat.strategies.speed import DEAR, speed
from penstock.remat.unseen import stream_bytes, unseen_bytes

NEARBY = 4  # plans of smaller budgets, where a problem is small enough to search

MINIMUM_BYTES = 4096
"""Smaller values are not worth being a checkpoint of the strategy `memory`."""


def budgets_of(joint: Joint, request: Request) -> dict[str, int]:
    """Return the budgets of the devices that have tasks, by full name."""
    given = dict(request.budgets)
    names = {full_name(node.device) for node in joint.tasks} or {full_name("")}
    least = {name: [*filter(None, (request.budget, given.get(name)))] for name in sorted(names)}
    return {name: min(budgets) for name, budgets in least.items() if budgets}


def choose(
    joint: Joint, request: Request, solver_seconds: float = 0.0, planner: Planner | None = None
) -> Plan:
    """Return the plan for what the gradient calls asked.

    A budget is met or `Infeasible` raised; a solver may work on it for `solver_seconds`. Listed
    tensors and regions are taken at their word; a named strategy that would hold more than a plain
    run gives way to it. `planner`, of the same problem, knows what earlier calls found out.
    """
    problem = joint.problem
    devices = dict.fromkeys(node.device for node in joint.tasks)
    if request.bounded and len(devices) > 1:
        everywhere = {} if request.budget is None else dict.fromkeys(devices, request.budget)
        given = dict(request.budgets)
        least = {d: min(b, given.get(d, b)) for d, b in everywhere.items()}
        return plan_by_device(joint, {**given, **least}, solver_seconds)
    if request.bounded:
        only = full_name(next(iter(devices), ""))
        found = [b for d, b in request.budgets if d == only]
        planner = planner or Planner(problem, PlanOptions(solver_seconds=solver_seconds))
        return _within(joint, min([*found, request.budget or 1 << 60]), planner)
    if request.keep is not None:
        keep = {joint.value_of[e] for e in request.keep if e in joint.value_of}
        name = "collection"
    elif request.strategy == "speed":
        name, keep = "speed", {joint.value_of[n.name, 0] for n in joint.tasks if n.op in DEAR}
    elif request.strategy == "memory":
        options = PlanOptions(minimum_bytes=MINIMUM_BYTES)
        return plan_of(problem, memory(problem, None, options), "memory")
    else:
        name, keep = "regions", set(range(len(problem.values)))
    if request.regions:
        keep -= inside_regions(joint)
    elif name == "speed":
        options = PlanOptions(keep=frozenset(keep))
        return plan_of(problem, speed(problem, None, options), "speed")
    plan = plan_of(problem, keep_values(problem, keep), name)
    return _last_segment_kept(plan, keep) if name != "regions" and keep else plan


def _within(joint: Joint, budget: int, planner: Planner) -> Plan:
    """Return a plan within a budget, with what the problem cannot know of counted.

    That is room for the places in streams where a plan draws again, and copies of variables that
    are read after an update. A plan a little smaller may do without: a few are tried first.
    """
    aside = beside = 0
    room = budget
    tries = NEARBY if len(joint.problem.tasks) <= SEARCHED else 0
    try:
        while True:
            plan = planner.plan(room)
            unknown = unseen_bytes(joint, plan.schedule)
            peak = plan.evaluation.peak + unknown
            if peak <= budget:
                counted = replace(plan.evaluation, peak=peak)
                return replace(plan, budget=budget, evaluation=counted)
            beside = max(beside, unknown)
            if tries:
                tries -= 1
                room = plan.evaluation.peak - 1
            else:
                aside += unknown
                room = budget - aside
    except Infeasible as error:
        aside = max(aside, beside, stream_bytes(joint))
        raise Infeasible(budget, error.smallest + aside, error.lower_bound) from None


def _last_segment_kept(plan: Plan, keep: set[int]) -> Plan:
    """Return the plan that keeps what the backward pass wants first, if it needs no more memory.

    That is brought back before anything of it is gone: dropping it was for nothing.
    """
    runs = plan.schedule.computes
    clones = [step.instance > 0 for step in runs]
    begins = clones.index(True) if True in clones else len(runs)
    ends = clones.index(False, begins) if False in clones[begins:] else len(runs)
    tasks = plan.problem.tasks
    first = {v for step in runs[begins:ends] for v in tasks[step.task].outputs}
    kept = plan_of(plan.problem, keep_values(plan.problem, keep | first), plan.strategy)
    return kept if kept.evaluation.peak <= plan.evaluation.peak else plan


def inside_regions(joint: Joint) -> set[int]:
    """Return the values made in a region that no forward node outside of it reads."""
    problem = joint.problem
    region = [node.attrs.get("_recompute") for node in joint.tasks]
    inside: set[int] = set()
    for v, t in enumerate(problem.producer):
        if t < 0 or region[t] is None or not problem.tasks[t].forward:
            continue
        readers = [r for r in problem.readers[v] if problem.tasks[r].forward]
        if readers and all(region[r] == region[t] for r in readers):
            inside.add(v)
    return inside
