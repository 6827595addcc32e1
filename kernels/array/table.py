"""The table of array kernels, and how families fill it.

`kernel` registers `fn(xp, node, *inputs)`, `elementwise` whole tables of `op: fn(xp, *inputs)`.
Both bring results to the dtypes of the node, and with `wide` compute float16 and bfloat16 in
float32, as the CPU does. Keywords restrict type attributes: `T=FLOATS`. Host inputs are NumPy
arrays, everything else is an array of `xp`; scalars of NumPy count as arrays of rank 0.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from penstock import dtypes, errors
from penstock.dtypes import DType
from penstock.kernel_api import Array, Compute, KernelNode, KernelTable


def _load_families() -> None:
    importlib.import_module("penstock.kernels.array.families")


ARRAY = KernelTable("array", _load_families)

FLOATS = frozenset({dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64})
FLOAT2 = frozenset({dtypes.float32, dtypes.float64})
SIGNED = frozenset({dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64})
UNSIGNED = frozenset({dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64})
INTEGERS = SIGNED | UNSIGNED
INDEX = frozenset({dtypes.int32, dtypes.int64})
COMPLEX = frozenset({dtypes.complex64, dtypes.complex128})
REALS = FLOATS | INTEGERS
ANALYTIC = FLOATS | COMPLEX
NUMBERS = REALS | COMPLEX
PLAIN = NUMBERS | {dtypes.bool}

HALVES = frozenset({dtypes.float16, dtypes.bfloat16})
_HALF_KINDS = frozenset(d.numpy_dtype for d in HALVES)

Elementwise: TypeAlias = Callable[..., Array]
Kernel: TypeAlias = Callable[..., Any]


def require(condition: bool, text: str) -> None:
    """Raise `InvalidArgumentError` with this text unless the condition holds."""
    if not condition:
        raise errors.InvalidArgumentError(None, None, text)


def kernel(
    *ops: str,
    host: Sequence[str] = (),
    host_outputs: Sequence[str] = (),
    wide: bool = False,
    **types: Iterable[DType],
) -> Callable[[Kernel], Kernel]:
    """Return a decorator that registers `fn(xp, node, *inputs)` as the kernel of `ops`."""

    def register(fn: Kernel) -> Kernel:
        _add(ops, fn, types, host, host_outputs, wide)
        return fn

    return register


def _add(
    ops: Sequence[str],
    fn: Kernel,
    types: Mapping[str, Iterable[DType]],
    host: Sequence[str] = (),
    host_outputs: Sequence[str] = (),
    wide: bool = True,
) -> None:
    def factory(node: KernelNode) -> Compute:
        return _finished(fn, node, wide)

    ARRAY.kernel(*ops, types=types, host_inputs=host, host_outputs=host_outputs)(factory)


def elementwise(functions: Mapping[str, Elementwise], **types: Iterable[DType]) -> None:
    """Register functions of arrays that broadcast; 16-bit floats are computed in float32."""
    for op, function in functions.items():
        _add([op], _broadcasting(function), types)


def pairwise(functions: Mapping[str, Elementwise], **types: Iterable[DType]) -> None:
    """Register functions of two arrays of one shape, as `elementwise` does."""
    for op, function in functions.items():
        _add([op], _same_shape(function), types)


def _broadcasting(function: Elementwise) -> Kernel:
    def compute(xp: Any, node: KernelNode, *inputs: Array) -> Array:
        if len(inputs) > 1:
            broadcast_shape(*[x.shape for x in inputs])
        return function(xp, *inputs)

    return compute


def _same_shape(function: Elementwise) -> Kernel:
    def compute(xp: Any, node: KernelNode, x: Array, y: Array) -> Array:
        require_same_shape(x, y)
        return function(xp, x, y)

    return compute


def require_same_shape(x: Array, y: Array) -> None:
    """Raise `InvalidArgumentError` unless two arrays have the same shape."""
    require(
        x.shape == y.shape,
        f"both inputs must have the same shape, got {shape_text(x.shape)} and "
        f"{shape_text(y.shape)}",
    )


def _finished(fn: Kernel, node: KernelNode, wide: bool) -> Compute:
    """Return what a step calls: `fn`, with inputs widened and outputs in the node's dtypes."""
    xp = node.device.xp
    outputs = [d.numpy_dtype for d in node.output_dtypes]
    widens = wide and any(d in HALVES for d in node.input_dtypes)

    def compute(*inputs: Any) -> Any:
        given = [widened(x) for x in inputs] if widens else inputs
        result = fn(xp, node, *given)
        if isinstance(result, (tuple, list)):
            pairs = zip(result, outputs, strict=True)
            return tuple([value.astype(dtype, copy=False) for value, dtype in pairs])
        return result.astype(outputs[0], copy=False)

    return compute


def widened(x: Any) -> Any:
    """Return 16-bit floats as float32, everything else as it is."""
    return x.astype(np.float32) if getattr(x, "dtype", None) in _HALF_KINDS else x


# ---- shapes and axes, with the sentences that the CPU's kernels have


def shape_text(shape: Iterable[int]) -> str:
    """Return a shape as messages write it."""
    return "[" + ", ".join(str(int(size)) for size in shape) + "]"


def broadcast_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that several broadcast to, or raise `InvalidArgumentError`."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        told = " and ".join(shape_text(s) for s in shapes)
        raise errors.InvalidArgumentError(None, None, f"shapes {told} do not broadcast") from None


def checked_axis(axis: int, rank: int, what: str = "axis") -> int:
    """Return an axis counted from the front."""
    require(
        -rank <= axis < rank,
        f"{what} {axis} is out of range for rank {rank}: expected a value in [{-rank}, {rank})",
    )
    return axis + rank if axis < 0 else axis


def host_scalar(value: Any, what: str) -> int:
    """Return the only element of an integer array in host memory."""
    require(value.size == 1, f"{what} must be a scalar, got shape {shape_text(value.shape)}")
    return int(value.reshape(-1)[0])


def host_shape(value: Any, what: str = "shape") -> tuple[int, ...]:
    """Return the shape that a vector in host memory describes."""
    require(value.ndim == 1, f"{what} must be a vector, got shape {shape_text(value.shape)}")
    shape = tuple(int(size) for size in value)
    require(
        all(size >= 0 for size in shape),
        f"{what} {shape_text(shape)} has a negative size",
    )
    return shape


def product(sizes: Iterable[int]) -> int:
    """Return the product of sizes; 1 of none."""
    result = 1
    for size in sizes:
        result *= int(size)
    return result


def sparse_batch(logits: Array, labels: Array) -> tuple[int, int]:
    """Return the rows and classes of logits [batch, classes] with a label to each row.

    Raises `InvalidArgumentError` for other shapes; whether labels are classes is not looked at.
    """
    require(
        logits.ndim == 2,
        f"the logits must be a matrix [batch, classes], got shape {shape_text(logits.shape)}",
    )
    require(
        labels.ndim == 1,
        f"the labels must be a vector [batch], got shape {shape_text(labels.shape)}",
    )
    rows, classes = logits.shape
    require(
        labels.shape[0] == rows,
        f"the logits {shape_text(logits.shape)} have {rows} rows, but there are "
        f"{labels.shape[0]} labels",
    )
    require(
        classes > 0,
        f"the logits must have at least one class, got shape {shape_text(logits.shape)}",
    )
    return rows, classes
