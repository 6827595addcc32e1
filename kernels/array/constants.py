"""Tensors made of nothing but sizes and scalars, and ops that pass their input on."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    ARRAY,
    FLOATS,
    NUMBERS,
    PLAIN,
    REALS,
    host_scalar,
    host_shape,
    kernel,
    require,
    shape_text,
    widened,
)

ARRAY.native("NoOp", "Placeholder", "PlaceholderV2", host_inputs=(), host_outputs=())
ARRAY.native(
    "EnsureShape",
    "GuaranteeConst",
    "Identity",
    "IdentityN",
    "PlaceholderWithDefault",
    "PreventGradient",
    "Snapshot",
    "StopGradient",
    host_inputs=(),
    host_outputs=(),
)


@kernel("ZerosLike", T=PLAIN)
def _zeros_like(xp: Any, node: KernelNode, x: Array) -> Array:
    return xp.zeros(x.shape, dtype=x.dtype)


@kernel("OnesLike", T=PLAIN)
def _ones_like(xp: Any, node: KernelNode, x: Array) -> Array:
    return xp.ones(x.shape, dtype=x.dtype)


@kernel("Empty", host=["shape"], dtype=PLAIN)
def _empty(xp: Any, node: KernelNode, shape: Any) -> Array:
    return xp.zeros(host_shape(shape), dtype=node.output_dtypes[0].numpy_dtype)


@kernel("Fill", host=["dims"], T=PLAIN)
def _fill(xp: Any, node: KernelNode, dims: Any, value: Array) -> Array:
    require(value.ndim == 0, f"value must be a scalar, got shape {shape_text(value.shape)}")
    return xp.broadcast_to(value, host_shape(dims, "dims")).copy()


@kernel("Range", host=["start", "limit", "delta"], Tidx=REALS)
def _range(xp: Any, node: KernelNode, start: Any, limit: Any, delta: Any) -> Array:
    for what, value in (("start", start), ("limit", limit), ("delta", delta)):
        require(value.size == 1, f"{what} must be a scalar, got shape {shape_text(value.shape)}")
    first, last, step = (v.reshape(-1)[0] for v in (start, limit, delta))
    whole = start.dtype.kind in "iu"
    a, b, c = (int(v) if whole else float(v) for v in (first, last, step))
    require(c != 0, "delta must not be 0")
    require(c < 0 or a <= b, f"start must be <= limit when delta > 0, got {a} and {b}")
    require(c > 0 or a >= b, f"start must be >= limit when delta < 0, got {a} and {b}")
    count = -((a - b) // c) if whole else np.ceil(abs((b - a) / c))
    steps = np.full(int(count), step, dtype=start.dtype)
    steps[:1] = first
    return xp.asarray(np.add.accumulate(steps, dtype=start.dtype))


@kernel("LinSpace", host=["start", "stop", "num"], T=FLOATS)
def _lin_space(xp: Any, node: KernelNode, start: Any, stop: Any, num: Any) -> Array:
    require(
        start.size == 1 and stop.size == 1,
        f"start and stop must be scalars, got shapes {shape_text(start.shape)} and "
        f"{shape_text(stop.shape)}",
    )
    count = host_scalar(num, "num")
    require(count > 0, f"num must be positive, got {count}")
    first, last = start.reshape(()), stop.reshape(())
    step = (last - first) / start.dtype.type(max(count - 1, 1))
    values = first + step * np.arange(count).astype(start.dtype)
    values[count - 1 :] = last if count > 1 else first
    return xp.asarray(values)


@kernel("Bitcast", T=NUMBERS, type=NUMBERS)
def _bitcast(xp: Any, node: KernelNode, x: Array) -> Array:
    to = node.output_dtypes[0].numpy_dtype
    shape = x.shape
    if x.dtype.itemsize > to.itemsize:
        shape = (*shape, x.dtype.itemsize // to.itemsize)
    elif x.dtype.itemsize < to.itemsize:
        ratio = to.itemsize // x.dtype.itemsize
        require(
            x.ndim > 0 and x.shape[-1] == ratio,
            f"a bitcast from {x.dtype} to {to} needs a last dimension of {ratio}, got shape "
            f"{shape_text(shape)}",
        )
        shape = shape[:-1]
    return xp.ascontiguousarray(x).reshape(-1).view(to).reshape(shape)


@kernel("CheckNumerics", T=FLOATS)
def _check_numerics(xp: Any, node: KernelNode, x: Array) -> Array:
    y = widened(x)
    found = [name for name, test in (("Inf", xp.isinf), ("NaN", xp.isnan)) if bool(test(y).any())]
    message = node.attrs.get("message", b"").decode()
    require(not found, f"{message} : Tensor had {' and '.join(found)} values")
    return x
