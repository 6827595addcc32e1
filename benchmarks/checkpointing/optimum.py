"""Plans against proven optima: random graphs of at most 40 tasks, budgets 0.6, 0.75, 0.9 of plain.

`python -m benchmarks.checkpointing.optimum [--graphs 50 --seconds 60]` prints the ratio of a plan's
whole work to the optimum that a solver proves, mean and worst, for plans without a solver and with
one of ten seconds, and whether every budget from 1.05 of the least memory on is met. Needs the
extra `solvers`. In-place tables are left out, for the solver's model knows none. Budgets for which
the solver proves nothing in its time are told apart: there plans are held against the best known.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, field, replace
from statistics import mean

from benchmarks.checkpointing.networks import Net
from penstock.remat.measure import measure
from penstock.remat.options import PlanOptions
from penstock.remat.portfolio import Planner
from penstock.remat.problem import Problem
from penstock.remat.strategies.polish import polish

PARTS = (0.6, 0.75, 0.9)
OPERATIONS = (6, 14)  # of the forward graph; tasks are about three times as many


def graph(seed: int) -> Problem:
    """Return a random graph with its gradients, at most 40 tasks, without in-place tables."""
    dice = random.Random(seed)
    operations = dice.randint(*OPERATIONS)
    while True:
        problem = _graph(dice, operations)
        if len(problem.tasks) <= 40:
            return problem
        operations -= 1


def _graph(dice: random.Random, operations: int) -> Problem:
    net = Net()
    values = [net.feed("x", dice.randint(1, 4))]
    for i in range(operations):
        inputs = {values[-1]}
        if i and dice.random() < 0.4:
            inputs.add(dice.choice(values[-4:]))
        saves = dice.choice(["in", "out", "in out", ""])
        work = float(dice.choice([1, 1, 2, 5, 10]))
        values.append(net.op(f"op{i}", work, dice.randint(1, 6), tuple(sorted(inputs)), saves))
    problem = net.problem()
    return Problem(tuple(replace(t, in_place=()) for t in problem.tasks), problem.values)


@dataclass
class Score:
    """What was found for the budgets so far."""

    plain: list[float] = field(default_factory=list)
    solved: list[float] = field(default_factory=list)
    unproven: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, name: str, problem: Problem, budget: int, seconds: float) -> None:
        """Plan for a budget, and judge by the solver."""
        found = Planner(problem).find(budget)
        hint = found.needs.sequence.tolist() if found else None
        judge = polish(problem, hint, budget, seconds)
        if judge.infeasible:
            return
        costs = [found.needs.cost] if found else []
        if judge.sequence:
            costs.append(measure(problem, judge.sequence).cost)
        if not costs or found is None:
            if costs:
                self.missed.append(name)
            return
        optimum, ten = min(costs), found.needs.cost
        if optimum > (problem.plain_cost + judge.bound) * 1.0005:
            self.unproven.append(ten / optimum)
            return
        self.plain.append(ten / optimum)
        if ten > optimum:
            better = Planner(problem, PlanOptions(solver_seconds=10.0)).find(budget)
            ten = better.needs.cost if better else ten
        self.solved.append(ten / optimum)


def least_memory(problem: Problem, seconds: float) -> int:
    """Return the least budget that the solver does not prove to be too small."""
    low, high = 0, Planner(problem).smallest()
    while low < high:
        middle = (low + high) // 2
        if polish(problem, None, middle, seconds).infeasible:
            low = middle + 1
        else:
            high = middle
    return high


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    score, tight = Score(), 0
    for seed in range(asked.graphs):
        problem = graph(seed)
        peak = measure(problem, range(len(problem.tasks))).peak
        for part in PARTS:
            score.add(f"graph {seed} at {part}", problem, int(peak * part), asked.seconds)
        budget = -(-least_memory(problem, asked.seconds) * 21 // 20)
        tight += Planner(problem).find(budget) is None
        print(f"{seed}: {len(problem.tasks)} tasks, {score.plain[-3:]}, missed {tight}", flush=True)
    rows = {
        "without a solver": score.plain,
        "with ten seconds": score.solved,
        "without a solver, against the best known where nothing was proven": score.unproven,
    }
    for name, ratios in ((name, ratios) for name, ratios in rows.items() if ratios):
        print(f"{name}: {len(ratios)} plans, mean {mean(ratios):.4f}, worst {max(ratios):.4f}")
    print(f"feasible but not found: {score.missed}")
    print(f"1.05 of the least memory not met: {tight} of {asked.graphs}")


if __name__ == "__main__":
    main()
