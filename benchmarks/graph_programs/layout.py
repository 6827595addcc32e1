"""Elements moved without arithmetic: transposes, joins, slices, gathers, sparse updates."""

from __future__ import annotations

from typing import Any

from benchmarks import data
from benchmarks.graph_programs.bench import Bench
from benchmarks.programs import Job, implements


@implements("graph", "layout/transpose")
def transpose(tf: Any, subject: str, rows: int, columns: int) -> Job:
    bench = Bench(tf)
    return bench.kernel(tf.transpose(bench.variable(data.normal("x", rows, columns))))


@implements("graph", "layout/channels_first", "layout/heads")
def permute(tf: Any, subject: str, shape: tuple[int, ...]) -> Job:
    bench = Bench(tf)
    order = [0, 3, 1, 2] if subject == "channels_first" else [0, 2, 1, 3]
    return bench.kernel(tf.transpose(bench.variable(data.normal("x", *shape)), order))


@implements("graph", "layout/concat")
def concat(tf: Any, subject: str, rows: int, columns: int) -> Job:
    bench = Bench(tf)
    parts = [bench.variable(data.normal(name, rows, columns)) for name in ("x", "y")]
    return bench.kernel(tf.concat(parts, 1))


@implements("graph", "layout/slice")
def middle(tf: Any, subject: str, rows: int, columns: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", rows, columns))
    begin, size = [rows // 4, columns // 4], [rows // 2, columns // 2]
    return bench.kernel(tf.slice(x, begin, size))


@implements("graph", "layout/pad")
def pad(tf: Any, subject: str, rows: int, columns: int) -> Job:
    bench = Bench(tf)
    x = bench.variable(data.normal("x", rows, columns))
    return bench.kernel(tf.pad(x, [[2, 2], [2, 2]]))


@implements("graph", "layout/gather")
def gather(tf: Any, subject: str, rows: int, width: int, count: int) -> Job:
    bench = Bench(tf)
    table = bench.variable(data.normal("table", rows, width))
    ids = bench.variable(data.integers("ids", rows, count), trainable=False)
    return bench.kernel(tf.gather(table, ids))


@implements("graph", "layout/embedding_update")
def embedding_update(tf: Any, subject: str, rows: int, width: int, count: int) -> Job:
    bench = Bench(tf)
    table = bench.variable(data.normal("table", rows, width))
    ids = bench.variable(data.integers("ids", rows, count), trainable=False)
    g = bench.variable(data.normal("g", count, width), trainable=False)
    (gradient,) = tf.gradients(tf.nn.embedding_lookup(table, ids), [table], g)
    train = tf.train.GradientDescentOptimizer(0.01).apply_gradients([(gradient, table)])
    session = bench.session()
    run = session.make_callable(train)

    def results() -> list[Any]:
        run()
        return [session.run(table)]

    return Job(run, results, session.close)
