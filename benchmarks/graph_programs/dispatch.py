"""What a run costs: fetches and feeds of a scalar, long chains, wide fans."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import data
from benchmarks.graph_programs.bench import Bench
from benchmarks.programs import Job, implements


def _called(session: Any, fetches: Any, feeds: list[Any], values: list[Any], call: bool) -> Job:
    """Return the job of one run, through `make_callable` or through `Session.run`."""
    given = dict(zip(feeds, values, strict=True))
    if call:
        run = session.make_callable(fetches, feeds)
        return Job(lambda: run(*values), lambda: [run(*values)], session.close)
    return Job(
        lambda: session.run(fetches, given), lambda: [session.run(fetches, given)], session.close
    )


@implements("graph", "dispatch/run_constant", "dispatch/call_constant")
def constant(tf: Any, subject: str) -> Job:
    c = tf.constant(42.0)
    return _called(Bench(tf).session(), c, [], [], subject.startswith("call"))


@implements("graph", "dispatch/run_scalar", "dispatch/call_scalar")
def scalar(tf: Any, subject: str) -> Job:
    x = tf.placeholder(tf.float32, [])
    value = np.float32(2.0)
    return _called(Bench(tf).session(), x + 1.0, [x], [value], subject.startswith("call"))


@implements("graph", "dispatch/run_ten")
def ten(tf: Any, subject: str) -> Job:
    feeds = [tf.placeholder(tf.float32, []) for _ in range(10)]
    values = [np.float32(i) for i in range(10)]
    return _called(Bench(tf).session(), [x + 1.0 for x in feeds], feeds, values, False)


@implements("graph", "dispatch/run_matmul", "dispatch/call_matmul")
def matmul(tf: Any, subject: str) -> Job:
    bench = Bench(tf)
    x = tf.placeholder(tf.float32, [None, 784])
    y = tf.matmul(x, bench.variable(data.weights("w", 784, 10)))
    values = [data.normal("x", 100, 784)]
    return _called(bench.session(), y, [x], values, subject.startswith("call"))


@implements("graph", "dispatch/feed_fetch")
def feed_fetch(tf: Any, subject: str, count: int) -> Job:
    x = tf.placeholder(tf.float32, [None])
    return _called(Bench(tf).session(), x + 1.0, [x], [data.normal("x", count)], False)


def chain_of(tf: Any, ops: int) -> tuple[Any, Any]:
    """Return a scalar placeholder and the end of a chain of subtractions that nothing shortens."""
    x = tf.placeholder(tf.float32, [])
    y = x
    for _ in range(ops):
        y = x - y
    return x, y


@implements("graph", "dispatch/chain")
def chain(tf: Any, subject: str, ops: int) -> Job:
    x, y = chain_of(tf, ops)
    return _called(Bench(tf).session(), y, [x], [np.float32(3.0)], True)


@implements("graph", "dispatch/wide")
def wide(tf: Any, subject: str, ops: int) -> Job:
    x = tf.placeholder(tf.float32, [])
    y = tf.add_n([x + float(i % 7) * (i + 1) for i in range(ops)])
    return _called(Bench(tf).session(), y, [x], [np.float32(3.0)], True)


@implements("graph", "dispatch/chain_vectors")
def chain_vectors(tf: Any, subject: str, ops: int, width: int) -> Job:
    x = tf.placeholder(tf.float32, [width])
    y = x
    for _ in range(ops):
        y = x - y
    return _called(Bench(tf).session(), y, [x], [data.normal("x", width)], True)
