"""Lists of variables, and the operations that give them their first values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import dtypes
from penstock.exports import export
from penstock.graph.graph import get_default_graph
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.control import group, under
from penstock.ops.sources import constant
from penstock.ops.wrappers import raw
from penstock.variables.collections import GraphKeys


@export("global_variables")
def global_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that belong to the model's state, those matching `scope`."""
    return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


@export("all_variables")
def all_variables() -> list[Any]:
    """Return `global_variables()`: the older name."""
    return global_variables()


@export("local_variables")
def local_variables(scope: str | None = None) -> list[Any]:
    """Return the variables of this process only, such as counters, those matching `scope`."""
    return get_default_graph().get_collection(GraphKeys.LOCAL_VARIABLES, scope)


@export("model_variables")
def model_variables(scope: str | None = None) -> list[Any]:
    """Return the variables put into the collection MODEL_VARIABLES, those matching `scope`."""
    return get_default_graph().get_collection(GraphKeys.MODEL_VARIABLES, scope)


@export("trainable_variables")
def trainable_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that optimizers change by default, those matching `scope`."""
    return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


@export("moving_average_variables")
def moving_average_variables(scope: str | None = None) -> list[Any]:
    """Return the variables that moving averages are kept of, those matching `scope`."""
    return get_default_graph().get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


@export("variables_initializer initialize_variables initializers.variables")
def variables_initializer(var_list: Sequence[Any] | None, name: str = "init") -> Operation:
    """Return an operation that initialises the variables of a list."""
    return group(*[v.initializer for v in var_list or ()], name=name)


@export("global_variables_initializer initialize_all_variables initializers.global_variables")
def global_variables_initializer() -> Operation:
    """Return an operation that initialises all global variables made so far.

    >>> v = ps.Variable([1, 2])
    >>> with ps.Session() as sess:
    ...     sess.run(ps.global_variables_initializer())
    ...     print(sess.run(v))
    [1 2]
    """
    return variables_initializer(global_variables())


@export("local_variables_initializer initialize_local_variables initializers.local_variables")
def local_variables_initializer() -> Operation:
    """Return an operation that initialises all local variables made so far."""
    return variables_initializer(local_variables())


@export("is_variable_initialized")
def is_variable_initialized(variable: Any) -> Tensor:
    """Return a bool tensor: does the variable have a value?"""
    if isinstance(variable, Tensor) and variable.dtype.is_ref:
        result: Tensor = raw.IsVariableInitialized(variable)
        return result
    return variable.is_initialized()  # type: ignore[no-any-return]


@export("assert_variables_initialized")
def assert_variables_initialized(var_list: Sequence[Any] | None = None) -> Operation | None:
    """Return an operation that fails with `FailedPreconditionError` if a variable has no value.

    `var_list` defaults to all global and local variables; None is returned for no variables.
    """
    variables = global_variables() + local_variables() if var_list is None else list(var_list)
    if not variables:
        return None
    return group(*(v.value() for v in variables), name="assert_variables_initialized")


@export("report_uninitialized_variables")
def report_uninitialized_variables(
    var_list: Sequence[Any] | None = None, name: str = "report_uninitialized_variables"
) -> Tensor:
    """Return the names of the variables without a value, as a string vector.

    `var_list` defaults to all global and local variables.
    """
    variables = global_variables() + local_variables() if var_list is None else list(var_list)
    with under("report_uninitialized_variables", name):
        names = constant(np.array([v.op.name for v in variables], dtype=object), dtypes.string)
        if not variables:
            return names
        have = raw.Pack([is_variable_initialized(v) for v in variables], axis=0)
        rows = raw.Squeeze(raw.Where(raw.LogicalNot(have)), squeeze_dims=[1])
        result: Tensor = raw.GatherV2(names, rows, 0)
    return result
