"""fold_constants: compute now what constants (or static shapes) determine.

Enters any IR; leaves one in which such nodes are `Const`. Results larger than the option
`max_folded_bytes` stay computed, as does every node whose evaluation fails: its error then
comes when a run reaches it, as the program says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes, errors, shapes
from penstock.graph import edit
from penstock.graph.ir import IR, Endpoint, Node
from penstock.ops.registry import find_op, has_op
from penstock.passes.context import PassContext

_SHAPE_OPS = {"Shape", "ShapeN", "Size", "Rank"}
_NEVER = {"Const", "_Arg", "_Retval", "NoOp", "Placeholder", "PlaceholderV2", "CheckNumerics"}


def fold_constants(ir: IR, ctx: PassContext) -> IR:
    """Return `ir` with everything foldable folded."""
    ir = _fold_shapes(ir, ctx)
    failed: set[str] = set()
    for _ in range(8):  # each round leaves out one node that cannot be evaluated
        folded, frontier = _foldable(ir, ctx, failed)
        if not frontier:
            return ir
        try:
            values = ctx.evaluate(_constant_part(ir, folded, frontier))
        except errors.OpError as e:
            name = getattr(e, "node", None)
            if name not in folded:
                return ir
            failed.add(name)
            continue
        return _replace(ir, dict(zip(frontier, values, strict=True)), ctx)
    return ir


def _fold_shapes(ir: IR, ctx: PassContext) -> IR:
    """Turn Shape, Size and Rank of tensors with known shapes into constants."""
    values: dict[Endpoint, np.ndarray[Any, Any]] = {}
    for node in ir:
        if node.op in _SHAPE_OPS:
            for i, (producer, index) in enumerate(node.inputs):
                value = _shape_value(node, ir[producer].shapes[index])
                if value is not None:
                    values[node.name, i] = value
    return _replace(ir, values, ctx) if values else ir


def _shape_value(node: Node, dims: shapes.Dims) -> np.ndarray[Any, Any] | None:
    dtype = node.dtypes[0].numpy_dtype
    if node.op == "Rank":
        return None if dims is None else np.array(len(dims), dtype)
    if dims is None or None in dims:
        return None
    value = shapes.num_elements(dims) if node.op == "Size" else dims
    try:
        return np.array(value, dtype)
    except OverflowError:
        return None  # no tensor of the run has that shape, or its kernel must say so


def _foldable(ir: IR, ctx: PassContext, failed: set[str]) -> tuple[set[str], list[Endpoint]]:
    """Return the nodes that constants determine, and which of their outputs others read."""
    constant: set[str] = {n.name for n in ir if n.op == "Const" and not n.controls}
    folded: set[str] = set()
    for node in ir:
        if (
            node.inputs
            and node.name not in failed
            and all(producer in constant for producer, _ in node.inputs)
            and all(c in constant for c in node.controls)
            and _may_fold(node, ir, ctx)
        ):
            constant.add(node.name)
            folded.add(node.name)
    frontier: dict[Endpoint, None] = {}
    for node in ir if folded else ():
        if node.name not in folded:
            frontier.update({e: None for e in node.inputs if e[0] in folded})
        if node.controls:
            frontier.update({(c, 0): None for c in node.controls if c in folded})
    return folded, list(frontier)


def _may_fold(node: Node, ir: IR, ctx: PassContext) -> bool:
    if node.op in _NEVER or not has_op(node.op) or find_op(node.op).stateful:
        return False
    total = 0
    for dtype, dims in zip(node.dtypes, node.shapes, strict=True):
        count = shapes.num_elements(dims)
        if count is None or dtype is dtypes.resource:
            return False
        total += count * dtype.size
    read = 0
    for producer, index in node.inputs:
        read += (shapes.num_elements(ir[producer].shapes[index]) or 0) * 4
    return total <= max(ctx.options.max_folded_bytes, read)


def _constant_part(ir: IR, folded: set[str], frontier: list[Endpoint]) -> IR:
    needed: set[str] = set()
    stack = [name for name, _ in frontier]
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack.extend(producer for producer, _ in ir[name].inputs)
    nodes = {n.name: n._replace(controls=()) if n.controls else n for n in ir if n.name in needed}
    roots = []
    for i, endpoint in enumerate(frontier):
        dtype = ir[endpoint[0]].dtypes[endpoint[1]]
        root = Node(
            f"_retval_{i}", "_Retval", (endpoint,), (), {"index": i, "T": dtype}, "", (), ()
        )
        nodes[root.name] = root
        roots.append(root.name)
    return IR(nodes, roots)


def _replace(ir: IR, values: dict[Endpoint, np.ndarray[Any, Any]], ctx: PassContext) -> IR:
    """Put a Const in the place of each endpoint in `values`.

    A node all of whose outputs are known becomes the Const itself, under its own name;
    otherwise constants stand beside it.
    """
    by_node: dict[str, dict[int, Any]] = {}
    for (name, index), value in values.items():
        by_node.setdefault(name, {})[index] = value
    nodes: dict[str, Node] = {}
    moved: dict[Endpoint, Endpoint] = {}
    for name, node in ir.nodes.items():
        known = by_node.get(name)
        if known is None:
            nodes[name] = edit.rewire(node, moved, {})
            continue
        ctx.log.note("folded", name, f"{node.op} of constants or known shapes")
        if len(node.dtypes) == 1:
            waits = tuple([c for c in node.controls if nodes[c].op != "Const" or nodes[c].controls])
            nodes[name] = _const(node, name, known[0], 0)._replace(controls=waits)
            continue
        nodes[name] = edit.rewire(node, moved, {})
        for index, value in known.items():
            beside = f"{name}/_folded_{index}"
            nodes[beside] = _const(node, beside, value, index)
            moved[name, index] = (beside, 0)
    return IR(nodes, ir.roots)


def _const(node: Node, name: str, value: Any, index: int) -> Node:
    dtype = node.dtypes[index]  # of strings: object, as NumPy's own strings lose trailing NULs
    array = np.asarray(value, dtype=dtype.numpy_dtype)
    array.flags.writeable = False  # the program then reads this memory, and no copy
    attrs = {"value": array, "dtype": dtype}
    if "_class" in node.attrs:
        attrs["_class"] = node.attrs["_class"]
    return Node(name, "Const", (), (), attrs, node.device, (dtype,), (array.shape,), node.source)
