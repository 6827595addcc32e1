"""The readable account of a plan: what it keeps, what it makes again, and why.

Enters a plan; leaves lines of text. A value counts as kept when the backward pass, repetitions
included, reads what the forward pass made, and as made again when it reads a repetition. Times
follow from the costs that planning was given, which are estimates unless somebody measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.remat.evaluate import evaluate
from penstock.remat.infeasible import lower_bound
from penstock.remat.schedule import Free, plain_schedule

if TYPE_CHECKING:
    from penstock.remat.plan import Plan
    from penstock.remat.problem import Problem

SHOWN = 10
"""Lines of each list; what is left out is counted."""


class Use(NamedTuple):
    """How the backward pass gets a value: runs of its task, and repetitions of it that it reads."""

    value: int
    runs: int
    again: bool


def account(plan: Plan) -> str:
    """Return the account of a plan."""
    uses = backward_uses(plan)
    kept = [u for u in uses if not u.again]
    again = [u for u in uses if u.again]
    values = plan.problem.values
    lines = _summary(plan) + _guessed(plan) + _at_peak(plan)
    total = sum(values[u.value].bytes for u in kept)
    lines.append(f"kept for the backward pass: {len(kept)} values, {total:,} bytes")
    lines += _shortened([_kept(plan.problem, u) for u in _largest(plan.problem, kept)])
    if again:
        total = sum(values[u.value].bytes for u in again)
        lines.append(f"given up and made again: {len(again)} values, {total:,} bytes")
        lines += _shortened([_again(plan.problem, u) for u in _largest(plan.problem, again)])
    return "\n".join(lines)


def backward_uses(plan: Plan) -> list[Use]:
    """Return how each value of the forward pass gets to the backward pass, where it is read."""
    problem = plan.problem
    newest = [0] * len(problem.values)
    read: dict[int, bool] = {}
    for step in plan.schedule.computes:
        task = problem.tasks[step.task]
        if step.instance or not task.forward:
            for v in task.inputs:
                read[v] = read.get(v, False) or newest[v] > 0
        for v in task.outputs:
            newest[v] = step.instance
    made = ((v, problem.producer[v]) for v in sorted(read))
    return [Use(v, newest[v], read[v]) for v, t in made if t >= 0 and problem.tasks[t].forward]


def _summary(plan: Plan) -> list[str]:
    problem, result = plan.problem, plan.evaluation
    plain = evaluate(problem, plain_schedule(problem)).peak
    asked = "no budget" if plan.budget is None else f"budget {plan.budget:,} bytes"
    work = result.cost / problem.plain_cost if problem.plain_cost else 1.0
    proven = f", {plan.least_recomputed:.3f} is proven necessary" if plan.least_recomputed else ""
    return [
        f"strategy {plan.strategy}, {asked}",
        f"planned peak {result.peak:,} bytes, {result.peak / (plain or 1):.2f} of a plain run's"
        f" {plain:,}; none can need less than {lower_bound(problem):,}",
        f"recomputed {result.recomputed:.3f} of a forward pass in {plan.schedule.clones} clones"
        f"{proven}; about {work:.2f} of a plain run's time",
        *plan.memory,
    ]


def _guessed(plan: Plan) -> list[str]:
    if not plan.guessed:
        return []
    found = f"{len(plan.guessed)} values are of sizes that only a run tells, taken for small:"
    return [found, *_shortened([f"  {'':>14} {name}" for name in plan.guessed])]


def _at_peak(plan: Plan) -> list[str]:
    result, values = plan.evaluation, plan.problem.values
    if result.peak_step < 0:
        return []
    step = plan.schedule.steps[result.peak_step]
    name = "" if isinstance(step, Free) else plan.problem.tasks[step.task].name
    largest = sorted(result.live, key=lambda pair: (-values[pair[0]].bytes, pair))
    lines = [
        f"  {values[v].bytes:>14,} {values[v].name}" + (" (again)" if instance else "")
        for v, instance in largest
    ]
    return [f"peak at {name}, with in memory:", *_shortened(lines)]


def _kept(problem: Problem, use: Use) -> str:
    value = problem.values[use.value]
    task = problem.tasks[problem.producer[use.value]]
    if value.kept:
        why = "fetched"
    elif not task.recomputable:
        why = "has an effect or reads a variable: made once"
    else:
        why = f"would take {task.cost * 1e6:,.1f} us to make again"
    return f"  {value.bytes:>14,} {value.name}: {why}"


def _again(problem: Problem, use: Use) -> str:
    value = problem.values[use.value]
    task = problem.tasks[problem.producer[use.value]]
    return f"  {value.bytes:>14,} {value.name}: {use.runs}x, {task.cost * 1e6:,.1f} us each"


def _largest(problem: Problem, uses: list[Use]) -> list[Use]:
    return sorted(uses, key=lambda use: (-problem.values[use.value].bytes, use.value))


def _shortened(lines: list[str]) -> list[str]:
    left = len(lines) - SHOWN
    return lines if left <= 1 else [*lines[:SHOWN], f"  {'':>14} and {left} more"]
