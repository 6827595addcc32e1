"""Anything → Tensor: the conversion that every op argument goes through.

A Tensor passes as it is (its dtype must match what is asked for). Variables, IndexedSlices
and other classes convert themselves by a method `_as_tensor(dtype, name)`. Python values
and arrays become `Const` nodes: Python floats are float32, Python ints int32, as in
TensorFlow, unless a dtype is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from penstock import dtypes, errors, shapes
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph import source
from penstock.graph.graph import Graph, get_default_graph
from penstock.graph.tensor import Operation, Tensor
from penstock.shapes import Dimension, TensorShape


@export("convert_to_tensor")
def convert_to_tensor(
    value: Any,
    dtype: Any = None,
    name: str | None = None,
    preferred_dtype: Any = None,
    dtype_hint: Any = None,
) -> Tensor:
    """Return `value` as a tensor of the default graph.

    `dtype` is binding; `preferred_dtype` (or `dtype_hint`) is used where the value allows.
    Raises `DTypeError` (a TypeError) or `ValueError` when the value cannot be one.

    >>> ps.convert_to_tensor([1, 2]).dtype.name
    'int32'
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
    hint = preferred_dtype if preferred_dtype is not None else dtype_hint
    if wanted is None and hint is not None and not isinstance(value, Tensor):
        try:
            return to_tensor(value, dtypes.as_dtype(hint), name)
        except (TypeError, ValueError):
            pass
    return to_tensor(value, wanted, name)


def to_tensor(value: Any, dtype: DType | None = None, name: str | None = None) -> Tensor:
    """Return `value` as a tensor: `convert_to_tensor` without its optional arguments."""
    if isinstance(value, Tensor):
        if dtype is not None and value.dtype.base_dtype is not dtype:
            raise errors.DTypeError(
                None,
                None,
                f'tensor "{value.name}" has dtype {value.dtype.name}, {dtype.name} is needed: '
                "use tf.cast",
            )
        return value
    convert = getattr(value, "_as_tensor", None)
    if convert is not None:
        return convert(dtype, name)  # type: ignore[no-any-return]
    if isinstance(value, Operation):
        raise TypeError(f'operation "{value.name}" has no value: it cannot be used as a tensor')
    if _registered and is_registered(value):
        made = _by_registered(value, dtype, name)
        if made is not None:
            return made
    if isinstance(value, (list, tuple)) and _holds_tensors(value):
        return _pack(value, dtype, name)
    return add_constant(to_array(value, dtype), name or "Const")


# (priority, types, function), by priority: conversions that programs have added.
_registered: list[tuple[int, tuple[type, ...], Callable[..., Any]]] = []


def register(types: tuple[type, ...], function: Callable[..., Any], priority: int) -> None:
    """Record how objects of these types become tensors."""
    _registered.append((priority, types, function))
    _registered.sort(key=lambda entry: entry[0])


def is_registered(value: Any) -> bool:
    """Return True when a program has said how such an object becomes a tensor."""
    return any(isinstance(value, types) for _, types, _ in _registered)


def _by_registered(value: Any, dtype: DType | None, name: str | None) -> Tensor | None:
    for _, types, function in _registered:
        made = (
            function(value, dtype=dtype, name=name, as_ref=False)
            if isinstance(value, types)
            else NotImplemented
        )
        if made is NotImplemented:
            continue
        if not isinstance(made, Tensor):
            raise TypeError(
                f"the conversion of {type(value).__name__} to a tensor returned {made!r}"
            )
        return to_tensor(made, dtype, name)
    return None


def add_constant(array: np.ndarray[Any, Any], name: str, graph: Graph | None = None) -> Tensor:
    """Add a `Const` node. The array is kept and read-only from now on; programs share it."""
    array.flags.writeable = False
    graph = get_default_graph() if graph is None else graph
    dtype = dtypes._LOOKUP[array.dtype]
    operation = graph.add_operation(
        "Const",
        graph.name_for(name),
        (),
        {"value": array, "dtype": dtype},
        [(dtype, array.shape)],
        source.caller(),
    )
    return operation._outputs[0]


def to_array(value: Any, dtype: DType | None = None) -> np.ndarray[Any, Any]:
    """Return a NumPy array of a dtype penstock has; the user's own array is copied."""
    kind = type(value)
    if kind is float:
        return _scalar(value, dtype or dtypes.float32)
    if kind is int and (dtype is None or dtype.is_numeric):
        return _int_scalar(value, dtype)
    if isinstance(value, (TensorShape, Dimension)):
        value = _sizes(value)
    elif isinstance(value, DType):
        value = value.as_datatype_enum
    try:
        return _from_sequence(value, dtype)
    except errors.OpError:
        raise
    except (TypeError, ValueError, OverflowError) as e:
        ragged = "inhomogeneous" in str(e)
        why = "its rows differ in length" if ragged else str(e)
        raise _cannot(value, dtype, why) from None


def _scalar(value: float, dtype: DType) -> np.ndarray[Any, Any]:
    if not (dtype.is_floating or dtype.is_complex):
        raise _cannot(value, dtype, "a float would be cut off")
    return np.array(value, dtype=dtype.numpy_dtype)


