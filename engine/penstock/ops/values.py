"""Values in and out of tensors: what is known while building, TensorProto, what is a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.graph.tensor_codec import decode_tensor, encode_tensor
from penstock.ops import convert
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.static_values import constant_value, partial_ints


@export("get_static_value")
def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """Return the value of a tensor when the graph alone determines it, else None.

    With `partial` an integer vector of which some elements are known comes as an array of
    objects with None for the others.

    >>> ps.get_static_value(ps.shape(ps.zeros([2, 3])))
    array([2, 3], dtype=int32)
    """
    if not isinstance(tensor, Tensor):
        return tensor
    value = constant_value(tensor)
    if value is None and partial and tensor.dtype.is_integer and tensor.shape.ndims == 1:
        ints = partial_ints(tensor)
        if ints is not None and any(i is not None for i in ints):
            return np.array(ints, dtype=object)
    return value


@export("is_tensor")
def is_tensor(x: Any) -> bool:
    """Return True for tensors, variables and `IndexedSlices`.

    >>> ps.is_tensor(ps.constant(1)), ps.is_tensor([1])
    (True, False)
    """
    return isinstance(x, Tensor) or hasattr(x, "_as_tensor") or convert.is_registered(x)


@export("make_tensor_proto")
def make_tensor_proto(
    values: Any,
    dtype: Any = None,
    shape: Sequence[int] | None = None,
    verify_shape: bool = False,
    allow_broadcast: bool = False,
) -> Any:
    """Return a TensorProto of `values`.

    In a larger `shape` the last value repeats, unless `verify_shape`. `ValueError` when the
    values are more than the shape holds, `TypeError` for another shape than asked for.

    >>> ps.make_ndarray(ps.make_tensor_proto([1., 2.], shape=[3]))
    array([1., 2., 2.], dtype=float32)
    """
    array = convert.to_array(values, None if dtype is None else dtypes.as_dtype(dtype))
    if shape is None:
        return encode_tensor(array)
    wanted = tuple(int(s) for s in shape)
    count = int(np.prod(wanted, dtype=np.int64))
    if verify_shape and array.shape != wanted:
        raise TypeError(f"the values have shape {array.shape}, expected {wanted}")
    if array.size > count or (array.size == 0 and count > 0):
        raise ValueError(f"{array.size} values do not fill shape {wanted}")
    if array.size < count:
        rest = np.repeat(array.ravel()[-1:], count - array.size)
        array = np.concatenate([array.ravel(), rest])
    return encode_tensor(array.reshape(wanted))


@export("make_ndarray")
def make_ndarray(tensor: Any) -> np.ndarray[Any, Any]:
    """Return the array of a TensorProto; it may be written to."""
    return np.array(decode_tensor(tensor))


@export("convert_to_tensor_or_indexed_slices")
def convert_to_tensor_or_indexed_slices(
    value: Any, dtype: Any = None, name: str | None = None
) -> Tensor | IndexedSlices:
    """Return `IndexedSlices` as they are, anything else as a tensor."""
    if not isinstance(value, IndexedSlices):
        return convert.convert_to_tensor(value, dtype, name)
    if dtype is not None and not dtypes.as_dtype(dtype).is_compatible_with(value.dtype):
        raise ValueError(f"the slices have dtype {value.dtype.name}, expected {dtype}")
    return value


@export("register_tensor_conversion_function")
def register_tensor_conversion_function(
    base_type: type | tuple[type, ...], conversion_func: Callable[..., Any], priority: int = 100
) -> None:
    """Make objects of `base_type` usable where a tensor is expected.

    `conversion_func(value, dtype=None, name=None, as_ref=False)` returns a tensor, or
    NotImplemented to leave the value to functions of a higher `priority` number.
    """
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    if not types or not all(isinstance(t, type) for t in types):
        raise TypeError(f"base_type must be a type or a tuple of types, not {base_type!r}")
    if not callable(conversion_func):
        raise TypeError("conversion_func must be callable")
    convert.register(types, conversion_func, priority)
