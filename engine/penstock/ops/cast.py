"""Conversion between dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.dtypes import DType, as_dtype
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert, shape_rules
from penstock.ops.registry import define_op, gradient
from penstock.ops.wrappers import raw

define_op(
    "Cast",
    inputs="x: SrcT",
    outputs="y: DstT",
    attrs="SrcT: type, DstT: type, Truncate: bool = False",
    shape=shape_rules.same,
    doc="""x as another dtype.

    Floats are cut off towards 0; what int32 or int64 cannot hold gives the smallest integer, and
    narrower integers keep the low bits. Complex numbers lose their imaginary part. Narrower floats
    are rounded to the nearest, or with `Truncate` towards 0.

    >>> ps.Session().run(ps.raw_ops.Cast([1.9, -1.9], DstT=ps.int32))
    array([ 1, -1], dtype=int32)
    """,
)


@gradient("Cast")
def _cast_grad(op: Operation, dy: Tensor) -> Any:
    source = op.inputs[0].dtype.base_dtype
    both = (source, op.outputs[0].dtype)
    if not all(d.is_floating or d.is_complex for d in both):
        return None
    return raw.Cast(dy, DstT=source)


@export("cast")
def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """Return x, a tensor or `IndexedSlices`, converted to `dtype`.

    >>> ps.Session().run(ps.cast([1.9, -1.9], ps.int32))
    array([ 1, -1], dtype=int32)
    """
    wanted = as_dtype(dtype).base_dtype
    values = getattr(x, "values", None)
    if values is not None and hasattr(x, "indices"):
        return type(x)(cast(values, wanted, name), x.indices, x.dense_shape)
    x = convert.to_tensor(x)
    if x.dtype.base_dtype is wanted:
        return x
    return raw.Cast(x, DstT=wanted, name=name)


def _define_conversion(names: str, wanted: DType, default: str) -> None:
    @export(names)
    def to(x: Any, name: str = default) -> Any:
        return cast(x, wanted, name)

    to.__name__ = to.__qualname__ = names
    to.__doc__ = f"""Return x as {wanted.name}: an older form of `cast`.

    >>> ps.{names}([1]).dtype.name
    '{wanted.name}'
    """


_define_conversion("to_float", dtypes.float32, "ToFloat")
_define_conversion("to_double", dtypes.float64, "ToDouble")
_define_conversion("to_int32", dtypes.int32, "ToInt32")
_define_conversion("to_int64", dtypes.int64, "ToInt64")
_define_conversion("to_bfloat16", dtypes.bfloat16, "ToBFloat16")


@export("saturate_cast")
def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Any:
    """Return value as `dtype`; what is out of its range becomes its nearest end.

    >>> ps.Session().run(ps.saturate_cast([300., -1., 7.], ps.uint8))
    array([255,   0,   7], dtype=uint8)
    """
    wanted = as_dtype(dtype).base_dtype
    value = convert.to_tensor(value)
    source = value.dtype.base_dtype
    low, high = _range_within(source, wanted)
    if low is not None:
        value = raw.Maximum(value, convert.to_tensor(low, source))
    if high is not None:
        value = raw.Minimum(value, convert.to_tensor(high, source))
    return cast(value, wanted, name)


def _range_within(source: DType, wanted: DType) -> tuple[Any, Any]:
    """Return the ends of `wanted` that `source` can exceed, as numbers that `source` has."""
    low, high = wanted.min, wanted.max
    first = low if source.min < low else None
    last = high if source.max > high else None
    if last is not None and source.is_floating and wanted.is_integer:
        # The largest integer may lie between two floats: take the one below.
        nearest = source.numpy_dtype.type(last)
        last = nearest if int(nearest) <= last else np.nextafter(nearest, nearest.dtype.type(0))
    return first, last
