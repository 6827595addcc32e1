"""Softmax, log-softmax and the cross entropies: one launch each. See cuda/softmax.cu."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    FLOATS,
    INDEX,
    broadcast_shape,
    require,
    shape_text,
    sparse_batch,
)
from penstock.kernels.gpu import faults, sources
from penstock.kernels.gpu.table import kernel

_THREADS = 256


def _by_rows(rows: int, n: int) -> tuple[tuple[int], tuple[int, int]]:
    """Return grid and block for rows of n elements: threads of a row, a power of two, by rows."""
    across = 1
    while across < min(n, _THREADS):
        across *= 2
    at_once = _THREADS // across
    return ((rows + at_once - 1) // at_once,), (across, at_once)


def _rows_of(x: Array) -> tuple[int, int]:
    return (x.size // x.shape[-1], x.shape[-1]) if x.size else (0, 0)


def _softmax(name: str) -> Any:
    def compute(device: Any, node: KernelNode, x: Array) -> Array:
        require(x.ndim >= 1, "the logits must have at least 1 dimension, got a scalar")
        y = device.empty(x.shape, x.dtype)
        rows, n = _rows_of(x)
        if rows:
            sources.launch("softmax", name, node.attrs["T"], _by_rows(rows, n), (x, y, rows, n))
        return y

    return compute


kernel("Softmax", T=FLOATS)(_softmax("softmax"))
kernel("LogSoftmax", T=FLOATS)(_softmax("log_softmax"))


@kernel("SoftmaxCrossEntropyWithLogits", T=FLOATS)
def _cross_entropy(device: Any, node: KernelNode, logits: Array, labels: Array) -> Any:
    xp = device.xp
    for what, x in (("logits", logits), ("labels", labels)):
        require(
            x.ndim == 2,
            f"the {what} must be a matrix [batch, classes], got shape {shape_text(x.shape)}",
        )
    shape = broadcast_shape(logits.shape, labels.shape)
    loss, slope = xp.zeros(shape[:1], logits.dtype), device.empty(shape, logits.dtype)
    if slope.size == 0:
        return loss, slope
    logits = xp.ascontiguousarray(xp.broadcast_to(logits, shape))
    if labels.shape != (1, shape[1]):  # one row of labels may serve for all
        labels = xp.ascontiguousarray(xp.broadcast_to(labels, shape))
    given = (logits, labels, loss, slope, *shape, labels.shape[0])
    sources.launch("softmax", "cross_entropy", node.attrs["T"], _by_rows(*shape), given)
    return loss, slope


@kernel("SparseSoftmaxCrossEntropyWithLogits", T=FLOATS, Tlabels=INDEX)
def _sparse_cross_entropy(device: Any, node: KernelNode, logits: Array, labels: Array) -> Any:
    rows, n = sparse_batch(logits, labels)
    loss = device.empty((rows,), logits.dtype)
    slope = device.empty(logits.shape, logits.dtype)
    if rows:
        site = device.faults.expect(node.name, node.op, faults.label_text)
        name = "sparse_cross_entropy_" + dtypes.as_dtype(node.attrs["Tlabels"]).name
        given = (logits, labels, loss, slope, rows, n, device.faults.record, site)
        sources.launch("softmax", name, node.attrs["T"], _by_rows(rows, n), given)
    return loss, slope
