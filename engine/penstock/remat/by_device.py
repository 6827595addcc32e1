"""A budget for each of several devices: planned as one memory, judged device by device.

Enters: a joint graph whose nodes have devices, and a budget for some of these. Leaves: a plan
within all of them. The strategies know one memory. So bytes are weighed, those of a device with
little room the most, added up, and planned to ever less until each device's own bytes are within
its budget. Where that does not lead there, the devices that were over weigh more in the next round;
last, small problems are searched with every device's own bytes at hand. A value counts on the
device that makes it for as long as anybody reads it, and, where memories are apart, on the devices
of its readers, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from penstock.remat.arrays import Ints
from penstock.remat.evaluate import evaluate
from penstock.remat.infeasible import Infeasible, lower_bound
from penstock.remat.joint import Joint
from penstock.remat.measure import Measured, measure
from penstock.remat.options import PlanOptions
from penstock.remat.plan import Plan
from penstock.remat.portfolio import Planner, plan_of
from penstock.remat.problem import Problem
from penstock.remat.repeating import SEARCHED
from penstock.remat.schedule import place_frees
from penstock.remat.search import local_search
from penstock.remat.unseen import unseen_bytes
from penstock.simulate.machine import device_type

STEPS = 6
"""How many sums are tried between what a plain run needs and what fits on any device."""

ROUNDS, ROUNDS_OF_LARGE = 6, 3
"""How often devices are weighed, at most; less often where a problem is too large to search."""

AGAIN = (2, 4, 6)
"""The sums that are tried once more when devices weigh otherwise."""

STARTS = 3
"""From how many plans, those closest to the budgets, the last search begins."""

TOLD = 2
"""How often budgets that a refusal is about to tell of are tried, before a plain run's are told;
once where a problem is too large to search."""


def plan_by_device(joint: Joint, budgets: Mapping[str, int], solver_seconds: float = 0.0) -> Plan:
    """Return a plan within `budgets`, bytes by full device name. Raises `Infeasible`."""
    there = {node.device for node in joint.tasks}
    bounded = {name: budget for name, budget in budgets.items() if name in there}
    options = PlanOptions(smallest=False, solver_seconds=solver_seconds)
    if not bounded:
        return replace(Planner(joint.problem, options).plan(1 << 60), strategy="plain")
    search = _Search(joint, bounded, options)
    plan = None if search.hopeless else search.best()
    if plan is not None:
        return plan
    worst = search.worst
    smallest = _that_work(search, options)
    bound = lower_bound(search.parts[worst])
    raise Infeasible(bounded[worst], smallest[worst], bound, worst, smallest)


def _that_work(search: _Search, options: PlanOptions) -> dict[str, int]:
    """Return budgets, none smaller than those asked for, that a plan was found for."""
    for _ in range(TOLD if search.small or search.hopeless else 1):
        budgets = search.possible() if search.hopeless else search.needed()
        search = _Search(search.joint, budgets, options)
        if search.best() is not None:
            return budgets
    return {name: max(search.budgets[name], peak) for name, peak in search.plain.items()}


class _Search:
    """The plans tried for a joint graph and budgets, and how close each of them came."""

    def __init__(self, joint: Joint, budgets: Mapping[str, int], options: PlanOptions) -> None:
        self.joint, self.budgets, self.options = joint, budgets, options
        self.parts = {name: _part(joint, {name: 1.0}) for name in budgets}
        self.tight = min(budgets.values())
        self.tried: list[tuple[float, Plan, dict[str, int]]] = []
        self.plain: dict[str, int] = {}

    def best(self) -> Plan | None:
        """Return the plan with the least work that keeps all budgets, or None."""
        weights = {name: self.tight / budget for name, budget in self.budgets.items()}
        options, steps = self.options, tuple(range(STEPS + 1))
        for _ in range(ROUNDS if self.small else ROUNDS_OF_LARGE):
            planner = Planner(_part(self.joint, weights), options)
            plan, ratios = self._weighed(planner, steps)
            if plan is not None:
                return plan
            weights = {name: weight * ratios[name] ** 2 for name, weight in weights.items()}
            most = max(weights[name] * self.budgets[name] for name in weights)
            weights = {name: weight * self.tight / most for name, weight in weights.items()}
            options, steps = replace(options, search_steps=0), AGAIN
        return self._searched() if self.small else None

    @property
    def hopeless(self) -> bool:
        """Whether a task alone needs more on its device than the budget."""
        return any(lower_bound(part) > self.budgets[name] for name, part in self.parts.items())

    @property
    def small(self) -> bool:
        """Whether the problem is small enough to be searched bit by bit."""
        return len(self.joint.tasks) <= SEARCHED

    @property
    def worst(self) -> str:
        """The device that the plan which came closest needs the most of, for what it has."""
        peaks = self.possible() if self.hopeless else self.needed()
        return max(peaks, key=lambda name: peaks[name] / self.budgets[name])

    def needed(self) -> dict[str, int]:
        """Return what the plan that came closest needs where it is more than was given."""
        _, _, peaks = min(self.tried, key=lambda tried: tried[0])
        return {name: max(budget, peaks[name]) for name, budget in self.budgets.items()}

    def possible(self) -> dict[str, int]:
        """Return the budgets, each raised to what its device needs for one task."""
        return {n: max(b, lower_bound(self.parts[n])) for n, b in self.budgets.items()}

    def _weighed(
        self, planner: Planner, steps: Iterable[int]
    ) -> tuple[Plan | None, dict[str, float]]:
        """Return a plan that keeps the budgets, or how far the closest one was over them."""
        closest: tuple[float, dict[str, int]] | None = None
        for plan in self._descending(planner, steps):
            over, peaks = self._judged(plan)
            if over <= 1.0:
                return self._told(plan, peaks), {}
            if closest is None or over < closest[0]:
                closest = over, peaks
        assert closest is not None
        return None, {name: peak / self.budgets[name] for name, peak in closest[1].items()}

    def _descending(self, planner: Planner, steps: Iterable[int]) -> Iterator[Plan]:
        """Yield plans of ever less memory, that of step 0 the plain one, the smallest last."""
        total = max(planner.plain.peak, self.tight)
        for step in steps:
            try:
                aim = int(total * (self.tight / total) ** (step / STEPS))
                yield planner.plan(aim if step else 1 << 60)
            except Infeasible:
                yield planner.made(planner.in_given_order(planner.inner.least))
                return

    def _judged(self, plan: Plan) -> tuple[float, dict[str, int]]:
        """Return how far a plan is over the budgets, as a factor, and its peaks."""
        beside = unseen_bytes(self.joint, plan.schedule)
        peaks = {n: evaluate(p, plan.schedule).peak + beside for n, p in self.parts.items()}
        self.plain = self.plain or peaks
        over = max(peak / self.budgets[name] for name, peak in peaks.items())
        self.tried.append((over, plan, peaks))
        return over, peaks

    def _told(self, plan: Plan, peaks: Mapping[str, int]) -> Plan:
        """Return the plan of the whole problem."""
        devices = tuple((name, budget, peaks[name]) for name, budget in self.budgets.items())
        whole = evaluate(self.joint.problem, plan.schedule)
        total = sum(self.budgets.values())
        problem = self.joint.problem
        return replace(plan, problem=problem, evaluation=whole, budget=total, devices=devices)

    def _searched(self) -> Plan | None:
        """Change the closest plans bit by bit, looking at each device by itself."""
        for _, plan, _ in sorted(self.tried, key=lambda tried: tried[0])[:STARTS]:
            runs = [step.task for step in plan.schedule.computes]
            start = self._measured(self.joint.problem, runs)
            steps = self.options.search_steps
            needs = local_search(self.joint.problem, start, self.tight, steps, self._measured)
            schedule = place_frees(self.joint.problem, needs.sequence.tolist())
            made = plan_of(self.joint.problem, schedule, f"{plan.strategy} + search")
            over, peaks = self._judged(made)
            if over <= 1.0:
                return self._told(made, peaks)
        return None

    def _measured(self, problem: Problem, sequence: Sequence[int] | Ints) -> Measured:
        """Return the figures of a sequence, bytes those of the device that is closest to its end.

        They are scaled so that each device's budget is the tightest one.
        """
        found = {name: measure(part, sequence) for name, part in self.parts.items()}
        scaled = [f.profile * (self.tight / self.budgets[name]) for name, f in found.items()]
        profile = np.ceil(np.maximum.reduce(scaled)).astype(np.int64)
        first = next(iter(found.values()))
        return replace(first, profile=profile, peak=int(profile.max(initial=0)))


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
