"""From an IR to what a picture shows: nodes, the tree of their name scopes, their devices.

Enter: an IR (or a Graph, or one IR per device). Leaves: a `Picture`, in which every node has a
home in the tree of scopes, a constant with one reader beside it is told inside that reader's box,
and a scope with very many members is cut into groups, so that no part of a picture grows without
bound. Nothing here knows coordinates; `drawing.py` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from penstock.graph.devices import short_name
from penstock.graph.ir import IR, Attr, Func, Node, render_attr
from penstock.graph.transfers import RECVS, SENDS, key_of
from penstock.shapes import render

CROWD = 80  # a scope with more members than this is cut into groups
GROUP = 40
ATTR_CAP = 100  # characters of an attribute's value
READS_CAP = 64  # inputs shown of a node that stands for many
TRANSFERS = SENDS | RECVS


class Scope(NamedTuple):
    """A name scope, a group in a crowded one, or a device's lane. The first is the whole.

    `path` is the name's part that all nodes inside share (of a lane: its device).
    """

    parent: int
    label: str
    path: str
    is_lane: bool = False


class Picture(NamedTuple):
    """What is to be drawn. Nodes are told by their position in `nodes`.

    `home` gives each node's scope, `within` the node that a constant is told in (or -1), `marks`
    what a stage did to a node (new, changed, gone), `remarks` why, `transfers` the pairs of a
    send and its receive.
    """

    title: str
    nodes: tuple[Node, ...]
    scopes: tuple[Scope, ...]
    home: tuple[int, ...]
    within: tuple[int, ...]
    devices: tuple[str, ...]
    marks: tuple[str, ...]
    remarks: Mapping[str, str] = {}
    transfers: tuple[tuple[int, int], ...] = ()
    about: str = ""

    def reads(self) -> list[list[tuple[int, int]]]:
        """Return for each node what it reads: (node, output), -1 for a control edge."""
        place = {node.name: i for i, node in enumerate(self.nodes)}
        result = []
        for node in self.nodes:
            ends = [(place[name], k) for name, k in node.inputs if name in place]
            ends += [(place[name], -1) for name in node.controls if name in place]
            result.append(ends)
        return result


def picture_of(
    ir: IR,
    title: str = "",
    *,
    marks: Mapping[str, str] | None = None,
    remarks: Mapping[str, str] | None = None,
    devices: Sequence[str] = (),
) -> Picture:
    """Return the picture of an IR. `devices` fixes the order, and with it the colours.

    >>> from penstock.graph.extract import extract
    >>> with ps.Graph().as_default() as graph, ps.name_scope("half"):
    ...     y = ps.constant([2.0]) * 0.5
    >>> picture = picture_of(extract(graph, [y], [], []))
    >>> [scope.path for scope in picture.scopes], len(picture.nodes)
    (['', 'half'], 4)
    """
    scopes, home = scope_tree([place_of(n) for n in ir])
    return _finished(title, tuple(ir), scopes, home, marks or {}, remarks or {}, devices)


def picture_of_partitions(
    parts: Mapping[str, IR], title: str = "", *, devices: Sequence[str] = ()
) -> Picture:
    """Return one picture of all partitions: a lane per device, sends joined to receives."""
    scopes = [Scope(-1, "", "")]
    home: list[int] = []
    nodes: list[Node] = []
    for device, ir in parts.items():
        lane = len(scopes)
        scopes.append(Scope(0, device_label(device), device, True))
        below, inner = scope_tree([place_of(n) for n in ir])
        shift = lane  # the tree's first scope is the lane itself
        scopes += [s._replace(parent=s.parent + shift) for s in below[1:]]
        home += [h + shift for h in inner]
        nodes += [n if n.device else n._replace(device=device) for n in ir]
    names = _unique_names(nodes, parts)
    picture = _finished(title, names, scopes, home, {}, {}, devices or tuple(parts))
    return picture._replace(transfers=match_transfers(picture.nodes))


def _unique_names(nodes: list[Node], parts: Mapping[str, IR]) -> tuple[Node, ...]:
    """Return the nodes under names that differ between partitions (a constant may be in two)."""
    seen: set[str] = set()
    result: list[Node] = []
    start = 0
    for device, ir in parts.items():
        part = nodes[start : start + len(ir)]
        start += len(ir)
        twice = {n.name: f"{n.name} on {short_name(device)}" for n in part if n.name in seen}
        seen.update(n.name for n in part)
        for node in part:
            inputs = tuple((twice.get(name, name), k) for name, k in node.inputs)
            controls = tuple(twice.get(name, name) for name in node.controls)
            name = twice.get(node.name, node.name)
            result.append(node._replace(name=name, inputs=inputs, controls=controls))
    return tuple(result)


def match_transfers(nodes: Sequence[Node]) -> tuple[tuple[int, int], ...]:
    """Return the pairs (send, receive) that carry the same tensor to the same device."""
    senders = {key_of(node): i for i, node in enumerate(nodes) if node.op in SENDS}
    return tuple(
        (senders[key_of(node)], i)
        for i, node in enumerate(nodes)
        if node.op in RECVS and key_of(node) in senders
    )


def _finished(
    title: str,
    nodes: tuple[Node, ...],
    scopes: list[Scope],
    home: list[int],
    marks: Mapping[str, str],
    remarks: Mapping[str, str],
    devices: Sequence[str],
) -> Picture:
    within = told_inside(nodes, home)
    scopes, home = _without_thin_scopes(scopes, home, within)
    _cut_crowds(scopes, home, within)
    order = {d: None for d in devices} | {n.device: None for n in nodes}
    used = {n.device for n in nodes}
    return Picture(
        title,
        nodes,
        tuple(scopes),
        tuple(home),
        within,
        tuple(d for d in order if d and (d in used or d in devices)),
        tuple(marks.get(n.name, "") for n in nodes),
        remarks,
    )


def place_of(node: Node) -> str:
    """Return the name by which a node finds its scope: a transfer stands beside what it carries."""
    if node.op in TRANSFERS and node.name.count("/"):
        carried, _, own = node.name.rpartition("/")
        return f"{carried.rpartition('/')[0]}/{own}".removeprefix("/")
    return node.name


def scope_tree(names: Sequence[str]) -> tuple[list[Scope], list[int]]:
    """Return the scopes that the names form, and the home of each name.

    A node whose own name is a scope (`w` beside `w/read`) lives in that scope.
    """
    prefixes: set[str] = set()
    for name in names:
        at = name.find("/")
        while at >= 0:
            prefixes.add(name[:at])
            at = name.find("/", at + 1)
    number = {"": 0}
    scopes = [Scope(-1, "", "")]
    home = []
    for name in names:
        path = name if name in prefixes else name.rpartition("/")[0]
        home.append(_scope_number(path, number, scopes) if path else 0)
    return scopes, home


def _scope_number(path: str, number: dict[str, int], scopes: list[Scope]) -> int:
    missing = []
    while path not in number:
        missing.append(path)
        path = path.rpartition("/")[0]
    for longer in reversed(missing):
        label = longer[len(path) :].removeprefix("/") if path else longer
        scopes.append(Scope(number[path], label, longer))
        number[longer] = len(scopes) - 1
        path = longer
    return number[path]


def told_inside(nodes: Sequence[Node], home: Sequence[int]) -> tuple[int, ...]:
    """Return for each constant the only node that reads it, if that stands in the same scope."""
    place = {node.name: i for i, node in enumerate(nodes)}
    readers: list[set[int]] = [set() for _ in nodes]
    for i, node in enumerate(nodes):
        for name in node.predecessors():
            if name in place:
                readers[place[name]].add(i)
    within = [-1] * len(nodes)
    for i, node in enumerate(nodes):
        if node.op == "Const" and not node.inputs and not node.controls and len(readers[i]) == 1:
            reader = next(iter(readers[i]))
            if home[reader] == home[i] and nodes[reader].op != "Const":
                within[i] = reader
    return tuple(within)


def _without_thin_scopes(
    scopes: list[Scope], home: list[int], within: Sequence[int]
) -> tuple[list[Scope], list[int]]:
    """Take away scopes that hold one thing only; it moves to the scope around them."""
    inside = [0] * len(scopes)
    for node, reader in enumerate(within):
        inside[home[node]] += reader < 0
    for scope in scopes[1:]:
        inside[scope.parent] += 1
    kept = [i for i, s in enumerate(scopes) if i == 0 or s.is_lane or inside[i] != 1]
    number = {old: new for new, old in enumerate(kept)}

    def stays(scope: int) -> int:
        while scope not in number:
            scope = scopes[scope].parent
        return number[scope]

    result = [scopes[0]]
    for old in kept[1:]:
        scope = scopes[old]
        parent = stays(scope.parent)
        around = result[parent].path
        label = scope.label if scope.is_lane else _below(scope.path, around, result[parent])
        result.append(scope._replace(parent=parent, label=label))
    return result, [stays(h) for h in home]


def _below(path: str, around: str, scope: Scope) -> str:
    """Return what a path says beyond the path of the scope around it."""
    if scope.is_lane or not path.startswith(f"{around}/"):
        return path
    return path[len(around) + 1 :]


def _cut_crowds(scopes: list[Scope], home: list[int], within: Sequence[int]) -> None:
    """Put the nodes of a scope that has very many of them into groups of neighbours."""
    members: dict[int, list[int]] = {}
    for i, scope in enumerate(home):
        if within[i] < 0:
            members.setdefault(scope, []).append(i)
    for scope, nodes in list(members.items()):
        if len(nodes) <= CROWD:
            continue
        for start in range(0, len(nodes), GROUP):
            part = nodes[start : start + GROUP]
            label = f"nodes {start + 1} to {start + len(part)}"
            scopes.append(Scope(scope, label, scopes[scope].path))
            for i in part:
                home[i] = len(scopes) - 1
    for i, reader in enumerate(within):
        if reader >= 0:
            home[i] = home[reader]
    _cut_crowded_scopes(scopes)


def _cut_crowded_scopes(scopes: list[Scope]) -> None:
    """Put the scopes of a scope that has very many of them into groups, on every level."""
    children: dict[int, list[int]] = {}
    for i, scope in enumerate(scopes[1:], 1):
        children.setdefault(scope.parent, []).append(i)
    work = list(children.items())
    while work:
        parent, inside = work.pop()
        if len(inside) <= CROWD or scopes[inside[0]].is_lane:
            continue
        groups = []
        for start in range(0, len(inside), GROUP):
            part = inside[start : start + GROUP]
            groups.append(len(scopes))
            label = f"{scopes[part[0]].label} … {scopes[part[-1]].label}"
            scopes.append(Scope(parent, label, scopes[parent].path))
            for i in part:
                scopes[i] = scopes[i]._replace(parent=groups[-1])
        work.append((parent, groups))


def bounded(ir: IR, max_nodes: int) -> IR:
    """Return `ir`, or one of at most `max_nodes` nodes in which scopes stand for what they hold."""
    return ir if len(ir) <= max_nodes else merged(ir, scopes_of(ir, max_nodes))


def scopes_of(ir: IR, max_nodes: int) -> dict[str, str]:
    """Return for each node what stands for it: at most `max_nodes` scopes, or parts of the order.

    Raises `ValueError` when there is to be no node at all.
    """
    if max_nodes < 1:
        raise ValueError(f"a picture needs at least one node for each device, not {max_nodes}")
    depth = max(name.count("/") for name in ir.nodes)
    group: dict[str, str] = {}
    for keep in range(depth, 0, -1):
        group = {name: "/".join(name.split("/")[:keep]) for name in ir.nodes}
        if len(set(group.values())) <= max_nodes:
            break
    else:
        size = -(-len(ir) // max_nodes)
        group = {name: f"nodes from {i // size * size + 1}" for i, name in enumerate(ir.nodes)}
    return group


def merged(ir: IR, group: Mapping[str, str]) -> IR:
    """Return `ir` with one node for each group of nodes."""
    members: dict[str, list[Node]] = {}
    for node in ir:
        members.setdefault(group[node.name], []).append(node)
    result = []
    for name, nodes in members.items():
        if len(nodes) == 1 and nodes[0].name == name:
            nodes[0] = nodes[0]._replace(inputs=(), controls=())
        reads = dict.fromkeys(
            group[p]
            for n in map(ir.__getitem__, _names(nodes))
            for p in n.predecessors()
            if group[p] != name
        )
        inputs = tuple((read, 0) for read in list(reads)[:READS_CAP])
        devices = {n.device for n in nodes}
        device = nodes[0].device if len(devices) == 1 else ""
        op = nodes[0].op if len(nodes) == 1 else f"{len(nodes)} nodes"
        attrs = nodes[0].attrs if len(nodes) == 1 else {}  # a transfer finds its other end by them
        result.append(Node(name, op, inputs, (), attrs, device, (), (), None))
    return IR(result, ())


def _names(nodes: Iterable[Node]) -> list[str]:
    return [n.name for n in nodes]


def shorten(text: str, length: int) -> str:
    """Return `text`, or its beginning and an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"


