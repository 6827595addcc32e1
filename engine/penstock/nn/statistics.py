"""Means and variances in pieces: sums first, moments later; and with weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.nn.normalization import batch_normalization
from penstock.ops import cast, control, convert, reduction
from penstock.ops.wrappers import raw


@export("nn.sufficient_statistics")
def sufficient_statistics(
    x: Any,
    axes: Any,
    shift: Any = None,
    keep_dims: bool | None = None,
    name: str | None = None,
    keepdims: bool | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Return (count, sum, sum of squares, shift) of `x` along `axes`, minus `shift` if given.

    What several batches yield may be added up before `normalize_moments`.

    >>> ps.Session().run(ps.nn.sufficient_statistics([1., 2., 4.], [0])[:3])
    (np.float32(3.0), np.float32(7.0), np.float32(21.0))
    """
    keep = bool(keep_dims if keepdims is None else keepdims)
    with control.under("sufficient_statistics", name):
        x = convert.to_tensor(x)
        axes = [int(a) for a in np.ravel(axes)]
        dims = x._dims
        sizes = None if dims is None else [dims[a] for a in axes]
        if sizes is not None and None not in sizes:
            number = float(np.prod([s for s in sizes if s is not None], initial=1))
            count: Tensor = convert.to_tensor(number, x.dtype.base_dtype, "count")
        else:
            number_of = reduction.reduce_prod(raw.GatherV2(raw.Shape(x), axes, 0))
            count = cast.cast(number_of, x.dtype.base_dtype, "count")
        centred = x
        if shift is not None:
            shift = convert.to_tensor(shift, x.dtype.base_dtype, "shift")
            centred = x - shift
        total = reduction.reduce_sum(centred, axes, keepdims=keep, name="mean_ss")
        squares = reduction.reduce_sum(raw.Square(centred), axes, keepdims=keep, name="var_ss")
    return count, total, squares, shift


@export("nn.normalize_moments")
def normalize_moments(
    counts: Any, mean_ss: Any, variance_ss: Any, shift: Any, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Return mean and variance from what `sufficient_statistics` returns.

    >>> sums = ps.nn.sufficient_statistics([1., 3.], [0])
    >>> ps.Session().run(ps.nn.normalize_moments(*sums))
    (np.float32(2.0), np.float32(1.0))
    """
    with control.under("normalize", name):
        total, squares = convert.to_tensor(mean_ss), convert.to_tensor(variance_ss)
        each = raw.Reciprocal(convert.to_tensor(counts, total.dtype.base_dtype), name="divisor")
        shifted = total * each
        mean = shifted if shift is None else shifted + convert.to_tensor(shift)
        variance = squares * each - raw.Square(shifted)
    return mean, variance


@export("nn.weighted_moments")
def weighted_moments(
    x: Any,
    axes: Any,
    frequency_weights: Any,
    name: str | None = None,
    keep_dims: bool | None = None,
    keepdims: bool | None = None,
) -> tuple[Tensor, Tensor]:
    """Return mean and variance of `x` along `axes`, where each element counts by its weight.

    The weights broadcast against `x`.

    >>> ps.Session().run(ps.nn.weighted_moments([1., 3., 9.], [0], [1., 1., 0.]))
    (np.float32(2.0), np.float32(1.0))
    """
    keep = bool(keep_dims if keepdims is None else keepdims)
    with control.under("weighted_moments", name):
        x = convert.to_tensor(x)
        small = x.dtype.base_dtype in (dtypes.float16, dtypes.bfloat16)
        wide = dtypes.float32 if small else x.dtype.base_dtype
        y = cast.cast(x, wide)
        weights = cast.cast(frequency_weights, wide) + raw.ZerosLike(y)
        total = reduction.reduce_sum(weights, axes, keepdims=True)
        mean = reduction.reduce_sum(weights * y, axes, keepdims=True) / total
        spread = weights * raw.SquaredDifference(y, mean)
        variance = reduction.reduce_sum(spread, axes, keepdims=True) / total
        if not keep:
            flat = [int(a) for a in np.ravel(axes)]
            mean, variance = (raw.Squeeze(v, squeeze_dims=flat) for v in (mean, variance))
        return cast.cast(mean, x.dtype), cast.cast(variance, x.dtype)


@export("nn.batch_norm_with_global_normalization")
def batch_norm_with_global_normalization(
    t: Any = None,
    m: Any = None,
    v: Any = None,
    beta: Any = None,
    gamma: Any = None,
    variance_epsilon: Any = None,
    scale_after_normalization: bool | None = None,
    name: str | None = None,
    input: Any = None,
    mean: Any = None,
    variance: Any = None,
) -> Tensor:
    """Return `t` normalised by `m` and `v`, plus `beta`; times `gamma` if asked for.

    The older form of `batch_normalization`; `input`, `mean` and `variance` are other names of
    `t`, `m` and `v`.
    """
    return batch_normalization(
        t if input is None else input,
        m if mean is None else mean,
        v if variance is None else variance,
        beta,
        gamma if scale_after_normalization else None,
        variance_epsilon,
        name,
    )


@export("nn.log_poisson_loss")
def log_poisson_loss(
    targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None
) -> Tensor:
    """Return ``exp(log_input) - log_input * targets``: the loss of counts with that log rate.

    With `compute_full_loss` the term that depends on the targets only is added, by Stirling's
    formula, where a target is above 1.

    >>> ps.Session().run(ps.nn.log_poisson_loss([1., 2.], [0., 0.]))
    array([1., 1.], dtype=float32)
    """
    with control.under("log_poisson_loss", name):
        rate = convert.to_tensor(log_input)
        wanted = convert.to_tensor(targets, rate.dtype.base_dtype)
        result: Tensor = raw.Exp(rate) - rate * wanted
        if compute_full_loss:
            half = convert.to_tensor(0.5, rate.dtype.base_dtype)
            turn = convert.to_tensor(2 * np.pi, rate.dtype.base_dtype)
            constant = wanted * raw.Log(wanted) - wanted + half * raw.Log(turn * wanted)
            below = raw.LessEqual(wanted, raw.OnesLike(wanted))
            result = result + raw.SelectV2(below, raw.ZerosLike(wanted), constant)
    return result
