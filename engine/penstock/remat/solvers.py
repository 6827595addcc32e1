"""Two optional solvers behind one small model: OR-tools' CP-SAT, and HiGHS by way of SciPy.

A `Model` has yes-or-no variables, clauses (one literal of each must hold), sums of bytes that stay
within a limit, and a price to keep low. Literals are variable numbers from 1, negated for "not".
CP-SAT is asked where it is installed, for it is much faster; both come with the extra `solvers`.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from penstock import errors

BACKENDS = {"cp_sat": "ortools", "highs": "scipy"}


@dataclass
class Model:
    """What is asked. `derived` variables follow from the others, and need not be branched on."""

    limit: int
    variables: int = 0
    clauses: list[list[int]] = field(default_factory=list)
    sums: list[list[tuple[int, int]]] = field(default_factory=list)
    prices: dict[int, int] = field(default_factory=dict)
    derived: set[int] = field(default_factory=set)
    hints: dict[int, bool] = field(default_factory=dict)

    def variable(self, derived: bool = False) -> int:
        """Add a variable and return its number."""
        self.variables += 1
        if derived:
            self.derived.add(self.variables)
        return self.variables


@dataclass(frozen=True, slots=True)
class Answer:
    """Variables that hold (None without a solution), the least price known to be possible."""

    holds: frozenset[int] | None
    bound: float
    infeasible: bool = False


def installed() -> list[str]:
    """Return the names of the solvers that are there, the better one first."""
    return [name for name, module in BACKENDS.items() if importlib.util.find_spec(module)]


def solve(model: Model, seconds: float, backend: str | None = None) -> Answer:
    """Solve for at most so many seconds on one thread.

    Raises `FailedPreconditionError` when no solver is installed.
    """
    if not installed():
        raise errors.FailedPreconditionError(
            None,
            None,
            "solver_seconds asks for a solver, but neither OR-tools nor SciPy is installed:"
            ' pip install "penstock[solvers]", or leave solver_seconds at 0',
        )
    ask = {"cp_sat": _cp_sat, "highs": _highs}[backend or installed()[0]]
    return ask(model, seconds)


def _cp_sat(model: Model, seconds: float) -> Answer:
    cp_model = importlib.import_module("ortools.sat.python.cp_model")
    made = cp_model.CpModel()
    bools = [made.new_bool_var(str(i)) for i in range(model.variables)]

    def literal(number: int) -> Any:
        return bools[number - 1] if number > 0 else bools[-number - 1].Not()

    for clause in model.clauses:
        made.add_bool_or([literal(number) for number in clause])
    for terms in model.sums:
        made.add(sum(size * bools[v - 1] for size, v in terms) <= model.limit)
    for v, holds in model.hints.items():
        made.add_hint(bools[v - 1], holds)
    made.minimize(sum(price * bools[v - 1] for v, price in model.prices.items()))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 1
    status = solver.solve(made)
    bound = max(0.0, float(solver.best_objective_bound))
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(None, bound, status == cp_model.INFEASIBLE)
    true = [v for v in range(1, model.variables + 1) if solver.value(bools[v - 1])]
    return Answer(frozenset(true), bound)


def _highs(model: Model, seconds: float) -> Answer:
    optimize = importlib.import_module("scipy.optimize")
    sparse = importlib.import_module("scipy.sparse")
    rows: list[tuple[int, int, float]] = []
    least: list[float] = []
    for clause in model.clauses:
        rows += [(len(least), abs(n) - 1, 1.0 if n > 0 else -1.0) for n in clause]
        least.append(1.0 - sum(n < 0 for n in clause))
    for terms in model.sums:
        scale = max((size for size, _ in terms), default=1) or 1
        total: dict[int, int] = {}
        for size, v in terms:
            total[v] = total.get(v, 0) + size
        rows += [(len(least), v - 1, -size / scale) for v, size in total.items()]
        least.append(-model.limit / scale)
    row, column, value = zip(*rows, strict=True)
    matrix = sparse.coo_array((value, (row, column)), shape=(len(least), model.variables)).tocsr()
    prices = np.zeros(model.variables)
    for v, price in model.prices.items():
        prices[v - 1] = price
    whole = np.ones(model.variables)
    whole[[v - 1 for v in model.derived]] = 0
    found = optimize.milp(
        prices,
        constraints=optimize.LinearConstraint(matrix, lb=np.array(least)),
        integrality=whole,
        bounds=optimize.Bounds(0, 1),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    bound = max(0.0, float(found.mip_dual_bound or 0.0))
    if found.x is None:
        return Answer(None, bound, found.status == 2)
    return Answer(frozenset((np.flatnonzero(found.x > 0.5) + 1).tolist()), bound)
