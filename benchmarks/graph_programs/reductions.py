"""Sums, maxima and means over all, rows, columns and channels."""

from __future__ import annotations

from typing import Any

from benchmarks import data
from benchmarks.graph_programs.bench import Bench
from benchmarks.programs import Job, implements


@implements("graph", "reductions/sum_all", "reductions/sum_rows", "reductions/sum_columns")
def sums(tf: Any, subject: str, rows: int, columns: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", rows, columns))
    axis = {"sum_all": None, "sum_rows": 0, "sum_columns": 1}[subject]
    return bench.kernel(tf.reduce_sum(x, axis))


@implements("graph", "reductions/max_columns")
def maxima(tf: Any, subject: str, rows: int, columns: int) -> Job:
    bench = Bench(tf)
    return bench.kernel(tf.reduce_max(bench.variable(data.normal("x", rows, columns)), 1))


@implements("graph", "reductions/argmax")
def argmax(tf: Any, subject: str, rows: int, columns: int) -> Job:
    bench = Bench(tf)
    return bench.kernel(tf.argmax(bench.variable(data.normal("x", rows, columns)), 1))


@implements("graph", "reductions/channel_means")
def channel_means(tf: Any, subject: str, shape: tuple[int, ...]) -> Job:
    bench = Bench(tf)
    return bench.kernel(tf.reduce_mean(bench.variable(data.normal("x", *shape)), [0, 1, 2]))
