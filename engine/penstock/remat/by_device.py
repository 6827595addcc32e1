"""A budget for each of several devices: planned as one memory, judged device by device.

Enters: a joint graph whose nodes have devices, and a budget for some of these. Leaves: a plan
within all of them. The strategies know one memory. So bytes are weighed, those of a device with
little room the most, added up, and planned to ever less until each device's own bytes are within
its budget; the first plan that is wins. A value counts on the device that makes it for as long as
anybody reads it, and, where memories are apart, on the devices of its readers, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from penstock.remat.evaluate import Evaluation, evaluate
from penstock.remat.infeasible import Infeasible, lower_bound
from penstock.remat.joint import Joint
from penstock.remat.options import PlanOptions
from penstock.remat.plan import Plan
from penstock.remat.portfolio import Planner, plan_budget
from penstock.remat.problem import Problem
from penstock.remat.schedule import Schedule
from penstock.simulate.machine import device_type

STEPS = 6
"""How many sums are tried between what a plain run needs and what fits on any device."""


def plan_by_device(joint: Joint, budgets: Mapping[str, int], solver_seconds: float = 0.0) -> Plan:
    """Return a plan within `budgets`, bytes by full device name. Raises `Infeasible`."""
    there = {node.device for node in joint.tasks}
    bounded = {name: budget for name, budget in budgets.items() if name in there}
    if not bounded:
        return replace(plan_budget(joint.problem, 1 << 60), strategy="plain")
    tight = min(bounded.values())
    parts = {name: _part(joint, {name: 1.0}) for name in bounded}
    weighed = _part(joint, {name: tight / budget for name, budget in bounded.items()})
    options = PlanOptions(smallest=False, solver_seconds=solver_seconds)
    planner = Planner(weighed, options)
    plain = planner.plan(1 << 60)
    total = max(plain.evaluation.peak, tight)
    best: dict[str, Evaluation] = {}
    for step in range(STEPS + 1):
        try:
            aim = int(total * (tight / total) ** (step / STEPS))
            plan = plain if step == 0 else planner.plan(aim)
        except Infeasible:
            break
        best = _peaks(parts, joint, plan.schedule)
        if all(best[name].peak <= bounded[name] for name in bounded):
            return _told(joint, plan, bounded, best)
    worst = max(bounded, key=lambda name: best[name].peak / bounded[name])
    raise Infeasible(bounded[worst], best[worst].peak, lower_bound(parts[worst]), worst)


def _told(
    joint: Joint, plan: Plan, budgets: Mapping[str, int], peaks: Mapping[str, Evaluation]
) -> Plan:
    """Return the plan of the whole problem."""
    devices = tuple((name, budgets[name], peaks[name].peak) for name in budgets)
    whole = evaluate(joint.problem, plan.schedule)
    return replace(
        plan, problem=joint.problem, evaluation=whole, budget=sum(budgets.values()), devices=devices
    )


def _peaks(parts: Mapping[str, Problem], joint: Joint, schedule: Schedule) -> dict[str, Evaluation]:
    copies = joint.copied(schedule)
    found = {name: evaluate(part, schedule) for name, part in parts.items()}
    return {name: replace(e, peak=e.peak + copies) for name, e in found.items()}


def _part(joint: Joint, weights: Mapping[str, float]) -> Problem:
    """Return the problem in which a device's bytes have its weight; other devices' are none."""
    problem = joint.problem
    factors = [0.0] * len(problem.values)
    for v, producer in enumerate(problem.producer):
        readers = [joint.tasks[t].device for t in problem.readers[v]]
        made_on = joint.tasks[producer].device if producer >= 0 else ""
        apart = [name for name in readers if not _same_memory(name, made_on)]
        factors[v] = sum(weights.get(name, 0.0) for name in dict.fromkeys([made_on, *apart]))
    values = tuple(
        replace(value, bytes=-int(-value.bytes * factor // 1))
        for value, factor in zip(problem.values, factors, strict=True)
    )
    fed = sum(joint.fed.get(name, 0) * weight for name, weight in weights.items())
    tasks = tuple(
        replace(task, scratch=-int(-(fed + task.scratch * weights.get(node.device, 0.0)) // 1))
        for task, node in zip(problem.tasks, joint.tasks, strict=True)
    )
    return Problem(tasks, values)


def _same_memory(one: str, other: str) -> bool:
    return one == other or device_type(one) == device_type(other) == "CPU"
