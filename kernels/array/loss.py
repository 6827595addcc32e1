"""Cross entropies with their slopes, and the half sum of squares."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.softmax import log_softmax
from penstock.kernels.array.table import (
    FLOATS,
    INDEX,
    broadcast_shape,
    kernel,
    require,
    shape_text,
    sparse_batch,
)


@kernel("L2Loss", wide=True, T=FLOATS)
def _l2_loss(xp: Any, node: KernelNode, x: Array) -> Array:
    return xp.sum(x * x, dtype=x.dtype) / x.dtype.type(2)


@kernel("SoftmaxCrossEntropyWithLogits", wide=True, T=FLOATS)
def _cross_entropy(xp: Any, node: KernelNode, logits: Array, labels: Array) -> Any:
    for what, x in (("logits", logits), ("labels", labels)):
        require(
            x.ndim == 2,
            f"the {what} must be a matrix [batch, classes], got shape {shape_text(x.shape)}",
        )
    shape = broadcast_shape(logits.shape, labels.shape)
    if shape[0] == 0 or shape[1] == 0:
        return xp.zeros(shape[:1], logits.dtype), xp.zeros(shape, logits.dtype)
    chosen = xp.broadcast_to(labels, shape)
    logs = log_softmax(xp, xp.broadcast_to(logits, shape))
    terms = xp.where(chosen == 0, xp.zeros_like(logs), chosen * logs)
    return -xp.sum(terms, axis=1), xp.exp(logs) - chosen


@kernel("SparseSoftmaxCrossEntropyWithLogits", wide=True, T=FLOATS, Tlabels=INDEX)
def _sparse_cross_entropy(xp: Any, node: KernelNode, logits: Array, labels: Array) -> Any:
    rows, classes = sparse_batch(logits, labels)
    _require_classes(xp, labels, classes)
    if rows == 0:
        return xp.zeros((0,), logits.dtype), logits
    logs = log_softmax(xp, logits)
    each = xp.arange(rows)
    slope = xp.exp(logs)
    slope[each, labels] -= 1
    return -logs[each, labels], slope


def _require_classes(xp: Any, labels: Array, classes: int) -> None:
    bad = (labels < 0) | (labels >= classes)
    if bool(bad.any()):
        at = int(xp.argmax(bad))
        require(
            False,
            f"label {int(labels[at])} at position {at} is outside the valid range [0, {classes})",
        )
