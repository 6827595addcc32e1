"""Mean and variance, and what is normalised by them."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import control, convert, reduction
from penstock.ops.wrappers import raw


@export("nn.moments")
def moments(
    x: Any,
    axes: Any,
    shift: Any = None,
    name: str | None = None,
    keep_dims: bool | None = None,
    keepdims: bool | None = None,
) -> tuple[Tensor, Tensor]:
    """Return mean and variance of `x` along `axes`.

    `keepdims` leaves dimensions of size 1. float16 and bfloat16 are summed in float32.
    `shift` is accepted and not needed.

    >>> mean, variance = ps.nn.moments([1., 3.], [0])
    >>> ps.Session().run([mean, variance])
    [np.float32(2.0), np.float32(1.0)]
    """
    keep = bool(keep_dims if keepdims is None else keepdims)
    with control.under("moments", name):
        x = convert.to_tensor(x)
        small = x.dtype in (dtypes.float16, dtypes.bfloat16)
        y = raw.Cast(x, DstT=dtypes.float32) if small else x
        mean = reduction.reduce_mean(y, axes, keepdims=True, name="mean")
        # The mean is where the sum of squares is least, so its own gradient is zero there.
        spread = raw.SquaredDifference(y, raw.StopGradient(mean))
        variance = reduction.reduce_mean(spread, axes, keepdims=keep, name="variance")
        if not keep:
            mean = reduction.reduce_mean(mean, axes)
        if small:
            return raw.Cast(mean, DstT=x.dtype), raw.Cast(variance, DstT=x.dtype)
        return mean, variance


@export("nn.batch_normalization")
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    offset: Any,
    scale: Any,
    variance_epsilon: Any,
    name: str | None = None,
) -> Tensor:
    """Return ``(x - mean) / sqrt(variance + variance_epsilon) * scale + offset``.

    The statistics broadcast against `x`; `offset` and `scale` may be None.
    """
    with control.under("batchnorm", name):
        x = convert.to_tensor(x)
        dtype = x.dtype.base_dtype
        variance = convert.to_tensor(variance, dtype)
        factor = raw.Rsqrt(variance + convert.to_tensor(variance_epsilon, dtype))
        if scale is not None:
            factor = factor * scale
        shift = -convert.to_tensor(mean, dtype) * factor
        if offset is not None:
            shift = convert.to_tensor(offset, dtype) + shift
        result: Tensor = x * factor + shift
    return result


@export("nn.l2_normalize math.l2_normalize linalg.l2_normalize")
def l2_normalize(
    x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None
) -> Tensor:
    """Return `x` divided by its Euclidean norm along `axis` (by default: of all of it).

    Squared norms below `epsilon` count as `epsilon`.

    >>> ps.Session().run(ps.nn.l2_normalize([[3., 4.], [0., 2.]], 1))
    array([[0.6, 0.8],
           [0. , 1. ]], dtype=float32)
    """
    axis = dim if axis is None else axis
    with control.under("l2_normalize", name) as scope:
        x = convert.to_tensor(x)
        squares = reduction.reduce_sum(raw.Square(x), axis, keepdims=True)
        floor = convert.to_tensor(epsilon, x.dtype.base_dtype)
        result: Tensor = raw.Mul(x, raw.Rsqrt(raw.Maximum(squares, floor)), name=scope)
    return result


@export("nn.zero_fraction math.zero_fraction")
def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """Return the share of zeros in `value`, as float32.

    >>> print(ps.Session().run(ps.nn.zero_fraction([0., 1., 0., 2.])))
    0.5
    """
    with control.under("zero_fraction", name):
        value = convert.to_tensor(value)
        zeros = raw.Equal(value, raw.ZerosLike(value))
        result: Tensor = reduction.reduce_mean(raw.Cast(zeros, DstT=dtypes.float32))
    return result
