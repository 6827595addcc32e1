"""What may be computed twice: one answer for each node, from its op's definition.

`pure` nodes may be repeated. `random` nodes may where the op has two halves (`ops.redraw`): the
one that moves the stream runs once, the other one draws the same numbers again. What
`reads_variable` might see another value: it runs once and repetitions read its first result. All
else with an effect, and every op that nobody defined, is `stateful`.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from penstock.graph.ir import Node
from penstock.ops.redraw import HALVES
from penstock.ops.registry import find_op, has_op

Purity: TypeAlias = Literal["pure", "random", "stateful", "reads_variable"]

READS = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"})
RANDOM = frozenset(
    {
        *("RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal"),
        *("RandomShuffle", "Multinomial", "RandomGamma", "RandomPoissonV2"),
        *("ParameterizedTruncatedNormal", "RandomPoisson"),
    }
)


def may_repeat(node: Node) -> bool:
    """Tell whether a node can be run again and give what it gave."""
    return purity(node) == "pure" or node.op in HALVES


def purity(node: Node) -> Purity:
    """Return what repeating the node would mean."""
    if node.op in READS:
        return "reads_variable"
    if node.op in RANDOM:
        return "random"
    if not has_op(node.op) or find_op(node.op).stateful:
        return "stateful"
    if any(dtype.base_dtype.name == "resource" for dtype in node.dtypes):
        return "stateful"
    return "pure"
