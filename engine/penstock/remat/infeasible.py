"""The error of a budget that no schedule was found for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from penstock.errors import ResourceExhaustedError
from penstock.graph.devices import short_name
from penstock.remat.problem import Problem


class Infeasible(ResourceExhaustedError):
    """No schedule fits a memory budget.

    Attributes: `budget`, `smallest` (the fewest bytes some schedule was found for) and
    `lower_bound` (no schedule of this order can need less). Between the two nothing is known.
    With budgets by device, these are of the one that lacks most, and `devices` has by short name
    budgets, none smaller than those given, that a plan was found for.
    """

    def __init__(
        self,
        budget: int,
        smallest: int,
        lower_bound: int,
        device: str = "",
        devices: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Say what was asked, and what is possible; of `device`, where there are several."""
        together = [f"{size:,} on {short_name(name)}" for name, size in devices.items()]
        super().__init__(
            None,
            None,
            f"no schedule fits a memory budget of {budget:,} bytes"
            f"{' on ' + short_name(device) if device else ''}: the smallest found needs"
            f" {smallest:,} bytes, and none can need less than {lower_bound:,}. Give at least"
            f" {smallest:,} bytes, or make the batch smaller"
            + (f". Budgets in bytes that work together: {', '.join(together)}" if together else ""),
        )
        self.budget = budget
        self.smallest = smallest
        self.lower_bound = lower_bound
        self.devices = {short_name(name): size for name, size in devices.items()}


def lower_bound(problem: Problem) -> int:
    """Return bytes no schedule can go below: the neediest task, beside what is kept by then."""
    least, kept = 0, 0
    values = problem.values
    for task in problem.tasks:
        held = {v for v in (*task.inputs, *task.outputs) if not values[v].external}
        taken = {v for out, v in task.in_place if values[out].bytes == values[v].bytes}
        needed = sum(values[v].bytes for v in held if not values[v].kept)
        given = sum(values[v].bytes for v in taken if not values[v].external)
        made = sum(values[v].bytes for v in task.outputs if values[v].kept)
        kept += made
        least = max(least, needed - given + kept + task.scratch)
    return least