def _int_scalar(value: int, dtype: DType | None) -> np.ndarray[Any, Any]:
    if dtype is None:
        dtype = dtypes.int32 if -(1 << 31) <= value < 1 << 31 else dtypes.int64
    try:
        return np.array(value, dtype=dtype.numpy_dtype)
    except OverflowError:
        raise _cannot(value, dtype, "it is out of range") from None


def _sizes(value: TensorShape | Dimension) -> Any:
    dims = shapes.to_dims(value)
    if not shapes.is_fully_defined(dims):
        raise ValueError(f"the shape {value} is not fully known: use tf.shape of the tensor")
    assert dims is not None
    return int(value) if isinstance(value, Dimension) else np.array(dims, dtype=np.int32)


def _from_sequence(value: Any, dtype: DType | None) -> np.ndarray[Any, Any]:
    if isinstance(value, (np.ndarray, np.generic)):
        given = np.asarray(value)
        array = np.array(given, copy=True)
    else:
        given = None
        array = np.array(_plain(value))
        if array.dtype.kind in "iu" and array.dtype != np.int32 and array.size:
            fits = np.iinfo(np.int32)
            if array.min() >= fits.min and array.max() <= fits.max and not _has_arrays(value):
                array = array.astype(np.int32)
        elif array.dtype == np.float64 and not _has_arrays(value):
            array = array.astype(np.float32) if dtype is None else array
        elif array.size == 0 and array.dtype == np.float64:
            array = array.astype(np.float32)
    if array.dtype.kind in "SU" and given is None:
        array = np.array(_plain(value), dtype=object)  # NumPy turned numbers into text
    if array.dtype.kind in "SUO":
        return _strings(array, value, dtype)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    target = dtypes.as_dtype(array.dtype) if dtype is None else dtype
    if target.numpy_dtype == array.dtype:
        return np.ascontiguousarray(array) if array.ndim else array
    return _cast(array, target, value)


def _cast(array: np.ndarray[Any, Any], target: DType, value: Any) -> np.ndarray[Any, Any]:
    source_type = dtypes.as_dtype(array.dtype)
    lossy = (
        (source_type.is_floating and not (target.is_floating or target.is_complex))
        or (source_type.is_complex and not target.is_complex)
        or (source_type.is_bool != target.is_bool)
        or target is dtypes.string
    )
    if lossy and array.size:
        raise _cannot(value, target, f"it is {source_type.name}")
    if source_type.is_integer and target.is_integer and array.size:
        low, high = int(target.min), int(target.max)
        if int(array.min()) < low or int(array.max()) > high:
            raise _cannot(value, target, "a value is out of range")
    return array.astype(target.numpy_dtype)


def _strings(array: np.ndarray[Any, Any], value: Any, dtype: DType | None) -> np.ndarray[Any, Any]:
    items = array.ravel().tolist()
    if any(not isinstance(v, (str, bytes)) for v in items):
        raise _cannot(value, dtype, "it is ragged or holds Python objects")
    if dtype is not None and dtype is not dtypes.string:
        raise _cannot(value, dtype, "it is a string")
    out = np.empty(array.shape, dtype=object)
    out.ravel()[:] = [v.encode() if isinstance(v, str) else v for v in items]
    if array.ndim == 0:
        out = np.array(items[0].encode() if isinstance(items[0], str) else items[0], dtype=object)
    return out


def _plain(value: Any) -> Any:
    """Replace dimensions inside nested lists, so that `[n, 3]` works with `n` from a shape."""
    if isinstance(value, Dimension):
        return int(value)
    if isinstance(value, (list, tuple)):
        if any(isinstance(v, (list, tuple, Dimension)) for v in value):
            return [_plain(v) for v in value]
        if any(isinstance(v, bytes) for v in value):
            return np.array(value, dtype=object)
    elif isinstance(value, bytes):
        return np.array(value, dtype=object)
    return value


def _has_arrays(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_has_arrays(v) for v in value)
    return isinstance(value, (np.ndarray, np.generic))


def _holds_tensors(value: Sequence[Any]) -> bool:
    return any(
        isinstance(v, Tensor)
        or hasattr(v, "_as_tensor")
        or is_registered(v)
        or (isinstance(v, (list, tuple)) and _holds_tensors(v))
        for v in value
    )


def _pack(value: Sequence[Any], dtype: DType | None, name: str | None) -> Tensor:
    """Stack a list that holds tensors along a new first dimension."""
    from_tensors = dtype or next(
        (t.dtype.base_dtype for t in _leaves(value) if isinstance(t, Tensor)), None
    )
    parts = [to_tensor(v, from_tensors) for v in value]
    return stack_hook[0](parts, name)  # type: ignore[no-any-return]


def _leaves(value: Sequence[Any]) -> list[Any]:
    out: list[Any] = []
    for v in value:
        if isinstance(v, (list, tuple)):
            out += _leaves(v)
        else:
            out.append(to_tensor(v) if hasattr(v, "_as_tensor") or is_registered(v) else v)
    return out


stack_hook: list[Any] = []
"""How a list of tensors becomes one: `Pack`, set by `ops/apply.py`, which comes later."""


def _cannot(value: Any, dtype: DType | None, why: str) -> errors.OpError:
    text = repr(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    wanted = f" of dtype {dtype.name}" if dtype is not None else ""
    return errors.DTypeError(
        None, None, f"cannot convert {text} ({type(value).__name__}) to a tensor{wanted}: {why}"
    )
