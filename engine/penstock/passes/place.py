"""place: every node gets the full name of the device that it will run on.

Constraints first (`placement.constraints`): what must stay together, what was asked for, who
has a kernel. Then a strategy chooses among what is left. With one device there is nothing to
choose: nodes that ask for nothing stay as they are, and an empty device means that one. Feeds
and fetches are on the host. Afterwards `_class` attributes name only nodes that are there. What
was decided, and why, stays in `PlanLog.placement`.
"""

from __future__ import annotations

from penstock import errors, logger
from penstock.graph import edit
from penstock.graph.devices import short_name
from penstock.graph.ir import IR
from penstock.passes.context import PassContext
from penstock.passes.placement import constraints
from penstock.passes.placement.device_table import DeviceTable
from penstock.passes.placement.groups import Group, Groups, Reason
from penstock.passes.placement.host_shapes import shapes_in_host_memory
from penstock.passes.placement.record import Placement
from penstock.passes.placement.strategies import STRATEGIES

_HOMED = (
    "lives on {} from now on: this is the first plan of the session that touches it. A strategy "
    "judges one plan; make that of the training step (Session.make_callable) before the initializer"
)


def place(ir: IR, ctx: PassContext) -> IR:
    """Return `ir` with devices. Raises `PlacementError` where requests cannot be met."""
    table = DeviceTable(ctx.placing)
    placed = _on_the_only_device(ir, table) if len(table.names) == 1 else None
    groups = None
    if placed is None:
        groups = constraints.make_groups(ir, ctx.placing, table)
        chosen = _choose(ir, groups, ctx)
        _remember(ir, chosen, ctx)
        nodes = {}
        for name, node in ir.nodes.items():
            device = chosen[groups.of[name]]
            nodes[name] = node if node.device == device else node._replace(device=device)
        placed = IR(nodes, ir.roots)
    placed = shapes_in_host_memory(IR(edit.name_present(placed.nodes), ir.roots), ctx)
    ctx.log.placement = Placement(ir, placed, groups, table)
    for move in ctx.log.placement.moves:
        ctx.log.note("moved", move.node, move.text())
    if ctx.placing.log:
        for node in placed:
            logger.announce("%s: (%s): %s", node.name, node.op, node.device or table.names[0])
    return placed


def _on_the_only_device(ir: IR, table: DeviceTable) -> IR | None:
    """Return `ir` on the one device there is; None when a node asks for another."""
    asking = [node for node in ir if node.device]
    if not all(table.asked(node.device) for node in asking):
        return None
    if not asking:
        return ir
    name = table.names[0]
    nodes = dict(ir.nodes)
    nodes.update({n.name: n._replace(device=name) for n in asking if n.device != name})
    return IR(nodes, ir.roots)


def _choose(ir: IR, groups: Groups, ctx: PassContext) -> dict[Group, str]:
    name = ctx.placing.strategy
    strategy = STRATEGIES.get(name)
    if strategy is None:
        known = ", ".join(sorted(STRATEGIES))
        raise errors.InvalidArgumentError(
            None, None, f"there is no placement strategy {name!r}; there are {known}"
        )
    chosen = strategy(ir, groups, ctx)
    for group in groups:
        device = chosen.get(group)
        if device not in group.candidates:
            raise errors.InternalError(
                None,
                None,
                f"bug in the placement strategy {name!r}: it put {group!r} on {device!r}",
            )
        if group.reason is None and len(group.candidates) > 1:
            group.reason = Reason("strategy", (name,))
    return chosen


def _remember(ir: IR, chosen: dict[Group, str], ctx: PassContext) -> None:
    """Note where resources live from now on: later runs must find them there."""
    residents = ctx.placing.residents
    if residents is None:
        return
    for group, device in chosen.items():
        for name in group.members:
            key = constraints.resource_key(ir.nodes[name])
            if key is None or key in residents:
                continue
            residents[key] = device
            if ctx.placing.strategy != "default":
                ctx.log.note("homed", name, _HOMED.format(short_name(device)))
