"""What `Session.explain_placement` returns: where each node of a plan runs, and why there.

Everything is answered from the placer's record; nothing is put into words before it is asked.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from penstock import errors
from penstock.graph.devices import short_name
from penstock.graph.ir import Node
from penstock.passes.context import PlanLog
from penstock.passes.placement import host_shapes
from penstock.passes.placement.reasons import text_of
from penstock.passes.placement.record import Move, Placement


class NodePlacement(NamedTuple):
    """One node: its device and why, who shares it, who asked for what, what was refused.

    `requests` are (node, device asked for) among `members`, `refused` (device, why not); `memory`
    says why it is computed in host memory where an accelerator keeps it there.
    """

    node: str
    op: str
    device: str
    reason: str
    members: tuple[str, ...]
    requests: list[tuple[str, str]]
    refused: list[tuple[str, str]]
    memory: str = ""

    def __str__(self) -> str:
        """Show it as a few lines."""
        lines = [f'{self.op} "{self.node}" is on {short_name(self.device)}: {self.reason}']
        lines += [f"  {self.memory}"] if self.memory else []
        others = [f'"{m}"' for m in self.members if m != self.node]
        if others:
            more = f" and {len(others) - 8} more" if len(others) > 8 else ""
            lines.append(f"  shares the device with {', '.join(others[:8])}{more}")
        lines += [f'  "{node}" asks for "{asked}"' for node, asked in self.requests]
        lines += [f"  not {short_name(device)}: {why}" for device, why in self.refused]
        return "\n".join(lines)


def _is_hosted(node: Node) -> bool:
    return node.op != "Const" and bool(node.attrs.get("_host_memory"))


class PlacementExplanation:
    """Where the nodes of a plan run. Print it, ask `of(node)`, or look at `moves`.

    `devices` maps nodes to full device names; `moves` are (node, asked, given, why) of the
    nodes that are not where they asked to be.
    """

    def __init__(self, placement: Placement, log: PlanLog, graph: Any, subject: Any = None) -> None:
        """Take the placer's record, the plan's log, and the node it was asked for, if one."""
        self._placement, self._log, self._graph = placement, log, graph
        self._subject = subject
        self.moves: list[Move] = list(placement.moves)
        self.devices: dict[str, str] = {n.name: placement.device(n.name) for n in placement.given}

    def of(self, node: Any) -> NodePlacement:
        """Return the whole story of one node: a name, an operation, a tensor or a variable.

        Raises `NotFoundError` for a node that is not in the plan, with what became of it.
        """
        name = self._name(node)
        record = self._placement
        if name not in record.given:
            raise errors.NotFoundError(None, None, self._absent(name))
        return NodePlacement(
            name,
            record.given[name].op,
            record.device(name),
            text_of(record.reason(name)),
            record.members(name),
            record.requests(name),
            record.refused(name),
            host_shapes.REASON if _is_hosted(record.given[name]) else "",
        )

    def _name(self, node: Any) -> str:
        if isinstance(node, str) and node in self.devices:
            return node
        element = self._graph.as_graph_element(getattr(node, "handle", node))
        return str(getattr(element, "op", element).name)

    def _absent(self, name: str) -> str:
        notes = [n for n in self._log.notes if n.node == name]
        fate = "".join(f"\n  {n.stage} {n.action} it: {n.reason}" for n in notes)
        return f'node "{name}" is not in the plan' + (fate or ": nothing that is fetched needs it")

    def table(self) -> str:
        """Return one line a node: its name, op, device, and the reason."""
        record = self._placement
        rows = [
            (n.name, n.op, short_name(self.devices[n.name]), text_of(record.reason(n.name)))
            for n in record.given
        ]
        rows.insert(0, ("node", "op", "device", "why"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join(
            "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3]])
            for row in rows
        )

    def summary(self) -> str:
        """Return one line a device: how many nodes are there."""
        counts = Counter(self.devices.values())
        return "\n".join(
            f"{short_name(d):10} {counts[d]:6} nodes" for d in sorted(counts, key=short_name)
        )

    def __str__(self) -> str:
        """Show one node when it was asked for, else the summary, the moves and the table."""
        if self._subject is not None and self._name(self._subject) in self.devices:
            return str(self.of(self._subject))
        lines = [self.summary()]
        if self.moves:
            lines += ["", "moved", *(f'  "{m.node}" {m.text()}' for m in self.moves)]
        return "\n".join([*lines, "", self.table()])

    def __repr__(self) -> str:
        """Show how much there is."""
        return f"<PlacementExplanation of {len(self.devices)} nodes, {len(self.moves)} moves>"
