"""Makes the picture of memory in this folder: `python docs/pictures/memory.py`.

One network, its gradients computed plainly and with checkpoints, each explained by a session with
one thread, so that the picture is the same every time.
"""

from pathlib import Path

import numpy as np

import penstock as ps
from penstock.runtime.memory_explanation import MemoryExplanation

HERE = Path(__file__).parent
LAYERS, BATCH, WIDTH = 20, 1024, 128


def explain(checkpoints: str | None) -> MemoryExplanation:
    """Return the memory of a training step."""
    config = ps.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1)
    with ps.Graph().as_default(), ps.Session(config=config) as session:
        y = x = ps.placeholder(ps.float32, [BATCH, WIDTH], name="x")
        for i in range(LAYERS):
            initial = ps.random_normal([WIDTH, WIDTH], stddev=0.08, seed=i)
            weights = ps.Variable(initial, name=f"w{i}")
            y = ps.tanh(ps.matmul(y, weights), name=f"layer{i}")
        loss = ps.reduce_mean(ps.square(y), name="loss")
        optimizer = ps.train.GradientDescentOptimizer(0.1)
        train = optimizer.minimize(loss, checkpoints=checkpoints)
        session.run(ps.global_variables_initializer())
        return session.explain_memory(train, {x: np.ones((BATCH, WIDTH), np.float32)})


def main() -> None:
    """Explain, draw and write."""
    plain, sparing = explain(None), explain("memory")
    plain.plot("plain", {'checkpoints="memory"': sparing}).save(HERE / "memory.svg")


if __name__ == "__main__":
    main()
