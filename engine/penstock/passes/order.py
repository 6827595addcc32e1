"""order: put nodes into the order in which one thread runs them.

Depth first from the roots: a value is made just before it is first read, which keeps few
values alive and recently written ones in the cache. With the option `order="memory"` nodes that
free more than they make run as early as they can, where that helps. A schedule that was planned for
memory is an order already, and stays.
"""

from __future__ import annotations

from importlib import import_module

from penstock.graph.ir import IR
from penstock.passes.context import PassContext


def order(ir: IR, ctx: PassContext) -> IR:
    """Return the same nodes, depth first from the roots, `_Arg`s ahead of everything."""
    if ctx.log.recomputation is not None:
        return ir
    nodes = ir.nodes
    done: dict[str, None] = {n.name: None for n in ir if n.op == "_Arg"}
    for root in ir.roots:
        stack = [(root, False)]
        while stack:
            name, finished = stack.pop()
            if finished:
                done[name] = None
            elif name not in done:
                stack.append((name, True))
                pending = [p for p in nodes[name].predecessors() if p not in done]
                stack += [(p, False) for p in reversed(pending)]
    deep = IR({name: nodes[name] for name in done}, ir.roots)
    if ctx.options.order != "memory":
        return deep
    less: IR = import_module("penstock.remat.plain_order").less_memory(deep)
    return less
