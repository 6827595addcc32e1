"""merge_duplicates: nodes with the same op, inputs and attributes become one.

Only stateless ops that ask for the same device: two random nodes, two reads of a variable or
two placeholders are never the same value. The first of equal nodes stays; the others' readers
move to it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from penstock.dtypes import DType
from penstock.graph import edit
from penstock.graph.ir import IR, Endpoint, Node
from penstock.ops.registry import find_op, has_op
from penstock.passes.context import PassContext

_LARGE = 1 << 16
_MARKS = {"_grad_of", "_gradients", "_checkpoints", "_memory_budget"}


def merge_duplicates(ir: IR, ctx: PassContext) -> IR:
    """Return `ir` with duplicates merged; roots are never merged away."""
    nodes: dict[str, Node] = {}
    first: dict[Hashable, str] = {}
    moved: dict[Endpoint, Endpoint] = {}
    gone: dict[str, tuple[str, ...]] = {}
    roots = set(ir.roots)
    for name, original in ir.nodes.items():
        node = edit.rewire(original, moved, gone)
        if not _is_pure(node):
            nodes[name] = node
            continue
        key = _key(node)
        kept = first.setdefault(key, name)
        if kept == name or name in roots:
            nodes[name] = node
            continue
        for i in range(len(node.dtypes)):
            moved[name, i] = (kept, i)
        gone[name] = (kept,)
        ctx.log.note("merged", name, f'computes the same as "{kept}" ({node.op})')
    if not gone:
        return ir
    edit.rename_classes(nodes, {name: kept for name, (kept,) in gone.items()})
    ctx.log.replaced.update(moved)
    return IR(nodes, ir.roots)


def _is_pure(node: Node) -> bool:
    if node.op == "Const":
        return True
    return bool(node.inputs) and has_op(node.op) and not find_op(node.op).stateful


def _key(node: Node) -> Hashable:
    inputs = node.inputs
    if len(inputs) == 2 and find_op(node.op).commutative:
        inputs = tuple(sorted(inputs))
    attrs = tuple(
        sorted([(k, _attr_key(v)) for k, v in node.attrs.items() if k not in _MARKS], key=_by_name)
    )
    return node.op, inputs, tuple(sorted(node.controls)), node.device, attrs


def _by_name(item: tuple[str, Hashable]) -> str:
    return item[0]


def _attr_key(value: Any) -> Hashable:
    """Return something equal for equal attributes: bit for bit, so NaN equals NaN, 0 not -0."""
    if isinstance(value, DType):  # most attributes are
        return value
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return ("strings", value.shape, tuple(value.ravel().tolist()))
        if value.nbytes > _LARGE:
            return ("large", id(value))
        return (value.dtype.str, value.shape, value.tobytes(), str(value.dtype))
    if isinstance(value, (list, tuple)):
        return tuple([_attr_key(v) for v in value])
    if isinstance(value, float):
        return ("float", value.hex())
    if isinstance(value, dict):
        return tuple(sorted((k, _attr_key(v)) for k, v in value.items()))
    return (type(value).__name__, value)
