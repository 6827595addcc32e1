"""Rows that are looked up in a variable, made something that may be looked up again.

Enters an IR; leaves one in which each `ResourceGather` of the host is a read of the variable and a
gather of what was read. The read happens once, so that repetitions gather from the value of the
forward pass, whatever is assigned since: an update that comes before the last of them copies the
variable, which planning counts.
"""

from __future__ import annotations

import numpy as np

from penstock import dtypes
from penstock.graph.ir import IR, Node
from penstock.shapes import TensorShape
from penstock.simulate.machine import device_type

_OWN = frozenset({"batch_dims", "validate_indices", "dtype", "Tindices"})


def with_rows_read(ir: IR) -> IR | None:
    """Return the IR with reads and gathers, None where there is nothing to change."""
    nodes: dict[str, Node] = {}
    for node in ir:
        if _is_plain_lookup(ir, node):
            nodes |= {made.name: made for made in _split(ir, node)}
        else:
            nodes[node.name] = node
    return IR(nodes, ir.roots) if len(nodes) > len(ir.nodes) else None


def _is_plain_lookup(ir: IR, node: Node) -> bool:
    here = not node.device or device_type(node.device) == "CPU"
    if node.op != "ResourceGather" or node.attrs.get("batch_dims") or not here:
        return False
    return ir[node.inputs[0][0]].op == "VarHandleOp"


def _split(ir: IR, node: Node) -> tuple[Node, Node, Node]:
    """Return the read, the axis and the gather that stand for a lookup."""
    handle, indices = node.inputs
    marks = {key: value for key, value in node.attrs.items() if key not in _OWN}
    dtype, shape = node.attrs["dtype"], ir[handle[0]].attrs.get("shape")
    dims = shape._dims if isinstance(shape, TensorShape) else None
    read = node._replace(
        name=_unused(ir, f"{node.name}/variable"),
        op="ReadVariableOp",
        inputs=(handle,),
        attrs={**marks, "dtype": dtype},
        shapes=(dims,),
    )
    axis = node._replace(
        name=_unused(ir, f"{node.name}/axis"),
        op="Const",
        inputs=(),
        controls=(),
        attrs={"value": np.zeros((), np.int32), "dtype": dtypes.int32},
        dtypes=(dtypes.int32,),
        shapes=((),),
    )
    kinds = {"Tparams": dtype, "Tindices": node.attrs["Tindices"], "Taxis": dtypes.int32}
    gather = node._replace(
        op="GatherV2",
        inputs=((read.name, 0), indices, (axis.name, 0)),
        controls=(),
        attrs={**marks, **kinds, "batch_dims": 0},
    )
    return read, axis, gather


def _unused(ir: IR, name: str) -> str:
    while name in ir.nodes:
        name += "_"
    return name
