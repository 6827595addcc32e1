"""Groups from an IR: union-find over what must share a device, then what each group can have.

Tied together are nodes that name the same `_class` (and the node it names), a resource's maker
with all its users, however the handle reaches them, and makers of the same shared resource. A
group's candidates are the devices with a kernel for each member that satisfy each request.
Where none is left, soft placement gives up the requests that stand in the way, and otherwise
`conflicts` says who disagrees with whom. Users of a resource yield to it: what they ask for
never decides where a resource lives. Nor do initial values, which are colocated with a variable
to be near it: one without a kernel there is computed elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock import dtypes
from penstock.graph.device_spec import DeviceSpec
from penstock.graph.ir import IR, Node
from penstock.passes.context import Placing
from penstock.passes.placement import conflicts
from penstock.passes.placement.device_table import ON_HOST, DeviceTable
from penstock.passes.placement.groups import Group, Groups, Reason


class Ties:
    """Union-find over names of nodes, `_class` texts and keys of resources."""

    def __init__(self) -> None:
        """Start with everything apart."""
        self.parent: dict[str, str] = {}

    def find(self, item: str) -> str:
        """Return what stands for the set of an `item` that was tied; shortens the path to it."""
        parent = self.parent
        root = item
        while (up := parent[root]) != root:
            root = up
        while item != root:
            parent[item], item = root, parent[item]
        return root

    def tie(self, one: str, other: str) -> None:
        """Join two sets; the earlier argument's stands for both."""
        parent = self.parent
        if one not in parent:
            parent[one] = one
        if other not in parent:
            parent[other] = self.find(one)
            return
        a, b = self.find(one), self.find(other)
        if a != b:
            parent[b] = a

    def __contains__(self, item: str) -> bool:
        """Return True for what was ever tied."""
        return item in self.parent


def resource_key(node: Node) -> str | None:
    """Return what two makers of the same resource have in common; None for other nodes."""
    if "shared_name" not in node.attrs or dtypes.resource not in node.dtypes:
        return None
    container = node.attrs.get("container") or b""
    shared = node.attrs.get("shared_name") or node.name.encode()
    names = [text.decode(errors="backslashreplace") for text in (container, shared)]
    return f"\0{node.op} {'/'.join(names)}"


def takes_resource(node: Node, nodes: dict[str, Node]) -> bool:
    """Return True for a node that is given a resource, and therefore goes where that is."""
    return any(
        nodes[p].dtypes[i] is dtypes.resource or nodes[p].dtypes[i].is_ref
        for p, i in node.inputs
        if p in nodes
    )


def tie_all(nodes: dict[str, Node]) -> Ties:
    """Return which nodes must share a device."""
    ties = Ties()
    carriers: set[tuple[str, int]] = set()
    classes: set[str] = set()
    for name, node in nodes.items():
        for index, dtype in enumerate(node.dtypes):
            if dtype is dtypes.resource or dtype.is_ref:
                carriers.add((name, index))
                key = resource_key(node)
                if key is not None:
                    ties.tie(key, name)
        if carriers and node.op not in ON_HOST and not carriers.isdisjoint(node.inputs):
            for producer, index in node.inputs:
                if (producer, index) in carriers:
                    ties.tie(producer, name)
        for item in node.attrs.get("_class", ()):
            if item.startswith(b"loc:@"):
                text = item.decode()
                classes.add(text)
                ties.tie(text, name)
    for text in classes:
        if text[5:] in nodes:
            ties.tie(text[5:], text)
    return ties


def make_groups(ir: IR, placing: Placing, table: DeviceTable) -> Groups:
    """Return the groups of an IR. Raises `PlacementError` where one cannot be anywhere."""
    relatives = placing.relatives(ir) if placing.relatives is not None else ()
    everybody = {**ir.nodes, **{n.name: n for n in relatives if n.name not in ir.nodes}}
    ties = tie_all(everybody)
    roots = {name: ties.find(name) for name in everybody if name in ties}
    tied: dict[str, list[Node]] = {}
    for name, root in roots.items():
        tied.setdefault(root, []).append(everybody[name])
    settle = _Settle(everybody, ir.nodes, placing, table)
    items: list[Group] = []
    apart: dict[str, Node] = {}
    for name, node in ir.nodes.items():
        if name in roots and name not in apart:
            found = tied.pop(roots[name], None)
            if found is None:
                continue  # with an earlier member
            group, alone = settle.tied(found)
            apart.update({n.name: n for n in alone})
            items.append(group)
            if name not in apart:
                continue
        mask = table.able(node) & table.asked(node.device)
        items.append(Group((name,), table.listed(mask or settle.group([node], ())[0])))
    return Groups(items, frozenset(apart))


