"""What the variables of a graph are for: parameters, slots of an optimizer, or others.

Read off the graph, so that imported ones are understood too: an optimizer's update takes the
variable it trains first and its slots after. What is trainable is a parameter even where nothing
trains it; what is not, has its shape and must be where it is, is one of its slots (updates of
sparse gradients consist of several ops and do not tell).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
    parameters: dict[str, Operation] = {}
    slots: list[Operation] = []
    for op in graph.get_operations():
        if _UPDATE.match(op.type):
            found = [v for v in map(_variable_of, op._inputs) if v is not None]
            parameters.update((name_of(v), v) for v in found[:1])
            slots += found[1:]
    for variable in graph.get_collection("trainable_variables"):
        handle = getattr(variable, "handle", None)
        known = _variable_of(handle) if isinstance(handle, Tensor) else None
        if known is not None:
            parameters[name_of(known)] = known
    beside = {op.name: op for op in parameters.values()}
    for op in graph.get_operations():
        if op.type in _VARIABLES and any(_alike(op, beside.get(name)) for name in _groups(op)):
            slots.append(op)
    roles = {name_of(op): "slots" for op in slots}
    return {**roles, **dict.fromkeys(parameters, "parameters")}


def name_of(variable: Operation) -> str:
    """Return the name by which a session knows the variable of a handle's operation."""
    shared = variable._attrs.get("shared_name") or b""
    return shared.decode() if shared else variable.name


def _groups(op: Operation) -> Iterator[str]:
    """Yield the names of the operations that one must be on the device of."""
    for text in op._attrs.get("_class") or ():
        yield text.decode().removeprefix("loc:@")


def _alike(op: Operation, parameter: Operation | None) -> bool:
    """Tell whether a variable has the shape of a parameter, and is another one."""
    if parameter is None or parameter is op:
        return False
    shape, other = op._attrs.get("shape"), parameter._attrs.get("shape")
    return shape is not None and other is not None and shape._dims == other._dims


def _variable_of(tensor: Tensor) -> Operation | None:
    """Return the variable that a tensor is the handle of or refers to, if it is one's."""
    if tensor.dtype.name != "resource" and tensor.dtype == tensor.dtype.base_dtype:
        return None
    op: Operation = tensor.op
    while op.type in _PASS_ON and op._inputs:
        op = op._inputs[0].op
    return op if op.type in _VARIABLES else None
