"""The list of families of CUDA kernels: one that is not imported here does not exist."""

from __future__ import annotations

from penstock.kernels.gpu import (
    conv,
    depthwise,
    indexing,
    normalization,
    pooling,
    random,
    scatter,
    softmax,
    training,
)

__all__ = [
    "conv",
    "depthwise",
    "indexing",
    "normalization",
    "pooling",
    "random",
    "scatter",
    "softmax",
    "training",
]
