"""get_variable: variables by name, made once and shared.

Every graph has a table from full names to the variables that `get_variable` made. The current
`VariableScope` supplies the prefix, whether a name must be new, and defaults; a custom getter
of the scope stands before the table and may answer in its place.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from penstock import dtypes, shapes
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph.graph import Graph, get_default_graph
from penstock.graph.tensor import Tensor
from penstock.initializers import default_initializer
from penstock.shapes import TensorShape
from penstock.variables.collections import GraphKeys
from penstock.variables.scope import get_variable_scope, refuse_partitioner
from penstock.variables.variable import Variable, VariableAggregation, VariableSynchronization

_KEY = "_shared_variables"


def _table(graph: Graph) -> dict[str, Variable]:
    held = graph.get_collection_ref(_KEY)
    if not held:
        held.append({})
    table: dict[str, Variable] = held[0]
    return table


@export("get_variable")
def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Callable[[Any], Any] | None = None,
    trainable: bool | None = None,
    collections: Iterable[str] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Callable[..., Any] | None = None,
    constraint: Callable[[Any], Any] | None = None,
    synchronization: VariableSynchronization = VariableSynchronization.AUTO,
    aggregation: VariableAggregation = VariableAggregation.NONE,
) -> Any:
    """Return the variable of that name in the current variable scope, made if it is new.

    `initializer` is a function of (shape, dtype), a class of such functions, or a value
    (then leave out `shape`); without one floats get `glorot_uniform_initializer` and others
    zeros. `regularizer` is a function of the variable whose result joins the collection
    REGULARIZATION_LOSSES. Raises `ValueError` when the scope's `reuse` and the existence of
    the variable disagree, or when shape or dtype differ from the existing variable's.

    >>> with ps.variable_scope("scope", reuse=ps.AUTO_REUSE):
    ...     a = ps.get_variable("a", [3])
    ...     b = ps.get_variable("a")
    >>> a is b
    True
    """
    scope = get_variable_scope()
    refuse_partitioner(partitioner)
    if not isinstance(name, str):
        raise TypeError(f"the name of a variable is a string, not {name!r}")
    getter = scope.custom_getter if custom_getter is None else custom_getter
    arguments = {
        "name": f"{scope.name}/{name}" if scope.name else name,
        "shape": shape,
        "dtype": _wanted_dtype(name, dtype, initializer),
        "initializer": scope.initializer if initializer is None else initializer,
        "regularizer": scope.regularizer if regularizer is None else regularizer,
        "reuse": scope.reuse,
        "trainable": trainable,
        "collections": collections,
        "caching_device": scope.caching_device if caching_device is None else caching_device,
        "partitioner": None,
        "validate_shape": validate_shape,
        "use_resource": use_resource,
        "synchronization": synchronization,
        "aggregation": aggregation,
        "constraint": scope.constraint if constraint is None else constraint,
    }
    # The variable's name comes from the variable scope alone.
    with get_default_graph().name_scope(None):
        if getter is None:
            return _find_or_make(**arguments)
        return getter(_find_or_make, **arguments)


@export("get_local_variable")
def get_local_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Callable[[Any], Any] | None = None,
    trainable: bool | None = False,
    collections: Iterable[str] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Callable[..., Any] | None = None,
    constraint: Callable[[Any], Any] | None = None,
    synchronization: VariableSynchronization = VariableSynchronization.AUTO,
    aggregation: VariableAggregation = VariableAggregation.NONE,
) -> Any:
    """Return a variable as `get_variable` does, among the local variables and not trainable."""
    return get_variable(
        name,
        shape,
        dtype,
        initializer,
        regularizer,
        False,
        [GraphKeys.LOCAL_VARIABLES, *(collections or ())],
        caching_device,
        partitioner,
        validate_shape,
        use_resource,
        custom_getter,
        constraint,
        synchronization,
        aggregation,
    )


def _wanted_dtype(name: str, dtype: Any, initializer: Any) -> DType | None:
    """Return the dtype that is asked for (None: not said), which a given value must have."""
    wanted = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
    if wanted is not None and isinstance(initializer, (Tensor, Variable)):
        have = initializer.dtype.base_dtype
        if have is not wanted:
            raise ValueError(
                f"variable {name!r}: initializer has dtype {have.name}, {wanted.name} is asked for"
            )
    return wanted


def _find_or_make(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Callable[[Any], Any] | None = None,
    reuse: Any = None,
    trainable: bool | None = None,
    collections: Iterable[str] | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    synchronization: VariableSynchronization = VariableSynchronization.AUTO,
    aggregation: VariableAggregation = VariableAggregation.NONE,
    constraint: Callable[[Any], Any] | None = None,
) -> Variable:
    """Return the variable of a full name: what a custom getter gets as its `getter`."""
    refuse_partitioner(partitioner)
    table = _table(get_default_graph())
    wanted = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
    found = table.get(name)
    if found is not None:
        return _shared(found, name, shape, wanted, reuse)
    if reuse is True:
        raise ValueError(
            f"variable {name!r} does not exist (get_variable did not make it), but its scope has "
            "reuse=True; use reuse=tf.AUTO_REUSE to make it when it is missing"
        )
    kind = wanted or get_variable_scope().dtype
    value, known = _initial_value(name, shape, kind, initializer)
    variable = Variable(
        value,
        trainable=trainable,
        collections=collections,
        validate_shape=validate_shape,
        caching_device=caching_device,
        name=name,
        dtype=wanted if known is None else kind,
        constraint=constraint,
        synchronization=synchronization,
        aggregation=aggregation,
        shape=known if validate_shape else None,
    )
    table[name] = variable
    if regularizer is not None:
        _regularize(variable, name, regularizer)
    return variable


def _shared(found: Variable, name: str, shape: Any, dtype: DType | None, reuse: Any) -> Variable:
    """Return an existing variable after checking that it is the one that is meant."""
    if reuse is False:
        source = found.handle.op.traceback
        place = f"\n  first made at {source.render()}" if source else ""
        raise ValueError(
            f"variable {name!r} exists already; to share it use reuse=True or "
            f"reuse=tf.AUTO_REUSE in variable_scope{place}"
        )
    if not shapes.compatible(shapes.to_dims(shape), found._dims):
        raise ValueError(
            f"variable {name!r} exists with shape {shapes.render(found._dims)}, "
            f"shape {shapes.render(shapes.to_dims(shape))} is asked for"
        )
    if dtype is not None and dtype is not found.dtype:
        raise ValueError(
            f"variable {name!r} exists with dtype {found.dtype.name}, {dtype.name} is asked for"
        )
    return found


def _initial_value(
    name: str, shape: Any, dtype: DType, initializer: Any
) -> tuple[Any, TensorShape | None]:
    """Return what Variable takes as its initial value, and the shape if it is given."""
    if inspect.isclass(initializer):
        initializer = initializer()
    if initializer is None:
        initializer = default_initializer(name, dtype)
    if not callable(initializer) or isinstance(initializer, Variable):
        if shape is not None:
            raise ValueError(
                f"variable {name!r}: the initializer is a value, which has a shape: leave out shape"
            )
        return initializer, None
    parameters = inspect.signature(initializer).parameters
    if shape is None and not parameters:
        return initializer, None
    dims = shapes.to_dims(shape)
    if not shapes.is_fully_defined(dims):
        raise ValueError(
            f"the shape of the new variable {name!r} must be fully known, not {shapes.render(dims)}"
        )
    assert dims is not None
    size = [int(d or 0) for d in dims]
    more = {"partition_info": None} if "partition_info" in parameters else {}
    return functools.partial(initializer, size, dtype=dtype, **more), TensorShape(dims)


def _regularize(variable: Variable, name: str, regularizer: Callable[[Any], Any]) -> None:
    graph = variable.graph
    with graph.colocate_with(variable.op), graph.name_scope(f"{name}/Regularizer/"):
        loss = regularizer(variable)
    if loss is not None:
        graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