class _Settle:
    """Finds the devices a group can have."""

    def __init__(
        self,
        everybody: dict[str, Node],
        here: dict[str, Node],
        placing: Placing,
        table: DeviceTable,
    ) -> None:
        self.nodes, self.here, self.placing, self.table = everybody, here, placing, table

    def tied(self, nodes: list[Node]) -> tuple[Group, list[Node]]:
        """Return the group of some nodes, and those initial values that do without it."""
        values: dict[str, Node] = {}
        if any(resource_key(n) is not None for n in nodes):
            values = {n.name: n for n in nodes if self._is_initial_value(n)}
        core = [n for n in nodes if n.name not in values]
        members = [n for n in core if n.name in self.here]
        mask, reason = self.group(members, [n for n in core if n.name not in self.here])
        alone = []
        for node in values.values():
            narrowed = mask & self.table.able(node)
            if narrowed & mask & -mask:  # the best device is among them
                mask = narrowed
                members.append(node)
            elif node.name in self.here:
                alone.append(node)
        names = {n.name for n in members}
        here = [n.name for n in nodes if n.name in names and n.name in self.here]
        group = Group(tuple(here), self.table.listed(mask))
        group.reason = reason
        return group, alone

    def group(self, members: Sequence[Node], absent: Sequence[Node]) -> tuple[int, Reason | None]:
        """Return the candidates as a mask, and the reason when an earlier run is it."""
        mask, narrowing = self._able(members, absent)
        mask, reason = self._resident(members, mask)
        asking = [n for n in (*members, *absent) if n.device and not self._yields(n)]
        for node in asking:
            narrowed = mask & self.table.asked(node.device)
            if narrowed:
                mask = narrowed
            elif self.placing.soft or node.name not in self.here:
                mask = mask & self._relaxed(node.device) or mask
            else:
                raise conflicts.about_request(node, members, self.table, reason)
        return mask, reason or narrowing

    def _able(self, members: Sequence[Node], absent: Sequence[Node]) -> tuple[int, Reason | None]:
        mask = self.table.everywhere
        for node in members:
            if not mask & self.table.able(node):
                raise conflicts.about_kernels(node, members, self.table)
            mask &= self.table.able(node)
        reason = None
        for node in absent:  # nodes of other runs: a device that serves them too is better
            narrowed = mask & self.table.able(node)
            if narrowed and narrowed != mask and not self._has_references(node):
                mask, reason = narrowed, Reason("relative", (node.name, conflicts.signature(node)))
        return mask, reason

    def _resident(self, members: Sequence[Node], mask: int) -> tuple[int, Reason | None]:
        residents = self.placing.residents
        reason = None
        for node in members if residents else ():
            key = resource_key(node)
            home = residents.get(key) if key is not None and residents is not None else None
            if home is None:
                continue
            if not mask & self.table.bit(home):
                raise conflicts.about_resident(node, home, members, self.table, reason)
            mask = self.table.bit(home)
            reason = reason or Reason("resident", (node.name,))
        return mask, reason

    def _yields(self, node: Node) -> bool:
        return takes_resource(node, self.nodes)

    def _is_initial_value(self, node: Node) -> bool:
        """Tell whether a node is tied by its `_class` only: near is good, elsewhere is right."""
        if node.device or takes_resource(node, self.nodes):
            return False
        return not any(d is dtypes.resource or d.is_ref for d in node.dtypes)

    def _has_references(self, node: Node) -> bool:
        ends = [self.nodes[p].dtypes[i] for p, i in node.inputs if p in self.nodes]
        return any(d.is_ref for d in (*ends, *node.dtypes))

    def _relaxed(self, request: str) -> int:
        """Return devices as near as can be to a request that cannot be met."""
        spec = DeviceSpec.from_string(request)
        return self.table.matching(spec.replace(device_index=None)) or self.table.matching(
            spec.replace(device_index=None, device_type=None)
        )
