"""assign, scatter_add and their siblings as functions of a variable.

The first argument is a Variable or, in imported graphs, the tensor of a reference variable.
Each returns the updated variable (or the reference after the update).
"""

from __future__ import annotations

from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import convert
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.variables.variable import Variable


@export("assign")
def assign(
    ref: Any,
    value: Any,
    validate_shape: bool | None = None,
    use_locking: bool | None = None,
    name: str | None = None,
) -> Any:
    """Set a variable. Returns the updated variable: running it assigns and gives the value.

    `validate_shape=False` lets a reference variable change its shape. Raises `ShapeError`
    (a ValueError) for a value of another shape.

    >>> v = ps.Variable(1.)
    >>> with ps.Session() as sess:
    ...     print(sess.run(ps.assign(v, 5.)))
    5.0
    """
    if _is_reference(ref):
        check = validate_shape is None or validate_shape
        return raw.Assign(ref, value, validate_shape=check, use_locking=use_locking, name=name)
    return _variable(ref, "assign").assign(value, name=name)


@export("assign_add")
def assign_add(
    ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None
) -> Any:
    """Add `value` to a variable. Returns the updated variable."""
    if _is_reference(ref):
        return raw.AssignAdd(ref, value, use_locking=use_locking, name=name)
    return _variable(ref, "assign_add").assign_add(value, name=name)


@export("assign_sub")
def assign_sub(
    ref: Any, value: Any, use_locking: bool | None = None, name: str | None = None
) -> Any:
    """Subtract `value` from a variable. Returns the updated variable."""
    if _is_reference(ref):
        return raw.AssignSub(ref, value, use_locking=use_locking, name=name)
    return _variable(ref, "assign_sub").assign_sub(value, name=name)


@export("count_up_to")
def count_up_to(ref: Any, limit: int, name: str | None = None) -> Tensor:
    """Add one to a variable and return what it was; `OutOfRangeError` once it is `limit`."""
    if _is_reference(ref):
        result: Tensor = raw.CountUpTo(ref, limit=limit, name=name)
        return result
    return _variable(ref, "count_up_to").count_up_to(limit)


@export("scatter_update")
def scatter_update(
    ref: Any, indices: Any, updates: Any, use_locking: bool = True, name: str | None = None
) -> Any:
    """Set rows of a variable: ``ref[indices] = updates``. Returns the updated variable."""
    if _is_reference(ref):
        return raw.ScatterUpdate(ref, indices, updates, use_locking=use_locking, name=name)
    return _rows(ref, "scatter_update", indices, updates, name)


@export("scatter_add")
def scatter_add(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Any:
    """Add to rows of a variable; repeated rows add up. Returns the updated variable.

    >>> v = ps.Variable([1., 2., 3.])
    >>> with ps.Session() as sess:
    ...     sess.run(v.initializer)
    ...     print(sess.run(ps.scatter_add(v, [0, 0, 2], [10., 10., 1.])))
    [21.  2.  4.]
    """
    if _is_reference(ref):
        return raw.ScatterAdd(ref, indices, updates, use_locking=use_locking, name=name)
    return _rows(ref, "scatter_add", indices, updates, name)


@export("scatter_sub")
def scatter_sub(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Any:
    """Subtract from rows of a variable; repeated rows add up. Returns the updated variable."""
    if _is_reference(ref):
        return raw.ScatterSub(ref, indices, updates, use_locking=use_locking, name=name)
    return _rows(ref, "scatter_sub", indices, updates, name)


@export("scatter_mul")
def scatter_mul(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Any:
    """Multiply rows of a variable. Returns the updated variable."""
    return _rows(ref, "scatter_mul", indices, updates, name)


@export("scatter_div")
def scatter_div(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Any:
    """Divide rows of a variable. Returns the updated variable."""
    return _rows(ref, "scatter_div", indices, updates, name)


@export("scatter_nd_update")
def scatter_nd_update(
    ref: Any, indices: Any, updates: Any, use_locking: bool = True, name: str | None = None
) -> Any:
    """Set elements or slices of a variable. Returns the updated variable."""
    return _variable(ref, "scatter_nd_update").scatter_nd_update(indices, updates, name)


@export("scatter_nd_add")
def scatter_nd_add(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Any:
    """Add to elements or slices of a variable. Returns the updated variable."""
    return _variable(ref, "scatter_nd_add").scatter_nd_add(indices, updates, name)


@export("scatter_nd_sub")
def scatter_nd_sub(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: str | None = None
) -> Any:
    """Subtract from elements or slices of a variable. Returns the updated variable."""
    return _variable(ref, "scatter_nd_sub").scatter_nd_sub(indices, updates, name)


def _is_reference(ref: Any) -> bool:
    return isinstance(ref, Tensor) and ref.dtype.is_ref


def _variable(ref: Any, what: str) -> Variable:
    if not isinstance(ref, Variable):
        raise TypeError(f"{what} changes a Variable, not {ref!r}")
    return ref


def _rows(ref: Any, what: str, indices: Any, updates: Any, name: str | None) -> Any:
    variable = _variable(ref, what)
    values = convert.to_tensor(updates, variable.dtype)
    delta = IndexedSlices(values, convert.to_tensor(indices))
    return getattr(variable, what)(delta, name=name)
