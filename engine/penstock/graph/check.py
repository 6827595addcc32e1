"""Structure of a well-formed IR, and the report when it is not.

Holds for every IR between passes: each node stands under its own name after all it waits
for, reads outputs that exist, and the roots are there. A failure shows the neighbourhood.
"""

from __future__ import annotations

from penstock import errors
from penstock.graph.ir import IR, Node


def check_ir(ir: IR, stage: str) -> None:
    """Raise `InternalError`, naming the stage, unless `ir` is well formed."""
    seen: dict[str, Node] = {}
    for name, node in ir.nodes.items():
        problem = _problem(name, node, seen)
        if problem:
            raise errors.InternalError(None, None, _report(ir, stage, node, problem))
        seen[name] = node
    for root in ir.roots:
        if root not in seen:
            raise errors.InternalError(
                None, None, f'bug in penstock: after {stage}: root "{root}" is missing'
            )


def _problem(name: str, node: Node, seen: dict[str, Node]) -> str | None:
    if node.name != name:
        return f'is filed under "{name}"'
    if len(node.dtypes) != len(node.shapes):
        return f"has {len(node.dtypes)} dtypes and {len(node.shapes)} shapes"
    for producer, index in node.inputs:
        if producer not in seen:
            return f'reads "{producer}", which does not stand before it'
        if not 0 <= index < len(seen[producer].dtypes):
            return f'reads output {index} of "{producer}", which has {len(seen[producer].dtypes)}'
    for control in node.controls:
        if control not in seen:
            return f'waits for "{control}", which does not stand before it'
    return None


def _report(ir: IR, stage: str, node: Node, problem: str) -> str:
    names = list(ir.nodes)
    at = names.index(node.name) if node.name in ir.nodes else 0
    around = "\n".join(
        ("> " if i == at else "  ") + str(ir.nodes[names[i]])
        for i in range(max(0, at - 5), min(len(names), at + 6))
    )
    return f'bug in penstock: after {stage}: node "{node.name}" {problem}\n{around}'
