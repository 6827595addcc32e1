"""The order of a plain run that holds less memory: nothing is made again, only earlier or later.

Enters: an IR in its final order. Leaves: the same nodes, those that free more than they make as
soon as they can run, where that lowers the planned peak; the given IR otherwise. Accesses to one
variable keep their order, so results are the same to the last bit.
"""

from __future__ import annotations

from penstock.graph.ir import IR
from penstock.memory.lifetimes import lifetimes
from penstock.remat.joint import make_joint
from penstock.remat.joint_order import variable_order
from penstock.remat.reorder import eager_order
from penstock.remat.rewrite import apply_schedule
from penstock.remat.schedule import Compute, Schedule
from penstock.simulate import Sizes


def less_memory(ir: IR) -> IR:
    """Return `ir`, or its nodes in an order whose planned peak is lower."""
    joint = make_joint(ir, ())
    steps = tuple(Compute(t, 0) for t in eager_order(joint.problem))
    other = apply_schedule(ir, joint, Schedule(steps))
    if other.nodes.keys() != ir.nodes.keys() or variable_order(other) != variable_order(ir):
        return ir
    return other if _peak(other) < _peak(ir) else ir


def _peak(ir: IR) -> int:
    return lifetimes(ir, Sizes(ir), guesses=True).peak()[0]
