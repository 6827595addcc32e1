"""Functions of elements: arithmetic, transcendental chains, rows broadcast, choices."""

from __future__ import annotations

from typing import Any

from benchmarks import data
from benchmarks.graph_programs.bench import Bench
from benchmarks.programs import Job, implements


def _two(bench: Bench, count: int) -> tuple[Any, Any]:
    return bench.variable(data.normal("x", count)), bench.variable(data.normal("y", count))


@implements("graph", "elementwise/add")
def add(tf: Any, subject: str, count: int) -> Job:
    bench = Bench(tf)
    x, y = _two(bench, count)
    return bench.kernel(x + y)


@implements("graph", "elementwise/arithmetic")
def arithmetic(tf: Any, subject: str, count: int) -> Job:
    bench = Bench(tf)
    x, y = _two(bench, count)
    z = x + y
    for _ in range(3):
        z = z * x + y
    return bench.kernel(z * 0.5)


@implements("graph", "elementwise/functions", "elementwise/functions_cached")
def functions(tf: Any, subject: str, count: int) -> Job:
    bench = Bench(tf)
    x, y = _two(bench, count)
    z = tf.tanh(x * y) + tf.sigmoid(x - y)
    z = tf.exp(-tf.abs(z)) * x
    return bench.kernel(tf.sqrt(tf.square(z) + 1.0))


@implements("graph", "elementwise/bias_relu")
def bias_relu(tf: Any, subject: str, rows: int, columns: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", rows, columns))
    return bench.kernel(tf.nn.relu(x + bench.variable(data.normal("row", columns))))


@implements("graph", "elementwise/gelu")
def gelu(tf: Any, subject: str, count: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", count))
    y = 0.5 * x * (1.0 + tf.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
    (dx,) = tf.gradients(y, [x])
    return bench.kernel(y, dx)


@implements("graph", "elementwise/select")
def select(tf: Any, subject: str, count: int) -> Job:
    bench = Bench(tf)
    x, y = _two(bench, count)
    return bench.kernel(tf.where(x > y, x, 2.0 * y))
