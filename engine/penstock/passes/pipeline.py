"""THE list of passes, in order. Reads as a table of contents.

`run_pipeline` applies them, records what they did and, on request, prints or checks the IR
after each (`PENSTOCK_DEBUG=passes`, or the name of one stage; `PENSTOCK_CHECK=1`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from penstock.graph.check import check_ir
from penstock.graph.ir import IR
from penstock.passes.context import PassContext
from penstock.passes.fold_constants import fold_constants
from penstock.passes.lower_references import lower_references
from penstock.passes.merge_duplicates import merge_duplicates
from penstock.passes.order import order
from penstock.passes.place import place
from penstock.passes.prune import prune
from penstock.passes.recompute import recompute
from penstock.passes.simplify import simplify

PIPELINE: tuple[tuple[Callable[[IR, PassContext], IR], str], ...] = (
    (lower_references, "reference variables become resource variables"),
    (simplify, "nodes that change nothing disappear"),
    (fold_constants, "what constants determine is computed now"),
    (merge_duplicates, "nodes that compute the same become one"),
    (prune, "what no fetch needs is left out"),
    (place, "nodes get devices"),
    (recompute, "what gradients ask not to keep is computed again"),
    (order, "nodes stand in the order they will run"),
)


def run_pipeline(ir: IR, context: PassContext) -> IR:
    """Return `ir` after every pass of the list."""
    show(ir, "extract", context)
    context.log.counts.append(("extract", len(ir)))
    context.log.keep("extract", ir)
    for apply, _ in PIPELINE:
        name = apply.__name__
        context.log.stage = name
        ir = apply(ir, context)
        context.log.counts.append((name, len(ir)))
        context.log.keep(name, ir)
        show(ir, name, context)
        if context.options.check:
            check_ir(ir, name)
    return ir


def show(ir: IR, stage: str, context: PassContext) -> None:
    """Print `ir` when somebody asked for this stage."""
    if context.options.debug & {"passes", stage}:
        print(f"--- {stage}: {len(ir)} nodes\n{ir}", file=sys.stderr)
