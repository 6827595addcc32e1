"""What the variables of a graph are for: parameters, slots of an optimizer, or others.

Read off the graph's updates, so that imported graphs are understood too: an optimizer's update
takes the variable it trains first and its slots after. What is trainable is a parameter even
where nothing trains it.
"""

from __future__ import annotations

import re

from penstock.graph.graph import Graph
from penstock.graph.tensor import Operation, Tensor

_UPDATE = re.compile(r"(Resource)?(Sparse)?Apply[A-Z]")
_VARIABLES = frozenset({"VarHandleOp", "VariableV2", "Variable"})
_PASS_ON = frozenset({"Identity", "Switch", "Enter", "RefEnter"})


def variable_roles(graph: Graph) -> dict[str, str]:
    """Return "parameters" or "slots" by the name a session knows a variable by.

    Variables that are neither are left out.

    >>> from penstock.runtime.variable_roles import variable_roles
    >>> w = ps.Variable([1.0, 2.0], name="w")
    >>> _ = ps.train.MomentumOptimizer(0.1, 0.9).minimize(ps.reduce_sum(w * w))
    >>> variable_roles(ps.get_default_graph())
    {'w/Momentum': 'slots', 'w': 'parameters'}
    """
    targets: dict[str, str] = {}
    slots: dict[str, str] = {}
    for op in graph.get_operations():
        if _UPDATE.match(op.type):
            names = [name for name in map(_variable_of, op._inputs) if name]
            targets.update(dict.fromkeys(names[:1], "parameters"))
            slots.update(dict.fromkeys(names[1:], "slots"))
    for variable in graph.get_collection("trainable_variables"):
        handle = getattr(variable, "handle", None)
        name = _variable_of(handle) if isinstance(handle, Tensor) else ""
        targets.update(dict.fromkeys([name] if name else [], "parameters"))
    return {**slots, **targets}


def _variable_of(tensor: Tensor) -> str:
    """Return the name of the variable that a tensor is the handle of or refers to, or nothing."""
    if tensor.dtype.name != "resource" and tensor.dtype == tensor.dtype.base_dtype:
        return ""
    op: Operation = tensor.op
    while op.type in _PASS_ON and op._inputs:
        op = op._inputs[0].op
    if op.type not in _VARIABLES:
        return ""
    shared = op._attrs.get("shared_name") or b""
    return shared.decode() if shared else op.name
