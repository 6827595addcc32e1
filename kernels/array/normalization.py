"""Batch normalisation and its gradient, with the statistics of the batch or given ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import HALVES, kernel, require, shape_text

_TYPES = HALVES | {dtypes.float32}


class _Channels:
    """Where the channels of an image are: sums over all else, vectors to broadcast."""

    def __init__(self, xp: Any, node: KernelNode, x: Array) -> None:
        require(
            x.ndim in (4, 5),
            f"the input must have 4 or 5 dimensions, got shape {shape_text(x.shape)}",
        )
        first = node.attrs.get("data_format", b"NHWC").startswith(b"NC")
        self.axis = 1 if first else x.ndim - 1
        self.count = x.shape[self.axis]
        self.rows = x.size // self.count if self.count else 0
        self.xp = xp
        self._others = tuple(d for d in range(x.ndim) if d != self.axis)
        self._shape = tuple(-1 if d == self.axis else 1 for d in range(x.ndim))

    def sum(self, x: Array) -> Array:
        return self.xp.sum(x, axis=self._others, dtype=np.float64)

    def over(self, vector: Array) -> Array:
        if self.count == 0:
            return vector.reshape(tuple(0 if n < 0 else 1 for n in self._shape))
        return vector.reshape(self._shape)

    def vector(self, value: Array, what: str) -> Array:
        require(
            value.shape == (self.count,),
            f"{what} must be a vector of length {self.count}, the input's channels, got shape "
            f"{shape_text(value.shape)}",
        )
        return value.astype(np.float32, copy=False)


@kernel("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", wide=True, T=_TYPES)
def _batch_norm(xp: Any, node: KernelNode, x: Array, *vectors: Array) -> Any:
    channels = _Channels(xp, node, x)
    scale, offset = (
        channels.vector(v, what) for v, what in zip(vectors, ("scale", "offset"), strict=False)
    )
    if node.attrs.get("is_training", True):
        share = 1.0 / channels.rows if channels.rows else 0.0
        mean = (channels.sum(x) * share).astype(np.float32)
        distance = x - channels.over(mean)
        variance = (channels.sum(distance * distance) * share).astype(np.float32)
        running = _running(xp, node, channels, (mean, variance), vectors[2:])
    else:
        mean = channels.vector(vectors[2], "mean")
        variance = channels.vector(vectors[3], "variance")
        running = (mean, variance)
    epsilon = node.attrs.get("epsilon", 1e-4)
    factor = (scale / xp.sqrt(variance.astype(np.float64) + epsilon)).astype(np.float32)
    y = (x - channels.over(mean)) * channels.over(factor) + channels.over(offset)
    rest = (xp.zeros(0, dtype=np.float32),) if len(node.output_dtypes) > 5 else ()
    return (y, *running, mean, variance, *rest)


def _running(
    xp: Any, node: KernelNode, channels: _Channels, found: tuple[Array, Array], old: Any
) -> tuple[Array, Array]:
    """Return the running statistics, moved towards those of this batch."""
    rows = channels.rows
    mean, variance = found[0], found[1] * np.float32(rows / max(1.0, rows - 1.0))
    if rows == 0:
        mean, variance = xp.full_like(mean, np.nan), xp.full_like(variance, np.nan)
    factor = float(node.attrs.get("exponential_avg_factor", 1.0))
    if factor == 1.0:
        return mean, variance
    kept = [channels.vector(v, what) for v, what in zip(old, ("mean", "variance"), strict=True)]
    return (
        (1.0 - factor) * kept[0] + factor * mean,
        (1.0 - factor) * kept[1] + factor * variance,
    )


@kernel("FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3", wide=True, T=_TYPES)
def _batch_norm_grad(
    xp: Any, node: KernelNode, dy: Array, x: Array, scale: Array, *spaces: Array
) -> Any:
    channels = _Channels(xp, node, x)
    require(
        dy.shape == x.shape,
        f"y_backprop must have the shape of x, {shape_text(x.shape)}, got {shape_text(dy.shape)}",
    )
    scale = channels.vector(scale, "scale")
    mean = channels.vector(spaces[0], "reserve_space_1")
    variance = channels.vector(spaces[1], "reserve_space_2")
    distance = x - channels.over(mean)
    sums, products = channels.sum(dy), channels.sum(dy * distance)
    inverse = 1.0 / (variance.astype(np.float64) + node.attrs.get("epsilon", 1e-4))
    root = xp.sqrt(inverse)
    factor = (scale * root).astype(np.float32)
    centred = dy
    if node.attrs.get("is_training", True):
        share = 1.0 / channels.rows if channels.rows else 0.0
        base = (sums * share).astype(np.float32)
        slope = (products * share * inverse).astype(np.float32)
        centred = dy - channels.over(base) - distance * channels.over(slope)
    empty = xp.zeros(0, dtype=np.float32)
    return centred * channels.over(factor), products * root, sums, empty, empty
