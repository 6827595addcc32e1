"""The result of planning: a schedule, what it needs, and how good it is known to be."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.remat.account import account
from penstock.remat.evaluate import Evaluation
from penstock.remat.problem import Problem
from penstock.remat.schedule import Compute, Schedule


@dataclass(frozen=True, slots=True)
class Plan:
    """A valid schedule with its evaluation.

    `strategy` names what made it. `least_recomputed` is a proven lower bound of r for the budget
    (0 when nothing better is known). `devices` tells (name, budget, planned peak) of each device
    with a budget, where there are several. `guessed` names values whose size was not known.
    `memory` are lines about planned memory, where that was asked for; the planned peak is then the
    one with it.
    """

    problem: Problem
    schedule: Schedule
    evaluation: Evaluation
    strategy: str
    budget: int | None = None
    least_recomputed: float = 0.0
    devices: tuple[tuple[str, int, int], ...] = ()
    guessed: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()

    @property
    def dropped(self) -> tuple[int, ...]:
        """The values made more than once, ascending."""
        return tuple(
            sorted({v for c in self.schedule.computes if c.instance for v in self._outputs(c)})
        )

    def _outputs(self, step: Compute) -> tuple[int, ...]:
        return self.problem.tasks[step.task].outputs

    def explain(self) -> str:
        """Return a readable account: peak, r, the gaps to bounds, what is kept and made again."""
        return account(self)
