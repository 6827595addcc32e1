"""Request → plan: which strategy makes the schedule of a run."""

from __future__ import annotations

from dataclasses import replace

from penstock.memory.kernel_memory import allocated
from penstock.ops.redraw import HALVES
from penstock.remat.joint import Joint
from penstock.remat.options import PlanOptions
from penstock.remat.plan import Plan
from penstock.remat.portfolio import plan_budget, plan_of
from penstock.remat.requests import Request
from penstock.remat.schedule import plain_schedule
from penstock.remat.strategies.keep_values import keep_values
from penstock.remat.strategies.memory import memory

MINIMUM_BYTES = 4096
"""Smaller values are not worth being a checkpoint of the strategy `memory`."""

_PLACE_BYTES = 24

_WORK = frozenset({"MatMul", "BatchMatMul", "BatchMatMulV2", "Conv2D", "DepthwiseConv2dNative"})


def choose(joint: Joint, request: Request) -> Plan:
    """Return the plan for what the gradient calls asked.

    A budget is met or `Infeasible` raised. Listed tensors and regions are taken at their word; a
    named strategy that would hold more than a plain run gives way to it.
    """
    problem = joint.problem
    if request.budget is not None:
        return _within(joint, request.budget)
    keep = set(range(len(problem.values)))
    name = "regions"
    if request.keep is not None:
        name = "collection"
        keep = {joint.value_of[e] for e in request.keep if e in joint.value_of}
    elif request.strategy == "speed":
        name = "speed"
        keep = {joint.value_of[node.name, 0] for node in joint.tasks if node.op in _WORK}
    elif request.strategy == "memory":
        schedule = memory(problem, None, PlanOptions(minimum_bytes=MINIMUM_BYTES))
        return plan_of(problem, schedule, "memory")
    if request.regions:
        keep -= inside_regions(joint)
    plan = plan_of(problem, keep_values(problem, keep), name)
    if name == "speed" and not request.regions:
        plain = plan_of(problem, plain_schedule(problem), "plain")
        if plain.evaluation.peak <= plan.evaluation.peak:
            return plain
    return plan


def _within(joint: Joint, budget: int) -> Plan:
    """Return a plan for a budget; where it draws again, with room for the places in streams."""
    plan = plan_budget(joint.problem, budget)
    again = {step.task for step in plan.schedule.computes if step.instance}
    if not any(joint.tasks[t].op in HALVES for t in again):
        return plan
    places = sum(node.op in HALVES for node in joint.tasks) * allocated(_PLACE_BYTES)
    if plan.evaluation.peak + places <= budget:
        return plan
    return replace(plan_budget(joint.problem, budget - places), budget=budget)


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
