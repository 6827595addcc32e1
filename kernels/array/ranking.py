"""The largest elements of rows, and whether a class is among them."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import INDEX, REALS, host_scalar, kernel, require, shape_text


def _top(xp: Any, x: Array, k: int) -> Any:
    require(x.ndim >= 1, "the input must have at least 1 dimension, got a scalar")
    n = x.shape[-1]
    require(0 <= k <= n, f"k must be between 0 and the size of the last dimension, {n}, got {k}")
    # Sorting backwards what is in backward order keeps equal elements in order.
    order = n - 1 - xp.argsort(x[..., ::-1], axis=-1, kind="stable")
    first = order[..., ::-1][..., :k]
    return xp.take_along_axis(x, first, axis=-1), first


@kernel("TopK", wide=True, T=REALS)
def _top_k(xp: Any, node: KernelNode, x: Array) -> Any:
    return _top(xp, x, int(node.attrs["k"]))


@kernel("TopKV2", host=["k"], wide=True, T=REALS, Tk=INDEX | {dtypes.int16})
def _top_k_v2(xp: Any, node: KernelNode, x: Array, k: Any) -> Any:
    return _top(xp, x, host_scalar(k, "k"))


def _in_top(xp: Any, scores: Array, targets: Array, k: int) -> Array:
    require(
        scores.ndim == 2,
        f"predictions must be a matrix [batch, classes], got shape {shape_text(scores.shape)}",
    )
    require(
        targets.shape == scores.shape[:1],
        f"targets must be a vector of length {scores.shape[0]}, got shape "
        f"{shape_text(targets.shape)}",
    )
    rows, classes = scores.shape
    known = (targets >= 0) & (targets < classes)
    if classes == 0:
        return known
    at = xp.where(known, targets, 0).astype(np.int64)
    score = scores[xp.arange(rows), at]
    higher = xp.sum(scores > score[:, None], axis=1)
    return known & xp.all(xp.isfinite(scores), axis=1) & (higher < k)


@kernel("InTopK", T=INDEX)
def _in_top_k(xp: Any, node: KernelNode, scores: Array, targets: Array) -> Array:
    return _in_top(xp, scores, targets, int(node.attrs["k"]))


@kernel("InTopKV2", host=["k"], T=INDEX)
def _in_top_k_v2(xp: Any, node: KernelNode, scores: Array, targets: Array, k: Any) -> Array:
    return _in_top(xp, scores, targets, host_scalar(k, "k"))
