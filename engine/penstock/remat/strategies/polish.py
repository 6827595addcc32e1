"""An optional solver's word on a small problem: a better schedule, or a proof that there is none.

The model has a stage for each original task. In a stage, any recomputable task before it may run
once more, in the given order; a value is carried into the next stage or not, and inside a stage it
is in memory from where it is available to where it is last wanted. In-place tables are left out,
which asks for more memory than the simulator will find. Needs the package `ortools` (the extra
`solvers`); without it nothing is done. With a time limit that is reached, plans may differ.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

from penstock.remat.problem import Problem

LARGEST = 120  # tasks
COST_STEPS = 100_000  # work is counted in this many parts of one pass


@dataclass(frozen=True, slots=True)
class Polished:
    """A sequence, or None, and a lower bound of the repeated work in units of task costs."""

    sequence: list[int] | None
    bound: float


def available() -> bool:
    """Return whether the solver is installed."""
    return importlib.util.find_spec("ortools") is not None


def polish(problem: Problem, hint: list[int] | None, budget: int, seconds: float) -> Polished:
    """Search from `hint` for at most `seconds` on one thread."""
    if not available() or len(problem.tasks) > LARGEST:
        return Polished(None, 0.0)
    cp_model = importlib.import_module("ortools.sat.python.cp_model")
    stages = _Stages(problem, cp_model.CpModel(), budget)
    if hint:
        stages.suggest(hint)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 1
    status = solver.solve(stages.model)
    bound = max(0.0, solver.best_objective_bound) / stages.scale
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Polished(None, bound)
    return Polished(stages.sequence(solver), bound)


class _Stages:
    """The variables: `again[s][t]`, task t runs in stage s; `carried[s][v]`, v is there before."""

    def __init__(self, problem: Problem, model: Any, budget: int) -> None:
        self.problem, self.model = problem, model
        count = len(problem.tasks)
        self.scale = COST_STEPS / (problem.plain_cost or 1.0)
        self.again: list[dict[int, Any]] = []
        self.carried: list[dict[int, Any]] = []
        for s in range(count):
            may = [t for t in range(s) if problem.tasks[t].recomputable]
            self.again.append({t: model.new_bool_var(f"r{s}.{t}") for t in may})
            self.again[s][s] = model.new_constant(1)
            made = [v for t in range(s) for v in problem.tasks[t].outputs]
            self.carried.append({v: model.new_bool_var(f"c{s}.{v}") for v in made})
        self.carried.append({})
        for s in range(count):
            self._follow(s)
            self._remember(s, budget)
        model.minimize(
            sum(
                round(problem.tasks[t].cost * self.scale) * run
                for s, runs in enumerate(self.again)
                for t, run in runs.items()
                if t != s
            )
        )

    def _there(self, s: int, v: int) -> list[Any]:
        """Return the variables one of which must hold for v to be there in stage s."""
        found = [self.carried[s][v]] if v in self.carried[s] else []
        maker = self.problem.producer[v]
        return found + ([self.again[s][maker]] if maker in self.again[s] else [])

    def _follow(self, s: int) -> None:
        """A task needs its inputs; what is carried on was there; kept values always are."""
        model, problem = self.model, self.problem
        for t, run in self.again[s].items():
            for v in problem.tasks[t].inputs:
                if not problem.values[v].external:
                    model.add_bool_or([run.Not(), *self._there(s, v)])
        for v, carried in self.carried[s + 1].items():
            model.add_bool_or([carried.Not(), *self._there(s, v)])
        for v, carried in self.carried[s].items():
            if problem.values[v].kept:
                model.add(carried == 1)

    def _remember(self, s: int, budget: int) -> None:
        """At each step of the stage, what is available and wanted later fits the budget."""
        model, problem = self.model, self.problem
        for t in sorted(self.again[s]):
            run, task = self.again[s][t], problem.tasks[t]
            terms = [(problem.values[v].bytes, run) for v in task.outputs]
            terms.append((task.scratch, run))
            for v in self.carried[s]:
                if problem.values[v].bytes and problem.producer[v] != t:
                    terms.append((problem.values[v].bytes, self._present(s, t, v)))
            for v in (v for v in task.outputs if v in self.carried[s]):
                waiting = model.new_bool_var("")
                model.add_bool_or([self.carried[s][v].Not(), *self._unless(s, t, v), waiting])
                terms.append((problem.values[v].bytes, waiting))
            model.add(sum(size * variable for size, variable in terms) <= budget)

    def _unless(self, s: int, t: int, v: int) -> list[Any]:
        """Return what makes a carried instance no burden: it is made anew right here."""
        return [self.again[s][t]] if v in self.problem.tasks[t].outputs else []

    def _present(self, s: int, t: int, v: int) -> Any:
        """Return a variable that must hold when v is in memory at step t of stage s."""
        model, problem = self.model, self.problem
        present = model.new_bool_var("")
        wants = [self.again[s][r] for r in problem.readers[v] if r >= t and r in self.again[s]]
        if v in self.carried[s + 1]:
            wants.append(self.carried[s + 1][v])
        sources = [self.carried[s][v]]
        if problem.producer[v] < t and problem.producer[v] in self.again[s]:
            sources.append(self.again[s][problem.producer[v]])
        for want in wants:
            for source in sources:
                model.add_bool_or([want.Not(), source.Not(), present])
        return present

    def suggest(self, hint: list[int]) -> None:
        """Hint the solver at the repetitions of a sequence."""
        run: set[int] = set()
        stage = 0
        chosen: set[tuple[int, int]] = set()
        waiting: list[int] = []
        for t in hint:
            if t in run:
                waiting.append(t)
                continue
            run.add(t)
            stage = t
            chosen |= {(stage, again) for again in waiting}
            waiting = []
        for s, runs in enumerate(self.again):
            for t, variable in runs.items():
                if t != s:
                    self.model.add_hint(variable, (s, t) in chosen)

    def sequence(self, solver: Any) -> list[int]:
        """Return the tasks in the solution's order."""
        return [
            t
            for s, runs in enumerate(self.again)
            for t in sorted(runs)
            if t == s or solver.value(runs[t])
        ]
