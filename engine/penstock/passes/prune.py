"""prune: leave out nodes that no root needs any more."""

from __future__ import annotations

from penstock.graph import edit, walk
from penstock.graph.ir import IR
from penstock.passes.context import PassContext


def prune(ir: IR, ctx: PassContext) -> IR:
    """Return only what the roots reach; feeds stay, since their number is the signature."""
    needed = walk.reachable(ir)
    needed.update(n.name for n in ir if n.op == "_Arg")
    for node in ir:
        if node.name not in needed:
            ctx.log.note("removed", node.name, f"nothing reads this {node.op}")
    return ir if len(needed) == len(ir) else edit.keep(ir, needed)
