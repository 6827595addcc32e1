"""Matrix products, one by one and batched, and their gradients."""

from __future__ import annotations

from typing import Any

from benchmarks import data
from benchmarks.graph_programs.bench import Bench
from benchmarks.programs import Job, implements

SINGLE = ("square_256", "square_1024", "square_2048", "dense_layer", "one_row")


@implements("graph", *(f"products/{subject}" for subject in SINGLE))
def product(tf: Any, subject: str, m: int, k: int, n: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", m, k))
    return bench.kernel(tf.matmul(x, bench.variable(data.normal("y", k, n))))


@implements("graph", "products/batched")
def batched(tf: Any, subject: str, batch: int, m: int, k: int, n: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", batch, m, k))
    return bench.kernel(tf.matmul(x, bench.variable(data.normal("y", batch, k, n))))


@implements("graph", "products/gradients")
def gradients(tf: Any, subject: str, m: int, k: int, n: int) -> Job:
    bench = Bench(tf)
    x, y = bench.variable(data.normal("x", m, k)), bench.variable(data.normal("y", k, n))
    dz = bench.variable(data.normal("dz", m, n))
    return bench.kernel(*tf.gradients(tf.matmul(x, y), [x, y], dz))
