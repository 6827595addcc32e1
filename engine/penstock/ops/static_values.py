"""Values that are known while building: what shape rules ask for.

`constant_value` is exact and complete or None. `partial_ints` follows the integer vectors
that shapes, axes and sizes are made of, through the few ops that programs make them with,
and keeps what is known of each element.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from penstock.dtypes import DType
from penstock.graph.tensor import Operation, Tensor

Ints: TypeAlias = "list[int | None] | None"
_MAX_ELEMENTS = 4096
_MAX_DEPTH = 32


@functools.cache
def _limits(dtype: DType) -> tuple[int, int]:
    return (dtype.min, dtype.max) if dtype.is_integer else (0, 0)


def constant_value(tensor: Tensor, depth: int = 0) -> np.ndarray[Any, Any] | None:
    """Return the value of `tensor` when the graph alone determines it cheaply, else None."""
    op = tensor.op
    if op.type == "Const":
        return op._attrs["value"]  # type: ignore[no-any-return]
    if op.type in ("Identity", "StopGradient") and depth < _MAX_DEPTH:
        return constant_value(op._inputs[0], depth + 1)
    if not tensor.dtype.is_integer:
        return None
    ints = partial_ints(tensor, depth)
    if ints is None or None in ints:
        return None
    array = np.array(ints, dtype=tensor.dtype.numpy_dtype)
    return array.reshape(()) if tensor._dims == () else array


def partial_ints(tensor: Tensor, depth: int = 0) -> Ints:
    """Return the elements of an integer scalar or vector as far as they are known."""
    op = tensor.op
    if op.type == "Const":
        value = op._attrs["value"]
        if value.ndim > 1 or value.size > _MAX_ELEMENTS or value.dtype.kind not in "iu":
            return None
        return [int(v) for v in value.ravel()]
    dims = tensor._dims
    if dims is None or len(dims) > 1:
        return None  # a matrix of numbers is no list of them
    rule = _RULES.get(op.type)
    if rule is not None and depth < _MAX_DEPTH:
        found = rule(op, tensor, depth + 1)
        if found is not None:
            least, greatest = _limits(tensor.dtype)
            # The kernels' arithmetic wraps around: there the value is theirs to tell.
            return [v if v is not None and least <= v <= greatest else None for v in found]
    count = 1 if not dims else dims[0]
    return [None] * count if count is not None and count <= _MAX_ELEMENTS else None


def _same(op: Operation, _: Tensor, depth: int) -> Ints:
    return partial_ints(op._inputs[0], depth)


def _cast(op: Operation, tensor: Tensor, depth: int) -> Ints:
    if not (tensor.dtype.is_integer and op._inputs[0].dtype.is_integer):
        return None
    return partial_ints(op._inputs[0], depth)


def _shape(op: Operation, tensor: Tensor, _: int) -> Ints:
    dims = op._inputs[tensor.value_index]._dims
    return None if dims is None else list(dims)


def _size(op: Operation, _: Tensor, __: int) -> Ints:
    dims = op._inputs[0]._dims
    if dims is None or None in dims:
        return None
    return [math.prod([d or 0 for d in dims])]


def _rank(op: Operation, _: Tensor, __: int) -> Ints:
    dims = op._inputs[0]._dims
    return None if dims is None else [len(dims)]


def _pack(op: Operation, _: Tensor, depth: int) -> Ints:
    if any(t._dims != () for t in op._inputs):
        return None
    parts = [partial_ints(t, depth) for t in op._inputs]
    return [p[0] if p and len(p) == 1 else None for p in parts]


def _concat(op: Operation, _: Tensor, depth: int) -> Ints:
    parts = [partial_ints(t, depth) for t in op._inputs[:-1]]
    if any(p is None for p in parts):
        return None
    return [v for p in parts if p is not None for v in p]


def _strided_slice(op: Operation, _: Tensor, depth: int) -> Ints:
    source = partial_ints(op._inputs[0], depth)
    ends = [partial_ints(t, depth) for t in op._inputs[1:]]
    if source is None or any(e is None or len(e) != 1 or e[0] is None for e in ends):
        return None
    if op._attrs["ellipsis_mask"] or op._attrs["new_axis_mask"]:
        return None
    begin, end, stride = (e[0] for e in ends if e is not None)
    if not stride:
        return None  # the op's own rule refuses it
    if op._attrs["shrink_axis_mask"] & 1:
        in_range = begin is not None and -len(source) <= begin < len(source)
        return [source[begin]] if in_range and begin is not None else None
    return source[
        slice(
            None if op._attrs["begin_mask"] & 1 else begin,
            None if op._attrs["end_mask"] & 1 else end,
            stride,
        )
    ]


def _gather(op: Operation, _: Tensor, depth: int) -> Ints:
    source = partial_ints(op._inputs[0], depth)
    indices = partial_ints(op._inputs[1], depth)
    if source is None or indices is None:
        return None
    valid = all(i is not None and 0 <= i < len(source) for i in indices)
    return [source[i] for i in indices if i is not None] if valid else None


def _elementwise(compute: Callable[[int, int], int | None]) -> Any:
    def rule(op: Operation, _: Tensor, depth: int) -> Ints:
        x, y = (partial_ints(t, depth) for t in op._inputs)
        if x is None or y is None:
            return None
        n = max(len(x), len(y))
        if len(x) not in (1, n) or len(y) not in (1, n):
            return None
        x, y = (v * n if len(v) == 1 else v for v in (x, y))
        return [
            None if a is None or b is None else compute(a, b) for a, b in zip(x, y, strict=True)
        ]

    return rule


def _range(op: Operation, _: Tensor, depth: int) -> Ints:
    ends = [partial_ints(t, depth) for t in op._inputs]
    if any(e is None or len(e) != 1 for e in ends):
        return None
    start, limit, delta = (e[0] for e in ends if e is not None)
    if start is None or limit is None or not delta or abs((limit - start) // delta) > _MAX_ELEMENTS:
        return None
    return list(range(start, limit, delta))


def _prod(op: Operation, tensor: Tensor, depth: int) -> Ints:
    values = partial_ints(op._inputs[0], depth)
    if values is None or tensor._dims != () or any(v is None for v in values):
        return None
    return [math.prod([v for v in values if v is not None])]


_RULES: dict[str, Callable[[Operation, Tensor, int], Ints]] = {
    "Identity": _same,
    "StopGradient": _same,
    "ExpandDims": _same,
    "Squeeze": _same,
    "Reshape": _same,
    "Cast": _cast,
    "Shape": _shape,
    "ShapeN": _shape,
    "Size": _size,
    "Rank": _rank,
    "Pack": _pack,
    "ConcatV2": _concat,
    "StridedSlice": _strided_slice,
    "GatherV2": _gather,
    "Range": _range,
    "Prod": _prod,
    "AddV2": _elementwise(lambda a, b: a + b),
    "Add": _elementwise(lambda a, b: a + b),
    "Sub": _elementwise(lambda a, b: a - b),
    "Mul": _elementwise(lambda a, b: a * b),
    "Maximum": _elementwise(max),
    "Minimum": _elementwise(min),
    "FloorDiv": _elementwise(lambda a, b: a // b if b else None),
}
