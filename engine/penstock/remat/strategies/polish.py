"""An optional solver's word on a small problem: a better schedule, or a proof that there is none.

The model has a stage for each original task. In a stage, any recomputable task before it may run
once more, in the given order; a value is carried into the next stage or not, and inside a stage it
is in memory from where it is available to where it is last wanted. In-place tables are left out,
which asks for more memory than the simulator will find. Needs a solver (`solvers`). With a time
limit that is reached, plans may differ.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from penstock.remat.problem import Problem
from penstock.remat.solvers import Model, solve

LARGEST = 120  # tasks
COST_STEPS = 100_000  # work is counted in this many parts of one pass


@dataclass(frozen=True, slots=True)
class Polished:
    """A sequence, or None, and a lower bound of the repeated work in units of task costs.

    `infeasible`: it was proven that nothing fits.
    """

    sequence: list[int] | None
    bound: float
    infeasible: bool = False


def polish(
    problem: Problem,
    hint: list[int] | None,
    budget: int,
    seconds: float,
    backend: str | None = None,
) -> Polished:
    """Search from `hint` for at most `seconds` on one thread; `backend` names a solver.

    Larger problems than LARGEST tasks are left alone. Raises `FailedPreconditionError` when no
    solver is installed.
    """
    if len(problem.tasks) > LARGEST:
        return Polished(None, 0.0)
    stages = _Stages(problem, budget)
    if hint:
        stages.suggest(hint)
    answer = solve(stages.model, seconds, backend)
    bound = answer.bound / stages.scale
    if answer.holds is None:
        return Polished(None, bound, answer.infeasible)
    return Polished(stages.sequence(answer.holds), bound)


class _Stages:
    """The variables: `again[s][t]`, task t runs in stage s; `carried[s][v]`, v is there before."""

    def __init__(self, problem: Problem, budget: int) -> None:
        self.problem = problem
        model = self.model = Model(budget)
        count = len(problem.tasks)
        self.scale = COST_STEPS / (problem.plain_cost or 1.0)
        self.again: list[dict[int, int]] = []
        self.carried: list[dict[int, int]] = []
        for s in range(count):
            may = [t for t in range(s) if problem.tasks[t].recomputable]
            self.again.append({t: model.variable() for t in may})
            model.prices |= {
                run: round(problem.tasks[t].cost * self.scale) for t, run in self.again[s].items()
            }
            self.again[s][s] = model.variable()
            model.clauses.append([self.again[s][s]])
            made = [v for t in range(s) for v in problem.tasks[t].outputs]
            self.carried.append({v: model.variable() for v in made})
        self.carried.append({})
        for s in range(count):
            self._follow(s)
            self._remember(s)

    def _there(self, s: int, v: int) -> list[int]:
        """Return the variables one of which must hold for v to be there in stage s."""
        found = [self.carried[s][v]] if v in self.carried[s] else []
        maker = self.problem.producer[v]
        return found + ([self.again[s][maker]] if maker in self.again[s] else [])

    def _follow(self, s: int) -> None:
        """A task needs its inputs; what is carried on was there; kept values always are."""
        clauses, problem = self.model.clauses, self.problem
        for t, run in self.again[s].items():
            for v in problem.tasks[t].inputs:
                if not problem.values[v].external:
                    clauses.append([-run, *self._there(s, v)])
        for v, carried in self.carried[s + 1].items():
            clauses.append([-carried, *self._there(s, v)])
        clauses += [[on] for v, on in self.carried[s].items() if problem.values[v].kept]

    def _remember(self, s: int) -> None:
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
                waiting = model.variable(derived=True)
                model.clauses.append([-self.carried[s][v], run, waiting])
                terms.append((problem.values[v].bytes, waiting))
            model.sums.append(terms)

    def _present(self, s: int, t: int, v: int) -> int:
        """Return a variable that must hold when v is in memory at step t of stage s."""
        problem = self.problem
        present = self.model.variable(derived=True)
        wants = [self.again[s][r] for r in problem.readers[v] if r >= t and r in self.again[s]]
        if v in self.carried[s + 1]:
            wants.append(self.carried[s + 1][v])
        sources = [self.carried[s][v]]
        if problem.producer[v] < t and problem.producer[v] in self.again[s]:
            sources.append(self.again[s][problem.producer[v]])
        self.model.clauses += [[-want, -source, present] for want in wants for source in sources]
        return present

    def suggest(self, hint: list[int]) -> None:
        """Hint the solver at the repetitions of a sequence."""
        run: set[int] = set()
        chosen: set[tuple[int, int]] = set()
        waiting: list[int] = []
        for t in hint:
            if t in run:
                waiting.append(t)
                continue
            run.add(t)
            chosen |= {(t, again) for again in waiting}
            waiting = []
        for s, runs in enumerate(self.again):
            self.model.hints |= {on: (s, t) in chosen for t, on in runs.items() if t != s}

    def sequence(self, holds: Collection[int]) -> list[int]:
        """Return the tasks in the solution's order."""
        return [
            t
            for s, runs in enumerate(self.again)
            for t in sorted(runs)
            if t == s or runs[t] in holds
        ]
