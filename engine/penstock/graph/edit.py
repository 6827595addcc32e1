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
