"""Softmax, cross-entropy, batch and layer norms, with their gradients."""

from __future__ import annotations

from typing import Any

from benchmarks import data
from benchmarks.graph_programs.bench import Bench
from benchmarks.programs import Job, implements


@implements("graph", "normalisation/softmax")
def softmax(tf: Any, subject: str, rows: int, classes: int) -> Job:
    bench = Bench(tf)
    return bench.kernel(tf.nn.softmax(bench.variable(data.normal("x", rows, classes))))


@implements("graph", "normalisation/cross_entropy")
def cross_entropy(tf: Any, subject: str, rows: int, classes: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", rows, classes))
    labels = bench.variable(data.integers("labels", classes, rows), trainable=False)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x)
    loss = tf.reduce_mean(losses)
    return bench.kernel(loss, *tf.gradients(loss, [x]))


@implements("graph", "normalisation/batch_norm")
def batch_norm(tf: Any, subject: str, shape: tuple[int, ...]) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", *shape))
    scale, offset = (bench.variable(data.normal(name, shape[-1])) for name in ("s", "o"))
    y, _, _ = tf.nn.fused_batch_norm(x, scale, offset, epsilon=1e-3)
    dy = bench.variable(data.normal("dy", *shape))
    return bench.kernel(y, *tf.gradients(y, [x, scale, offset], dy))


def layer_normalised(tf: Any, x: Any, scale: Any, offset: Any) -> Any:
    """Return x with mean 0 and variance 1 along the last axis, scaled and shifted."""
    mean, variance = tf.nn.moments(x, [-1], keep_dims=True)
    return (x - mean) * tf.rsqrt(variance + 1e-5) * scale + offset


@implements("graph", "normalisation/layer_norm")
def layer_norm(tf: Any, subject: str, rows: int, columns: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", rows, columns))
    scale, offset = (bench.variable(data.normal(name, columns)) for name in ("s", "o"))
    y = layer_normalised(tf, x, scale, offset)
    dy = bench.variable(data.normal("dy", rows, columns))
    return bench.kernel(y, *tf.gradients(y, [x, scale, offset], dy))
