"""What several devices cost: the same work on one and on two, transfers, placing and cutting."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks import data
from benchmarks.programs import Job, implements


def _session(tf: Any, cpus: int) -> Any:
    """Return a session with that many CPU devices."""
    threads = int(os.environ.get("PENSTOCK_BENCH_THREADS", "2"))
    return tf.Session(
        config=tf.ConfigProto(
            device_count={"CPU": cpus},
            intra_op_parallelism_threads=threads,
            inter_op_parallelism_threads=threads,
        )
    )


def _job(session: Any, fetch: Any, feed: Any, value: Any) -> Job:
    run = session.make_callable(fetch, [feed])
    return Job(lambda: run(value), lambda: [run(value)], session.close)


@implements("graph", "devices/run_one", "devices/run_two")
def run(tf: Any, subject: str) -> Job:
    cpus = 2 if subject == "run_two" else 1
    x = tf.placeholder(tf.float32, [])
    with tf.device(f"/device:CPU:{cpus - 1}"):
        y = x * 3.0
    return _job(_session(tf, cpus), y - x, x, np.float32(2.0))


@implements("graph", "devices/transfers_none", "devices/transfers")
def transfers(tf: Any, subject: str, ops: int, width: int) -> Job:
    """A chain that changes its device after every pair of ops: as many transfers as pairs."""
    cpus = 2 if subject == "transfers" else 1
    x = tf.placeholder(tf.float32, [width])
    y = x
    for i in range(ops):
        with tf.device(f"/device:CPU:{(i + 1) % cpus}"):
            y = tf.abs(tf.negative(y))
    return _job(_session(tf, cpus), y, x, data.normal("x", width))


@implements("graph", "devices/first_run")
def first_run(tf: Any, subject: str, ops: int) -> Job:
    """Placing and cutting a graph in eight parts, at whose edges every tenth value crosses."""
    with tf.Graph().as_default() as built:
        x = tf.placeholder(tf.float32, [])
        ends = [x] * 8
        for i in range(ops):
            device = i * 8 // ops if i % 10 else i % 8
            with tf.device(f"/device:CPU:{device}"):
                ends[device] = ends[device] - ends[(device + 1) % 8]
        y = tf.add_n(ends)

    def step() -> Any:
        with tf.Session(graph=built, config=tf.ConfigProto(device_count={"CPU": 8})) as session:
            return session.run(y, {x: 0.0})

    return Job(step, lambda: [step()])
