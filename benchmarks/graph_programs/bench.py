"""Where a graph program is written and run: variables with given values, one session.

Values come through feeds, so that no copy of them stays in the graph. The session has as many
threads as the command line says (`PENSTOCK_BENCH_THREADS`).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks.data import Array
from benchmarks.programs import Job


class Bench:
    """The default graph of a module, and a session when it is wanted."""

    def __init__(self, tf: Any) -> None:
        self.tf = tf
        self._values: dict[Any, Array] = {}

    def variable(self, value: Array, trainable: bool = True) -> Any:
        """Return a variable that starts with this value."""
        start = self.tf.placeholder(self.tf.as_dtype(value.dtype), value.shape)
        self._values[start] = value
        return self.tf.Variable(start, trainable=trainable)

    def placeholder(self, value: Array) -> Any:
        """Return a placeholder with the dtype and the shape of a value."""
        return self.tf.placeholder(self.tf.as_dtype(value.dtype), value.shape)

    def session(self) -> Any:
        """Return a session in which the variables have their values."""
        threads = int(os.environ.get("PENSTOCK_BENCH_THREADS", "2"))
        config = self.tf.ConfigProto(
            intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
        )
        session = self.tf.Session(config=config)
        session.run(self.tf.global_variables_initializer(), self._values)
        self._values = {}
        return session

    def kernel(self, *outputs: Any) -> Job:
        """Return the job that computes tensors and leaves them inside the runtime, in variables.

        Without a reader a compiler may leave them out; assignment takes their buffers over.
        """
        kept = []
        for output in outputs:
            zeros = np.zeros(output.shape.as_list(), output.dtype.as_numpy_dtype)
            kept.append(self.tf.assign(self.variable(zeros, trainable=False), output).op)
        session = self.session()
        run = session.make_callable(kept)
        return Job(run, lambda: [np.asarray(v) for v in session.run(outputs)], session.close)

    def training(self, feeds: dict[Any, Array], loss: Any, optimizer: Any) -> Job:
        """Return the job of a training step that feeds its batch and fetches the loss."""
        train = optimizer.minimize(loss)
        session = self.session()

        def step() -> Any:
            return session.run([train, loss], feeds)[1]

        return Job(step, lambda: [step() for _ in range(3)], session.close)
