"""Shape arithmetic of accelerators in host memory: a few integers need no journey to the device.

In: a placed IR. Out: the same, in which nodes that compute small integers from shapes and
constants, for readers in host memory, carry the attribute `_host_memory`: they stay where they were
placed, and the CPU's kernel computes them there. Shapes are in host memory to begin with, so
nothing is copied to the device and back. What is fed, or computed on the device, is left to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from penstock.graph.ir import IR, Node
from penstock.ops.registry import find_op, has_op
from penstock.passes.context import PassContext, Placing
from penstock.passes.placement.heuristics import METADATA, is_shape

REASON = "computed in host memory: a few integers, made of shapes there and read there"
_IN_PLACE = frozenset({"Const", "_Arg", "_Retval"})


def shapes_in_host_memory(ir: IR, ctx: PassContext) -> IR:
    """Return `ir` with `_host_memory` where a node is to be computed there."""
    accelerators = {d.name: d.device_type for d in ctx.placing.devices if d.device_type != "CPU"}
    if not accelerators:
        return ir
    able = _made_of_shapes(ir, ctx.placing, accelerators)
    if not able:
        return ir
    chosen = _read_on_host(ir, ctx.placing, accelerators, able)
    nodes = dict(ir.nodes)
    for name in able:
        if name in chosen:
            node = nodes[name]
            nodes[name] = node._replace(attrs={**node.attrs, "_host_memory": True})
            ctx.log.note("kept", name, REASON)
    return IR(nodes, ir.roots)


def _made_of_shapes(ir: IR, placing: Placing, accelerators: Mapping[str, str]) -> dict[str, None]:
    """Return the nodes of accelerators whose inputs are all in host memory if their makers are."""
    able: dict[str, None] = {}
    for node in ir:
        if node.device not in accelerators or not node.inputs or not _is_arithmetic(node, ir):
            continue
        makers = [ir[name] for name, _ in node.inputs]
        on_host = [m for m in makers if m.op in METADATA or m.name in able]
        others = [m for m in makers if m.op == "Const"]
        if (
            on_host
            and len(on_host) + len(others) == len(makers)
            and placing.kernels.supports(node, "CPU")
        ):
            able[node.name] = None
    return able


def _is_arithmetic(node: Node, ir: IR) -> bool:
    """Tell whether a node makes a few integers from a few integers, and nothing else."""
    if node.op in METADATA or node.op in _IN_PLACE or not node.dtypes:
        return False
    if not has_op(node.op) or find_op(node.op).stateful:
        return False
    ends = [(node, i) for i in range(len(node.dtypes))]
    ends += [(ir[name], i) for name, i in node.inputs]
    return all(is_shape(n, i) for n, i in ends)


def _read_on_host(
    ir: IR, placing: Placing, accelerators: Mapping[str, str], able: Mapping[str, None]
) -> set[str]:
    """Return those of `able` that somebody reads in host memory, directly or through others."""
    chosen: set[str] = set()
    for reader in reversed(list(ir)):
        kind = accelerators.get(reader.device)
        if reader.name in chosen or kind is None:
            chosen.update(name for name, _ in reader.inputs if name in able)
        elif any(name in able for name, _ in reader.inputs):
            on_host = placing.kernels.host_inputs(reader, kind)
            chosen.update(
                name for i, (name, _) in enumerate(reader.inputs) if i in on_host and name in able
            )
    return chosen
