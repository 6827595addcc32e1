"""What a run should have needed: the peak that lifetimes and table of the planner give.

The planner's rules (penstock.memory) on the shapes that the run had. They describe CPU kernels and
nodes that run in the plan's order; beside the measured peak they tell how far the two agree.
"""

from __future__ import annotations

from penstock.graph.ir import IR
from penstock.memory.lifetimes import lifetimes
from penstock.runtime.memory_log import Holding, Replay


def planned_peak(replay: Replay, number: int) -> int | None:
    """Return the bytes a program of the run needs at most beside what was live before it.

    None for a device that is no CPU, and where a size follows from no shape (strings).
    """
    program, ir = replay.programs[number], replay.irs[number]
    if "device:CPU:" not in program.device:
        return None
    dims: dict[tuple[str, int], tuple[int, ...]] = {}
    for record in replay.nodes:
        if record.program == number:
            for held in map(Holding._make, record.outputs):
                dims[program.slots[held.owner]] = held.dims
    fed = {program.slots[h.owner][0]: h.dims for h in map(Holding._make, program.feeds)}
    nodes = []
    for node in ir:
        shapes = [dims.get((node.name, i), shape) for i, shape in enumerate(node.shapes)]
        if node.op == "_Arg":
            shapes = [fed.get(node.attrs["_fed"].decode(), node.shapes[0])]
        nodes.append(node._replace(shapes=tuple(shapes)))
    lives = lifetimes(IR(nodes, ir.roots))
    if any(block.kind == "unknown" for block in lives.blocks):
        return None
    return lives.peak()[0]
