"""The errors of the placer: who disagrees with whom, where both were written, what to change."""

from __future__ import annotations

from collections.abc import Sequence

from penstock import errors
from penstock.graph.devices import short_name
from penstock.graph.ir import Node
from penstock.passes.placement.device_table import DeviceTable
from penstock.passes.placement.groups import Reason

_SOFT = "ConfigProto(allow_soft_placement=True)"


def about_request(
    node: Node, members: Sequence[Node], table: DeviceTable, resident: Reason | None
) -> errors.PlacementError:
    """Return the error for a node whose request cannot be met."""
    asked = table.asked(node.device)
    if not asked:
        return _error(
            node,
            f'asks for "{node.device}", which this session does not have',
            f"it has {_devices(table.names)}",
            "ask for one of these, give the session more devices "
            f"(ConfigProto(device_count=...)), or let it take the nearest with {_SOFT}",
        )
    if not asked & table.able(node):
        return _error(
            node,
            f'asks for "{node.device}", where there is no kernel for {signature(node)}',
            f"kernels are on {_devices(table.listed(table.able(node)))}",
            f"ask for one of these, change the dtype, or let it move with {_SOFT}",
        )
    for other in members:
        if other is not node and not asked & table.able(other):
            return _pair(
                members,
                node,
                other,
                f'"{node.name}" asks for "{node.device}"',
                f'"{other.name}" has a kernel for {signature(other)} only on '
                f"{_devices(table.listed(table.able(other)))}",
            )
    for other in members:
        if other is not node and other.device and not asked & table.asked(other.device):
            return _pair(
                members,
                node,
                other,
                f'"{node.name}" asks for "{node.device}"',
                f'"{other.name}" asks for "{other.device}"',
            )
    if resident is not None:
        return _error(
            node,
            f'asks for "{node.device}", but "{resident.args[0]}" lives elsewhere since an '
            "earlier run of this session",
            "ask for the same device in every run, or use a new session",
        )
    others = ", ".join(f'"{m.name}"' for m in members if m is not node)
    return _error(
        node,
        f'asks for "{node.device}", which leaves no device that {others} can share',
        f"ask for another device, or let it move with {_SOFT}",
    )


def about_kernels(node: Node, members: Sequence[Node], table: DeviceTable) -> errors.PlacementError:
    """Return the error for nodes that must share a device and have no kernels on the same."""
    able = table.able(node)
    other = next((m for m in members if not able & table.able(m)), members[0])
    first, second = (
        f'"{n.name}" has a kernel for {signature(n)} only on '
        f"{_devices(table.listed(table.able(n)))}"
        for n in (node, other)
    )
    return _pair(members, node, other, first, second, can_be_soft=False)


def about_resident(
    maker: Node, home: str, members: Sequence[Node], table: DeviceTable, earlier: Reason | None
) -> errors.PlacementError:
    """Return the error for a resource that a new run needs on another device."""
    bit = table.bit(home)
    lives = f'"{maker.name}" lives on {short_name(home)} since an earlier run of this session'
    other = next((m for m in members if not bit & table.able(m)), None)
    if other is not None:
        where = _devices(table.listed(table.able(other)))
        first = f'"{other.name}" has a kernel for {signature(other)} only on {where}'
        return _pair(members, other, maker, first, lives, can_be_soft=False)
    partner = earlier.args[0] if earlier is not None else members[0].name
    return _error(
        maker,
        f'cannot share a device with "{partner}", as it must: both live where they are since '
        "earlier runs of this session",
        lives,
        "colocate them, or ask for the same device, before the first run; or use a new session",
    )


def _pair(
    members: Sequence[Node],
    node: Node,
    other: Node,
    first: str,
    second: str,
    can_be_soft: bool = True,
) -> errors.PlacementError:
    change = "put both on one device"
    shared = _shared_classes(node, other)
    if shared:
        change += ", or do not colocate them"
    if can_be_soft:
        change += f", or let the session choose with {_SOFT}"
    return _error(
        node,
        f'cannot share a device with {other.op} "{other.name}", as it must: '
        f"{_tie(node, other, members)}",
        first + _place(node),
        second + _place(other),
        change,
    )


def _tie(node: Node, other: Node, members: Sequence[Node]) -> str:
    """Return why two nodes of a group must share a device."""
    shared = _shared_classes(node, other)
    if shared:
        return f"they are colocated ({', '.join(sorted(shared))})"
    for one, two in ((node, other), (other, node)):
        if two.name in {producer for producer, _ in one.inputs}:
            return f'"{one.name}" uses the resource "{two.name}"'
    for member in members:
        producers = {producer for producer, _ in member.inputs}
        if node.name in producers and other.name in producers:
            return f'{member.op} "{member.name}" uses both'
    return "they are tied through what they use or are colocated with"


def _shared_classes(node: Node, other: Node) -> set[str]:
    return classes_of(node) & classes_of(other)


def classes_of(node: Node) -> set[str]:
    """Return the colocation classes of a node, its own included."""
    return {c.decode() for c in node.attrs.get("_class", ())} | {f"loc:@{node.name}"}


def signature(node: Node) -> str:
    """Return the op with its dtypes, as a message names a kernel: `MatMul(float32)`."""
    names = dict.fromkeys(d.name for d in node.dtypes)
    return f"{node.op}({', '.join(names)})" if names else node.op


def _place(node: Node) -> str:
    return f"  at {node.source.render()}" if node.source is not None else ""


def _devices(names: Sequence[str]) -> str:
    return ", ".join(short_name(n) for n in names)


def _error(node: Node, problem: str, *hints: str) -> errors.PlacementError:
    built_at = node.source.render() if node.source is not None else None
    text = errors.describe(problem, op=node.op, node=node.name, hints=hints, built_at=built_at)
    error = errors.PlacementError(None, None, text)
    error.node = node.name  # type: ignore[attr-defined]
    return error
