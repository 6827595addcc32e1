"""Rewriting steps on an IR: each returns a new IR and leaves the old one alone."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.graph.ir import IR, Endpoint, Node


def rewire(
    node: Node, moved: Mapping[Endpoint, Endpoint], gone: Mapping[str, tuple[str, ...]]
) -> Node:
    """Return `node` reading `moved[e]` for each input e, and waiting for `gone[c]` for each c.

    `gone` maps a node that disappears to those whom its waiters must wait for instead.
    """
    inputs = node.inputs
    if not moved.keys().isdisjoint(inputs):
        inputs = tuple([moved.get(e, e) for e in inputs])
    controls = node.controls
    if not gone.keys().isdisjoint(controls):
        controls = tuple(
            dict.fromkeys(new for c in controls for new in gone.get(c, (c,)) if new != node.name)
        )
    if inputs is node.inputs and controls is node.controls:
        return node
    return node._replace(inputs=inputs, controls=controls)


def keep(ir: IR, names: set[str]) -> IR:
    """Return the nodes of those names, in the same order."""
    return IR({n: node for n, node in ir.nodes.items() if n in names}, ir.roots)


def rename_classes(nodes: dict[str, Node], gone: Mapping[str, str]) -> None:
    """In `_class` attributes, name `gone[x]` instead of each node x that has disappeared."""
    for name, node in nodes.items():
        groups = node.attrs.get("_class")
        if not groups:
            continue
        renamed = [_renamed(group, gone) for group in groups]
        if renamed != groups:
            attrs = {**node.attrs, "_class": list(dict.fromkeys(renamed))}
            nodes[name] = node._replace(attrs=attrs)


def name_present(nodes: dict[str, Node]) -> dict[str, Node]:
    """Return nodes whose `_class` attributes name only nodes that are there.

    The first node of a class that named an absent one gives it its name; a class of one node is
    forgotten.
    """
    classes = [
        (node.name, node.attrs["_class"]) for node in nodes.values() if "_class" in node.attrs
    ]
    named = {group for _, groups in classes for group in groups if group[:5] == b"loc:@"}
    absent = {group for group in named if group[5:].decode() not in nodes}
    if not absent:
        return nodes
    members: dict[bytes, list[str]] = {}
    for name, groups in classes:
        for group in groups:
            if group in absent:
                members.setdefault(group, []).append(name)
    changed = dict(nodes)
    for group, names in members.items():
        heir = [] if len(names) == 1 else [b"loc:@" + names[0].encode()]
        for name in names:
            attrs = dict(changed[name].attrs)
            left = dict.fromkeys([*(g for g in attrs.pop("_class") if g != group), *heir])
            if left:
                attrs["_class"] = list(left)
            changed[name] = changed[name]._replace(attrs=attrs)
    return changed


def _renamed(group: bytes, gone: Mapping[str, str]) -> bytes:
    name = group[5:].decode() if group.startswith(b"loc:@") else ""
    while name in gone:
        name = gone[name]
        group = b"loc:@" + name.encode()
    return group
