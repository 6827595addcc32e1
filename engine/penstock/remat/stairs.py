"""Plans of budgets from the least to the plain peak, none worse than that of a smaller one.

Heuristics are erratic: a little more memory may mislead them. So a budget is given what was found
for all smaller steps, too. Each step is proposed for by itself; between steps, the best so far is
refined for the room that came with every landing. Steps and landings depend on the problem and
not on the budget asked for, so along them work never grows.
"""

from __future__ import annotations

from collections.abc import Callable

from penstock.remat.found import Found, better
from penstock.remat.problem import Problem
from penstock.remat.refine import refine

LANDINGS = 4  # to a step
NARROW = 1.5  # steps are narrower near the plain peak, where a plan should waste no room


class Stairs:
    """The best plan known at each landing, found from the lowest up when it is wanted."""

    def __init__(
        self,
        problem: Problem,
        ends: tuple[int, int],
        steps: int,
        propose: Callable[[int], Found | None],
    ) -> None:
        """Spread so many steps between the least and the plain peak; `propose` plans for one."""
        self.problem, self.propose = problem, propose
        low, high = ends
        count = steps * LANDINGS
        self.budgets = [
            high - int((high - low) * (k / count) ** NARROW) for k in range(count, 0, -1)
        ]
        self.found: list[Found | None] = []

    def best(self, budget: int) -> Found | None:
        """Return the best plan of the landings up to a budget, None where there is none."""
        below = sum(landing <= budget for landing in self.budgets)
        while len(self.found) < below:
            self.found.append(self._next(len(self.found)))
        return self.found[below - 1] if below else None

    def _next(self, landing: int) -> Found | None:
        budget = self.budgets[landing]
        best = self.found[-1] if self.found else None
        if best is not None:
            refined = refine(self.problem, best.needs, budget)
            best = better(best, best._replace(needs=refined), budget)
        if landing % LANDINGS == 0:
            best = better(best, self.propose(budget), budget)
        return best
