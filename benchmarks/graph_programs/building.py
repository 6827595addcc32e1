"""What Python does before a run: building graphs and gradients, planning the first run."""

from __future__ import annotations

from typing import Any

from benchmarks import data
from benchmarks.graph_programs.dispatch import chain_of
from benchmarks.programs import Job, implements


@implements("graph", "building/graph")
def graph(tf: Any, subject: str, ops: int) -> Job:
    def step() -> int:
        with tf.Graph().as_default() as built:
            chain_of(tf, ops)
        return len(built.get_operations())

    return Job(step, list)


@implements("graph", "building/gradients")
def gradients(tf: Any, subject: str, layers: int) -> Job:
    weights = data.weights("w", 16, 16)

    def step() -> int:
        with tf.Graph().as_default():
            variables = []
            x = tf.placeholder(tf.float32, [None, 16])
            for _ in range(layers):
                w, b = tf.Variable(weights), tf.Variable(weights[0])
                x = tf.nn.relu(tf.matmul(x, w) + b)
                variables += [w, b]
            found = tf.gradients(tf.reduce_mean(x), variables)
        return sum(g is not None for g in found)

    return Job(step, lambda: [step()])


@implements("graph", "building/first_run")
def first_run(tf: Any, subject: str, ops: int) -> Job:
    with tf.Graph().as_default() as built:
        x, y = chain_of(tf, ops)

    def step() -> Any:
        with tf.Session(graph=built) as session:
            return session.run(y, {x: 3.0})

    return Job(step, lambda: [step()])
