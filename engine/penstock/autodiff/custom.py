"""Gradients by hand and by rows: `custom_gradient`, `hessians`, `add_check_numerics_ops`."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

from penstock import errors
from penstock.autodiff.gradients import gradients
from penstock.exports import export
from penstock.graph.graph import get_default_graph
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import control, convert
from penstock.ops.registry import register_named_gradient
from penstock.ops.wrappers import raw

_numbers = itertools.count()


@export("custom_gradient")
def custom_gradient(f: Callable[..., Any] | None = None) -> Any:
    """Decorate a function that returns (result, gradient function): the latter is used.

    The gradient function takes the gradients of the results and returns one per argument. If
    the function reads trainable variables, it must also take `variables`, a list, and return
    a pair: the arguments' gradients and the variables'.

    >>> @ps.custom_gradient
    ... def clipped(x):
    ...     return x * x, lambda dy: ps.clip_by_value(dy * 2. * x, -1., 1.)
    >>> x = ps.constant([0.25, 4.])
    >>> ps.Session().run(ps.gradients(clipped(x), x)[0])
    array([0.5, 1. ], dtype=float32)
    """
    if f is None:
        return custom_gradient

    @functools.wraps(f)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        return _apply(f, args, kwargs)

    return decorated


def _apply(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    with control.under("custom_gradient", None):
        # Copies, so that a gradient by an argument does not go around the gradient function.
        tensors = [raw.Identity(convert.to_tensor(a)) for a in args]
        result, grad_fn = f(*tensors, **kwargs)
        many = isinstance(result, (list, tuple))
        results = [convert.to_tensor(r) for r in (result if many else [result])]
        variables = _variables_behind(results, tensors)
        takes = _takes_variables(grad_fn)
        if variables and not takes:
            raise TypeError(
                f"the gradient function of {getattr(f, '__name__', 'a function')!r} must take "
                f"`variables`, as the function reads {[v.name for v in variables]}"
            )
        name = f"CustomGradient-{next(_numbers)}"

        def rule(_: Operation, *dys: Any) -> list[Any]:
            given = [None] * len(results)
            if variables:
                by_args, by_variables = grad_fn(*dys[: len(results)], variables=variables)
                return [*given, *_listed(by_args), *_listed(by_variables)]
            return [*given, *_listed(grad_fn(*dys[: len(results)]))]

        register_named_gradient(name, rule)
        with get_default_graph().gradient_override_map({"IdentityN": name}):
            joined = raw.IdentityN([*results, *tensors, *(v.handle for v in variables)])
    out = joined[: len(results)]
    return type(result)(out) if many and type(result) in (list, tuple) else out[0]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _takes_variables(grad_fn: Callable[..., Any]) -> bool:
    parameters = inspect.signature(grad_fn).parameters.values()
    return any(p.name == "variables" or p.kind is p.VAR_KEYWORD for p in parameters)


def _variables_behind(results: list[Tensor], stops: list[Tensor]) -> list[Any]:
    """Return the trainable variables that the results depend on, not by way of `stops`."""
    by_handle = {
        v.handle.op: v
        for v in get_default_graph().get_collection("trainable_variables")
        if hasattr(v, "handle")
    }
    ends = {t.op for t in stops}
    seen = set(ends)
    stack = [t.op for t in results]
    found = []
    while stack:
        op = stack.pop()
        if op in seen:
            continue
        seen.add(op)
        if op in by_handle:
            found.append(by_handle[op])
        stack.extend(t.op for t in op.inputs)
    return found


@export("hessians")
def hessians(
    ys: Any,
    xs: Any,
    name: str = "hessians",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
) -> list[Tensor]:
    """Return for each x the second derivatives of sum(ys), of shape x.shape + x.shape.

    One gradient is built for each element of x, whose shape must be known while building.

    >>> x = ps.constant([1., 2.])
    >>> ps.Session().run(ps.hessians(x[0] * x[1] * x[1], x)[0])
    array([[0., 4.],
           [4., 2.]], dtype=float32)
    """
    listed = list(xs) if isinstance(xs, (list, tuple)) else [xs]
    options: dict[str, Any] = {
        "colocate_gradients_with_ops": colocate_gradients_with_ops,
        "gate_gradients": gate_gradients,
        "aggregation_method": aggregation_method,
    }
    with control.under("hessians", name):
        return [_hessian(ys, x, options) for x in listed]


def _hessian(ys: Any, x: Any, options: dict[str, Any]) -> Tensor:
    dims = x.shape.as_list() if x.shape.ndims is not None else [None]
    if None in dims:
        raise errors.ShapeError(
            None, None, f'hessians: the shape of "{x.name}" must be known, it is {x.shape}'
        )
    (slope,) = gradients(ys, x, **options)
    if slope is None:
        raise ValueError(f'hessians: ys do not depend on "{x.name}"')
    flat = raw.Reshape(convert.to_tensor(slope), [-1])
    value = convert.to_tensor(x)
    rows = []
    for i in range(math.prod(dims)):
        (row,) = gradients(flat[i], x, **options)
        rows.append(raw.ZerosLike(value) if row is None else convert.to_tensor(row))
    shape = [*dims, *dims]
    result: Tensor = raw.Reshape(raw.Pack(rows), shape) if rows else raw.Fill(shape, 0.0)
    return result


@export("add_check_numerics_ops")
def add_check_numerics_ops() -> Operation:
    """Return an operation that fails if any float tensor of the graph holds NaN or infinity.

    Tensors are checked in the order in which they are computed, so the first one is named.

    >>> with ps.Graph().as_default(), ps.Session() as sess:
    ...     y = ps.sqrt(ps.constant(4.))
    ...     sess.run(ps.add_check_numerics_ops()) is None
    True
    """
    checks: list[Operation] = []
    for tensor in list(_float_tensors()):
        message = f"{tensor.op.name}:{tensor.value_index}"
        with control.control_dependencies(checks[-1:]):
            checks.append(raw.CheckNumerics(tensor, message=message).op)
    return control.group(*checks, name="check_numerics")


def _float_tensors() -> Iterator[Tensor]:
    for op in get_default_graph().get_operations():
        for tensor in op.outputs:
            if tensor.dtype.is_floating and not tensor.dtype.is_ref:
                yield tensor