def shorten_front(text: str, length: int) -> str:
    """Return `text`, or an ellipsis and its end."""
    return text if len(text) <= length else "…" + text[len(text) - length + 1 :]


def device_label(device: str) -> str:
    """Return the short form of a device's name, or of a request for one."""
    return short_name(device).removeprefix("/device:")


def attr_text(value: Attr) -> str:
    """Return the short text of an attribute, whatever its size."""
    if isinstance(value, bytes):
        value = value[: ATTR_CAP * 4]
    elif isinstance(value, Func):
        value = value.name
    elif isinstance(value, (list, tuple)) and len(value) > 16:
        value = [*value[:16], "…"]
    return shorten(render_attr(value), ATTR_CAP)


def output_texts(node: Node) -> list[str]:
    """Return dtype and shape of each output: ``float32[?, 64]``."""
    return [
        d.name if d.name.startswith("resource") else d.name + render(s)
        for d, s in zip(node.dtypes, node.shapes, strict=True)
    ]


def title_of(node: Node, around: str) -> tuple[str, str]:
    """Return the two lines of a node's box: its op, and its name unless that says no more.

    `around` is the path of its scope, which the name need not repeat.
    """
    last = node.name[len(around) + 1 :] if node.name.startswith(f"{around}/") else node.name
    if node.name == around:
        last = node.name.rpartition("/")[2]
    last = shown_name(node) or last
    said = last in (node.op, f"{node.op}/{node.op}")
    return shorten(node.op, 30), "" if said else shorten_front(last, 30)


def shown_name(node: Node) -> str:
    """Return the tensor that a feed, a fetch or a transfer stands for; empty for other nodes."""
    carried = node.attrs.get("tensor_name")
    if node.op in TRANSFERS and isinstance(carried, bytes):
        return re.sub(r"^edge_\d+_|:0$", "", carried.decode("utf-8", "replace"))
    fed = node.attrs.get("_fed")
    if node.op == "_Arg" and isinstance(fed, bytes):
        return fed.decode("utf-8", "replace")
    return re.sub(r"^_retval_\d+_", "", node.name) if node.op == "_Retval" else ""


def constant_row(node: Node) -> str:
    """Return the line that tells a constant inside its reader's box."""
    last = node.name.rpartition("/")[2] or node.name
    value = node.attrs.get("value")
    return shorten(f"{last} = {attr_text(value)}" if value is not None else last, 30)
