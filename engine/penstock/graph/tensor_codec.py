"""NumPy arrays ↔ TensorProto.

Written the way TensorFlow's Python builder writes: one element or strings or bools into the
typed list, everything else as `tensor_content` (little-endian, row-major). Read in either
form; a typed list shorter than the shape repeats its last value. Damaged messages raise
`InvalidArgumentError` or `DataLossError`, never more memory than the shape allows for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock import dtypes, errors, protos
from penstock.dtypes import DType

_LISTS = {
    "float32": "float_val",
    "float64": "double_val",
    "int32": "int_val",
    "int16": "int_val",
    "int8": "int_val",
    "uint16": "int_val",
    "uint8": "int_val",
    "int64": "int64_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "bool": "bool_val",
    "string": "string_val",
    "complex64": "scomplex_val",
    "complex128": "dcomplex_val",
    "float16": "half_val",
    "bfloat16": "half_val",
}
_MAX_BYTES = 1 << 40


def encode_tensor(array: np.ndarray[Any, Any], proto: Any = None) -> Any:
    """Return the TensorProto of an array (filled into `proto` when given)."""
    proto = protos.TensorProto() if proto is None else proto
    dtype = dtypes.as_dtype(array.dtype)
    proto.dtype = dtype.as_datatype_enum
    shape = proto.tensor_shape
    shape.SetInParent()
    for size in array.shape:
        shape.dim.add().size = size
    if array.size == 0:
        return proto
    if array.size > 1 and dtype not in (dtypes.string, dtypes.bool):
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        proto.tensor_content = np.ascontiguousarray(little).tobytes()
        return proto
    getattr(proto, _LISTS[dtype.name]).extend(_listed(array, dtype))
    return proto


def _listed(array: np.ndarray[Any, Any], dtype: DType) -> list[Any]:
    flat = array.ravel()
    if dtype is dtypes.string:
        return [s.encode() if isinstance(s, str) else bytes(s) for s in flat.tolist()]
    if dtype in (dtypes.float16, dtypes.bfloat16):
        return [int(v) for v in flat.view(np.uint16)]
    if dtype.is_complex:
        return [part for v in flat.tolist() for part in (v.real, v.imag)]
    return list(flat.tolist())


def decode_tensor(proto: Any) -> np.ndarray[Any, Any]:
    """Return the array of a TensorProto, read-only: a constant whose memory programs share."""
    try:
        dtype = dtypes.as_dtype(proto.dtype)
    except TypeError:
        raise _bad(f"a tensor of dtype number {proto.dtype} is not supported") from None
    if dtype is dtypes.resource or dtype.is_ref:
        raise _bad(f"a constant of dtype {dtype.name} is not supported")
    shape = [int(d.size) for d in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(d < 0 for d in shape):
        raise _bad(f"a constant needs a full shape, got {shape}")
    count = math.prod(shape)
    if count * max(dtype.size, 1) > _MAX_BYTES:
        raise _bad(f"a constant of shape {shape} is larger than {_MAX_BYTES} bytes")
    if proto.tensor_content:
        return _from_content(proto.tensor_content, dtype, shape, count)
    return _from_list(proto, dtype, shape, count)


def _from_content(
    content: bytes, dtype: DType, shape: list[int], count: int
) -> np.ndarray[Any, Any]:
    if dtype is dtypes.string:
        raise _bad("string tensors do not use tensor_content")
    if len(content) != count * dtype.size:
        raise errors.DataLossError(
            None,
            None,
            f"tensor_content holds {len(content)} bytes, "
            f"{dtype.name}{shape} needs {count * dtype.size}",
        )
    little = dtype.numpy_dtype.newbyteorder("<") if dtype.size > 1 else dtype.numpy_dtype
    array = np.frombuffer(content, dtype=little).astype(dtype.numpy_dtype, copy=False)
    return array.reshape(shape)


def _from_list(proto: Any, dtype: DType, shape: list[int], count: int) -> np.ndarray[Any, Any]:
    values = list(getattr(proto, _LISTS[dtype.name]))
    if dtype.is_complex:
        if len(values) % 2:
            raise _bad(f"{len(values)} numbers do not make complex ones: parts come in pairs")
        values = [complex(re, im) for re, im in zip(values[::2], values[1::2], strict=False)]
    if len(values) > count:
        raise _bad(f"a tensor of shape {shape} cannot have {len(values)} values")
    if dtype is dtypes.string:
        strings = np.empty(count, dtype=object)
        strings[:] = (values + [values[-1] if values else b""] * count)[:count]
        return strings.reshape(shape)
    if dtype in (dtypes.float16, dtypes.bfloat16):
        bits = np.array([v & 0xFFFF for v in values], dtype=np.uint16)
        given = bits.view(dtype.numpy_dtype)
    else:
        if dtype.is_integer and values and not dtype.min <= min(values) <= max(values) <= dtype.max:
            raise _bad(f"a value of a tensor is out of the range of {dtype.name}")
        given = np.array(values).astype(dtype.numpy_dtype)
    if len(given) == count:
        given.flags.writeable = False
        return given.reshape(shape)
    filler = given[-1] if len(given) else np.zeros((), dtype.numpy_dtype)
    array = np.full(count, filler, dtype=dtype.numpy_dtype)
    array[: len(given)] = given
    array.flags.writeable = False
    return array.reshape(shape)


def _bad(problem: str) -> errors.InvalidArgumentError:
    return errors.InvalidArgumentError(None, None, problem)
