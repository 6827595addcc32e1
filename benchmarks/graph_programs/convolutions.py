"""Convolutions of several shapes, forward and backward, and pooling with its gradient."""

from __future__ import annotations

from typing import Any

from benchmarks import data
from benchmarks.catalogue import PROGRAMS
from benchmarks.graph_programs.bench import Bench
from benchmarks.programs import Job, implements

_NAMES = [name for name in PROGRAMS if name.startswith("convolutions/")]


def _convolution(
    bench: Bench, batch: int, side: int, channels: int, filters: int, window: int, stride: int
) -> tuple[Any, Any, Any]:
    x = bench.variable(data.normal("x", batch, side, side, channels))
    kernel = bench.variable(data.weights("k", window, window, channels, filters))
    strides = [1, stride, stride, 1]
    return x, kernel, bench.tf.nn.conv2d(x, kernel, strides=strides, padding="SAME")


@implements("graph", *(name for name in _NAMES if "/forward_" in name))
def forward(tf: Any, subject: str, **sizes: int) -> Job:
    bench = Bench(tf)
    return bench.kernel(_convolution(bench, **sizes)[2])


@implements("graph", *(name for name in _NAMES if "/backward_" in name))
def backward(tf: Any, subject: str, **sizes: int) -> Job:
    bench = Bench(tf)
    x, kernel, y = _convolution(bench, **sizes)
    dy = bench.variable(data.normal("dy", *y.shape.as_list()))
    wanted = [kernel] if subject == "backward_stem_7x7" else [x, kernel]
    return bench.kernel(*tf.gradients(y, wanted, dy))


@implements("graph", "convolutions/max_pool", "convolutions/average_pool")
def pool(tf: Any, subject: str, batch: int, side: int, channels: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", batch, side, side, channels))
    function = tf.nn.max_pool if subject == "max_pool" else tf.nn.avg_pool
    y = function(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    dy = bench.variable(data.normal("dy", *y.shape.as_list()))
    return bench.kernel(y, *tf.gradients(y, [x], dy))
