"""Binds Python's operators on Tensor to ops: `x + y`, `x[1:, ..., None]`, `-x`, `x < y`.

Constants on either side take the tensor's dtype. `==` and `!=` are left alone: they compare
handles, as in TensorFlow 1.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from penstock import dtypes
from penstock.exports import export_value
from penstock.graph.tensor import Tensor
from penstock.ops import convert
from penstock.ops.wrappers import raw


def _binary(op: str, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(x: Tensor, y: Any) -> Any:
        return getattr(raw, op)(x, y, name=name)

    def reverse(y: Tensor, x: Any) -> Any:
        return getattr(raw, op)(convert.to_tensor(x, y.dtype.base_dtype, name + "/x"), y, name=name)

    return forward, reverse


def _add(x: Tensor, y: Any) -> Any:
    op = raw.Add if x.dtype is dtypes.string else raw.AddV2
    return op(x, y, name="add")


_TRUE_DIVISION = {
    "int8": dtypes.float32,
    "uint8": dtypes.float32,
    "int16": dtypes.float32,
    "uint16": dtypes.float32,
    "int32": dtypes.float64,
    "uint32": dtypes.float64,
    "int64": dtypes.float64,
    "uint64": dtypes.float64,
}


def true_divide(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return x / y in Python 3's sense: integers are converted to floats first."""
    if isinstance(x, Tensor) or not isinstance(y, Tensor):
        x = convert.to_tensor(x)
        y = convert.to_tensor(y, x.dtype.base_dtype)
    else:
        x = convert.to_tensor(x, y.dtype.base_dtype)
    wide = _TRUE_DIVISION.get(x.dtype.name)
    if wide is not None:
        x, y = raw.Cast(x, DstT=wide), raw.Cast(y, DstT=wide)
    result: Tensor = raw.RealDiv(x, y, name=name or "truediv")
    return result


def strided_slice(x: Tensor, key: Any) -> Tensor:
    """Return x[key]: ints, slices, `...`, `newaxis`, and scalar tensors, in any mix."""
    items = key if isinstance(key, tuple) else (key,)
    begins, ends, strides = [], [], []
    masks = {"begin": 0, "end": 0, "shrink_axis": 0, "new_axis": 0, "ellipsis": 0}
    for i, item in enumerate(items):
        begin, end, stride = _slice_item(item, 1 << i, masks)
        begins.append(begin)
        ends.append(end)
        strides.append(stride)
    if not items:
        return raw.Identity(x)  # type: ignore[no-any-return]
    vectors = [_index_vector(v) for v in (begins, ends, strides)]
    arrays = [v for v in vectors if isinstance(v, np.ndarray)]
    if not any(np.any(v != v.astype(np.int32)) for v in arrays):
        vectors = [v.astype(np.int32) if isinstance(v, np.ndarray) else v for v in vectors]
    result: Tensor = raw.StridedSlice(
        x,
        *vectors,
        name="strided_slice",
        **{f"{mask}_mask": bits for mask, bits in masks.items()},
    )
    return result


def _slice_item(item: Any, bit: int, masks: dict[str, int]) -> tuple[Any, Any, Any]:
    if item is Ellipsis:
        masks["ellipsis"] |= bit
        return 0, 0, 1
    if item is None:
        masks["new_axis"] |= bit
        return 0, 0, 1
    if isinstance(item, slice):
        masks["begin"] |= bit if item.start is None else 0
        masks["end"] |= bit if item.stop is None else 0
        start = 0 if item.start is None else item.start
        stop = 0 if item.stop is None else item.stop
        return start, stop, 1 if item.step is None else item.step
    if isinstance(item, Tensor) or hasattr(item, "_as_tensor"):
        item = convert.to_tensor(item)
        masks["shrink_axis"] |= bit
        return item, item + 1, 1
    if not hasattr(item, "__index__") or isinstance(item, (bool, np.bool_)):
        raise TypeError(
            f"tensors are indexed by ints, slices, ..., newaxis and scalar tensors, not {item!r}; "
            "use tf.gather or tf.boolean_mask"
        )
    index = int(item)
    masks["shrink_axis"] |= bit
    return index, index + 1, 1


def _index_vector(values: list[Any]) -> Any:
    tensors = [v for v in values if isinstance(v, Tensor) or hasattr(v, "_as_tensor")]
    if tensors:
        dtype = convert.to_tensor(tensors[0]).dtype.base_dtype
        return convert.to_tensor([convert.to_tensor(v, dtype) for v in values], dtype)
    return np.array([operator.index(v) for v in values], dtype=np.int64)


def _abs(x: Tensor) -> Any:
    return raw.ComplexAbs(x, Tout=x.dtype.real_dtype) if x.dtype.is_complex else raw.Abs(x)


def _invert(x: Tensor) -> Any:
    return raw.LogicalNot(x) if x.dtype is dtypes.bool else raw.Invert(x)


def _logical(
    logical: str, bitwise: str, name: str
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(x: Tensor, y: Any) -> Any:
        return getattr(raw, logical if x.dtype is dtypes.bool else bitwise)(x, y, name=name)

    return forward, forward


def _bind() -> None:
    both: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "add": (_add, lambda y, x: _add(convert.to_tensor(x, y.dtype.base_dtype, "add/x"), y)),
        "sub": _binary("Sub", "sub"),
        "mul": _binary("Mul", "mul"),
        "floordiv": _binary("FloorDiv", "floordiv"),
        "mod": _binary("FloorMod", "mod"),
        "pow": _binary("Pow", "pow"),
        "truediv": (true_divide, lambda y, x: true_divide(x, y)),
        "and": _logical("LogicalAnd", "BitwiseAnd", "and"),
        "or": _logical("LogicalOr", "BitwiseOr", "or"),
        "xor": _logical("NotEqual", "BitwiseXor", "xor"),
    }
    for name, (forward, reverse) in both.items():
        setattr(Tensor, f"__{name}__", forward)
        setattr(Tensor, f"__r{name}__", reverse)
    one_way: dict[str, Callable[..., Any]] = {
        "neg": lambda x: raw.Neg(x),
        "abs": _abs,
        "invert": _invert,
        "lt": _binary("Less", "Less")[0],
        "le": _binary("LessEqual", "LessEqual")[0],
        "gt": _binary("Greater", "Greater")[0],
        "ge": _binary("GreaterEqual", "GreaterEqual")[0],
        "matmul": lambda x, y: _matmul(x, y),
        "rmatmul": lambda y, x: _matmul(convert.to_tensor(x, y.dtype.base_dtype), y),
        "getitem": strided_slice,
    }
    for name, function in one_way.items():
        setattr(Tensor, f"__{name}__", function)


def _matmul(x: Tensor, y: Any) -> Any:
    y = convert.to_tensor(y, x.dtype.base_dtype)
    if x._dims is not None and len(x._dims) == 2:
        return raw.MatMul(x, y, name="matmul")
    return raw.BatchMatMulV2(x, y, name="matmul")


_bind()
export_value("newaxis", None)
