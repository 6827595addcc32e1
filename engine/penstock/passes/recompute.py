"""recompute: what gradients ask not to keep is computed again.

Enters an IR after merging, folding and placement; leaves it alone when no gradient call of the run
asks for anything. The planner (`penstock.remat`), which most programs never need, is loaded when
one does.
"""

from __future__ import annotations

from importlib import import_module

from penstock.graph.ir import IR
from penstock.passes.context import PassContext
from penstock.remat.requests import read_request


def recompute(ir: IR, ctx: PassContext) -> IR:
    """Return `ir` with what the gradient calls asked for. Raises `Infeasible` for a budget."""
    request = read_request(ir, ctx.options.checkpoints, ctx.log.replaced)
    if request is None:
        return ir
    rewritten: IR = import_module("penstock.remat.rewrite").rewrite(ir, ctx, request)
    return rewritten
