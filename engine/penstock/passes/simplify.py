"""simplify: take out nodes whose output equals an input bit for bit.

One rule per op, in a table. A rule returns the endpoint that the node's (only) output can
be read from instead, with the reason, or None. No rule changes a value, not even the sign
of a zero or a NaN: x + 0 stays (it turns -0 into 0), x - 0 and x * 1 go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from penstock import shapes
from penstock.graph import edit
from penstock.graph.ir import IR, Endpoint, Node
from penstock.passes.context import PassContext

Found: TypeAlias = "tuple[Endpoint, str] | None"


def simplify(ir: IR, ctx: PassContext) -> IR:
    """Return `ir` without nodes that change nothing, and without needless control edges."""
    nodes: dict[str, Node] = {}
    moved: dict[Endpoint, Endpoint] = {}
    gone: dict[str, tuple[str, ...]] = {}
    roots = set(ir.roots)
    view = _View(nodes)
    several = len(ctx.placing.devices) > 1
    for name, original in ir.nodes.items():
        node = edit.rewire(original, moved, gone)
        if node.controls:
            node = _drop_controls(node, nodes)
        rule = RULES.get(node.op)
        found = rule(node, view) if rule is not None and not node.controls else None
        if found is None or name in roots:
            nodes[name] = node
            continue
        source, reason = found
        if several and _is_elsewhere(node, nodes[source[0]]):
            nodes[name] = node
            continue
        moved[name, 0] = source
        gone[name] = (source[0],)
        ctx.log.note("removed", name, reason)
    if gone:
        edit.rename_classes(nodes, {name: source for name, (source,) in gone.items()})
        ctx.log.replaced.update(moved)
    return IR(nodes, ir.roots)


def _is_elsewhere(node: Node, source: Node) -> bool:
    """Tell whether a node was meant to bring its input to another device."""
    here, there = node.attrs.get("_class"), source.attrs.get("_class")
    asks = node.device and node.device != source.device
    return bool(asks or (here and here != there and b"loc:@" + source.name.encode() not in here))


def _drop_controls(node: Node, nodes: dict[str, Node]) -> Node:
    """Leave out control edges that a data edge implies or that wait for nothing."""
    producers = {producer for producer, _ in node.inputs}
    needed = tuple([c for c in node.controls if c not in producers and _delays(nodes[c])])
    return node if len(needed) == len(node.controls) else node._replace(controls=needed)


def _delays(node: Node) -> bool:
    """Tell whether waiting for this node means anything: feeds and constants are there."""
    return node.op != "_Arg" and (node.op != "Const" or bool(node.controls))


class _View:
    """What rules may ask about a node's inputs."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self._nodes = nodes

    def producer(self, node: Node, i: int) -> Node:
        return self._nodes[node.inputs[i][0]]

    def dims(self, node: Node, i: int) -> shapes.Dims:
        name, index = node.inputs[i]
        return self._nodes[name].shapes[index]

    def constant(self, node: Node, i: int) -> np.ndarray[Any, Any] | None:
        producer = self.producer(node, i)
        return producer.attrs["value"] if producer.op == "Const" else None


def _is_filled_with(view: _View, node: Node, i: int, number: float) -> bool:
    """Tell whether input `i` is a constant of that number that broadcasts to nothing new."""
    value, other = view.constant(node, i), view.dims(node, 1 - i)
    if value is None or value.dtype == object or value.dtype.kind == "b" or value.size == 0:
        return False
    if value.size > 64 or not bool(np.all(value == number)):
        return False
    if number == 0 and bool(np.any(np.signbit(np.asarray(value, dtype=np.float64)))):
        return False
    return shapes.is_fully_defined(other) and node.shapes[0] == other


def _identity(node: Node, _: _View) -> Found:
    return node.inputs[0], f"{node.op} changes nothing"


def _multiply(node: Node, view: _View) -> Found:
    for i in (0, 1):
        if _is_filled_with(view, node, 1 - i, 1.0):
            return node.inputs[i], "multiplication by 1"
    return None


def _divide(node: Node, view: _View) -> Found:
    if _is_filled_with(view, node, 1, 1.0):
        return node.inputs[0], "division by 1"
    return None


def _subtract(node: Node, view: _View) -> Found:
    if _is_filled_with(view, node, 1, 0.0):
        return node.inputs[0], "subtraction of 0"
    return None


def _power(node: Node, view: _View) -> Found:
    if node.dtypes[0].is_floating and _is_filled_with(view, node, 1, 1.0):
        return node.inputs[0], "power of 1"
    return None


def _negate(node: Node, view: _View) -> Found:
    inner = view.producer(node, 0)
    if inner.op == "Neg" and not inner.controls:
        return inner.inputs[0], "double negation"
    return None


def _same_shape(node: Node, view: _View) -> Found:
    dims = view.dims(node, 0)
    if shapes.is_fully_defined(dims) and node.shapes[0] == dims:
        return node.inputs[0], f"{node.op} to the same shape"
    return None


def _cast(node: Node, view: _View) -> Found:
    if view.producer(node, 0).dtypes[node.inputs[0][1]] is node.dtypes[0]:
        return node.inputs[0], "cast to the same dtype"
    return None


def _one_per_axis(node: Node, view: _View) -> np.ndarray[Any, Any] | None:
    """Return the constant input 1 when it is certain to have an entry for each axis of input 0.

    What does not is a mistake that the kernel must tell of.
    """
    dims, entries = view.dims(node, 0), view.constant(node, 1)
    fits = dims is not None and entries is not None and len(entries) == len(dims)
    return entries if fits else None


def _transpose(node: Node, view: _View) -> Found:
    perm = _one_per_axis(node, view)
    if perm is None:
        return None
    if perm.tolist() == list(range(perm.size)):
        return node.inputs[0], "transpose that moves no axis"
    inner = view.producer(node, 0)
    twice = inner.op == "Transpose" and not inner.controls
    before = _one_per_axis(inner, view) if twice else None
    if before is not None and before[perm].tolist() == list(range(perm.size)):
        return inner.inputs[0], "transpose and its inverse"
    return None


def _single(node: Node, _: _View) -> Found:
    return (node.inputs[0], "sum of one tensor") if len(node.inputs) == 1 else None


def _no_axes(node: Node, view: _View) -> Found:
    axes = view.constant(node, 1)
    if axes is not None and axes.size == 0:
        return node.inputs[0], "reduction over no axes"
    return None


def _ones(node: Node, view: _View) -> Found:
    multiples = _one_per_axis(node, view)
    if multiples is not None and bool(np.all(multiples == 1)):
        return node.inputs[0], "tile by ones"
    return None


def _no_padding(node: Node, view: _View) -> Found:
    paddings = _one_per_axis(node, view)
    if paddings is not None and not bool(np.any(paddings)):
        return node.inputs[0], "padding of nothing"
    return None


RULES: dict[str, Callable[[Node, _View], Found]] = {
    "Identity": _identity,
    "StopGradient": _identity,
    "PreventGradient": _identity,
    "Mul": _multiply,
    "Div": _divide,
    "RealDiv": _divide,
    "Sub": _subtract,
    "Pow": _power,
    "Neg": _negate,
    "Reshape": _same_shape,
    "BroadcastTo": _same_shape,
    "Cast": _cast,
    "Transpose": _transpose,
    "AddN": _single,
    "Sum": _no_axes,
    "Mean": _no_axes,
    "Max": _no_axes,
    "Min": _no_axes,
    "Prod": _no_axes,
    "Tile": _ones,
    "Pad": _no_padding,
}
