"""Updates of ten large variables by given gradients."""

from __future__ import annotations

from typing import Any

from benchmarks import data
from benchmarks.graph_programs.bench import Bench
from benchmarks.programs import Job, implements


@implements("graph", "optimizers/sgd", "optimizers/momentum", "optimizers/adam")
def update(tf: Any, subject: str, variables: int, count: int) -> Job:
    bench = Bench(tf)
    optimizer = {
        "sgd": lambda: tf.train.GradientDescentOptimizer(0.01),
        "momentum": lambda: tf.train.MomentumOptimizer(0.01, 0.9),
        "adam": lambda: tf.train.AdamOptimizer(0.01),
    }[subject]()
    weights = [bench.variable(data.normal(f"w{i}", count)) for i in range(variables)]
    pairs = [
        (tf.convert_to_tensor(bench.variable(data.normal(f"g{i}", count), False)), weight)
        for i, weight in enumerate(weights)
    ]
    train = optimizer.apply_gradients(pairs)
    session = bench.session()
    run = session.make_callable(train)

    def results() -> list[Any]:
        run()
        run()
        return [session.run(weights[-1])]

    return Job(run, results, session.close)
