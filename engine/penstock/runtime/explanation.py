"""What `Session.explain_plan` returns: what each pass did to which node, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from penstock.graph.ir import IR
from penstock.graph.viewer import viewer
from penstock.passes.context import Note, PlanLog
from penstock.runtime.stretches import Loaded

if TYPE_CHECKING:
    from penstock.view.view import View


class PlanExplanation:
    """A plan told pass by pass. Print it, or look at `notes`, `counts` and `ir`.

    `notes` are (stage, action, node, reason); `counts` how many nodes there were after each
    stage; `ir` is what runs. `recomputation` is the schedule where gradients do not keep everything
    (its `explain()` tells the planned peak and what is computed again), None otherwise.
    `stretches` are the nodes that a device runs as one (device, nodes, and `state()`: how often
    they were captured and replayed, or why no more).
    """

    def __init__(
        self,
        ir: IR,
        log: PlanLog,
        make_again: Callable[[], PlanLog],
        stretches: Sequence[Loaded] = (),
    ) -> None:
        """Take the finished IR, the log that the passes filled, and how to get one with stages."""
        self._make_again = make_again
        self.stretches = list(stretches)
        self.ir = ir
        self.notes: list[Note] = list(log.notes)
        self.counts: list[tuple[str, int]] = list(log.counts)
        self.recomputation = log.recomputation

    def summary(self) -> str:
        """Return one line a stage: nodes left, and how many were changed in which way."""
        lines = []
        for stage, count in self.counts:
            actions = Counter(n.action for n in self.notes if n.stage == stage)
            did = ", ".join(f"{number} {action}" for action, number in sorted(actions.items()))
            lines.append(f"{stage:18} {count:6} nodes" + (f"   {did}" if did else ""))
        return "\n".join(lines)

    def of(self, node: str) -> list[Note]:
        """Return what happened to one node."""
        return [n for n in self.notes if n.node == node]

    def visualize(self, *, max_nodes: int = 2000, title: str | None = None) -> View:
        """Return pictures of the plan after each pass, with what the pass did to it.

        The plan is made once more for that, so that no plan carries what nobody looks at; raises
        `RuntimeError` when the session is closed by then.

        >>> x = ps.placeholder(ps.float32, [2])
        >>> ps.Session().explain_plan(ps.identity(x) * 1.0, [x]).visualize()
        <View of 'plan': 2 nodes, 9 stages>
        """
        log = self._make_again()
        view: View = viewer().view_stages(log.stages, log.notes, max_nodes=max_nodes, title=title)
        return view

    def __str__(self) -> str:
        """Show the summary, then every note under its stage."""
        lines = [self.summary()]
        for stage, _ in self.counts:
            notes = [n for n in self.notes if n.stage == stage]
            if notes:
                lines += ["", stage]
                lines += [f"  {n.action:9} {n.node}: {n.reason}" for n in notes]
        if self.recomputation is not None:
            lines += ["", self.recomputation.explain()]
        if self.stretches:
            lines += ["", "stretches", *(f"  {stretch}" for stretch in self.stretches)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Show how much there is."""
        return f"<PlanExplanation of {len(self.ir)} nodes, {len(self.notes)} notes>"
