"""The result of planning: a schedule, what it needs, and how good it is known to be."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.remat.evaluate import Evaluation
from penstock.remat.problem import Problem
from penstock.remat.schedule import Compute, Free, Schedule


@dataclass(frozen=True, slots=True)
class Plan:
    """A valid schedule with its evaluation.

    `strategy` names what made it. `least_recomputed` is a proven lower bound of r for the budget
    (0 when nothing better is known).
    """

    problem: Problem
    schedule: Schedule
    evaluation: Evaluation
    strategy: str
    budget: int | None = None
    least_recomputed: float = 0.0

    @property
    def dropped(self) -> tuple[int, ...]:
        """The values made more than once, ascending."""
        return tuple(
            sorted({v for c in self.schedule.computes if c.instance for v in self._outputs(c)})
        )

    def _outputs(self, step: Compute) -> tuple[int, ...]:
        return self.problem.tasks[step.task].outputs

    def explain(self) -> str:
        """Return a readable account: peak, r, the gap to the bound, what is made again."""
        problem, result = self.problem, self.evaluation
        asked = "no budget" if self.budget is None else f"budget {self.budget:,} bytes"
        lines = [
            f"strategy {self.strategy}, {asked}",
            f"planned peak {result.peak:,} bytes; recomputed {result.recomputed:.3f} of a forward"
            f" pass (bound {self.least_recomputed:.3f}) in {self.schedule.clones} clones",
        ]
        if result.peak_step >= 0:
            step = self.schedule.steps[result.peak_step]
            name = "" if isinstance(step, Free) else problem.tasks[step.task].name
            lines.append(f"peak at {name}, with in memory:")
        largest = sorted(result.live, key=lambda pair: (-problem.values[pair[0]].bytes, pair))
        for v, instance in largest[:10]:
            value = problem.values[v]
            lines.append(f"  {value.bytes:>14,} {value.name}" + (" (again)" if instance else ""))
        runs: dict[int, int] = {}
        for compute in self.schedule.computes:
            runs[compute.task] = compute.instance
        again = sorted((t for t, n in runs.items() if n), key=lambda t: -problem.tasks[t].cost)
        lines += [
            f"  made again {runs[t]}x: {problem.tasks[t].name} (cost {problem.tasks[t].cost:g})"
            for t in again[:20]
        ]
        return "\n".join(lines)
