"""A process that runs one network on one framework, as the bench tells it.

    python -m benchmarks.checkpointing.worker MODULE DIALECT THREADS

It answers each line of JSON with one: `["begin", network, small, peak]`; `["add", way]` with what
is known of it, or `{"infeasible": bytes}`; `["digest", way]` with the parameters after a step,
shortened; `["time", way, seconds]` with the seconds of single steps; `["own", way]` with what the
framework counts itself; `["memory", way]` with the most bytes resident during two steps, beyond
what was before them. A command that fails is answered with `{"fault": …}`.
"""

from __future__ import annotations

import importlib
import json
import sys
import zlib
from typing import Any

import numpy as np

from benchmarks import memory
from benchmarks.checkpointing.catalogue import NETWORKS
from benchmarks.child import digest, private_output, times_of, use_threads


class Worker:
    """The network that was begun."""

    def __init__(self, module: str, dialect: str) -> None:
        self.module: Any = importlib.import_module(module)
        self.dialect = dialect
        self.side: Any = None

    def begin(self, name: str, small: bool, peak: int) -> list[Any]:
        """Build a network's forward pass; `peak` is that of a plain step where it is known."""
        sides = importlib.import_module(f"benchmarks.checkpointing.side_{self.dialect}")
        self.side = sides.Side(self.module, NETWORKS[name].written(small))
        if peak:
            self.side.plain_peak = peak
        return []

    def add(self, way: str) -> list[Any]:
        """Make the step of a way."""
        return [self.side.add(way)]

    def digest(self, way: str) -> list[Any]:
        """Return what every parameter is after one step: some elements, and a check of all bits."""
        found = self.side.digest(way)
        bits = zlib.crc32(b"".join(np.ascontiguousarray(a).tobytes() for a in found))
        return [bits, [digest(array) for array in found]]

    def time(self, way: str, seconds: float) -> list[float]:
        """Time the steps of a way."""
        return times_of(self.side.steps[way], seconds)

    def own(self, way: str) -> list[Any]:
        """Return the framework's own figures."""
        return [{**self.side.own_memory(way), "trace": self.side.trace(way)}]

    def memory(self, way: str) -> list[int | None]:
        """Return the most bytes resident during two steps, beyond what was before."""
        step = self.side.steps[way]
        step()
        step()
        self.side.trim()
        before = memory.resident()
        peak = memory.peak_of(lambda: (step(), step()))
        return [None if peak is None or before is None else peak - before]


def serve(module: str, dialect: str, threads: int) -> None:
    """Answer commands until the input ends."""
    stream = private_output()
    use_threads(threads)
    worker = Worker(module, dialect)
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        try:
            answer = getattr(worker, command)(*arguments)
        except Exception as error:
            answer = {"fault": f"{type(error).__name__}: {error}"}
        stream.write(json.dumps(answer) + "\n")
        stream.flush()
    if worker.side is not None:
        worker.side.close()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
