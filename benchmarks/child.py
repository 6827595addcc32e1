"""A process that runs programs on one peer, as the harness tells it.

    python -m benchmarks.child MODULE DIALECT THREADS

It answers each line of JSON with one: `["begin", program]` with the digests of the program's
results, when it is built and warm; `["time", seconds]` with the seconds of single steps;
`["memory"]` with the peak of two steps beyond what the imports had taken. A program that cannot run
is answered with `{"fault": …}`. Whatever else is printed goes to the error stream.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TextIO

import numpy as np

from benchmarks import memory
from benchmarks.catalogue import PROGRAMS
from benchmarks.programs import Job, implementations

SHORTEST = 5e-4  # seconds of a batch of steps that are timed together
SAMPLES = 400  # kept of a round at most, evenly spaced in their order
WARM = 0.25  # seconds before the first round
DIGEST = 300  # elements compared of a result


def digest(result: Any) -> dict[str, Any]:
    """Return what is compared of an array: its shape and evenly spaced elements."""
    array = np.asarray(result)
    flat = array.reshape(-1)
    step = max(1, flat.size // DIGEST)
    return {"shape": array.shape, "values": [float(v) for v in flat[::step]]}


def times_of(step: Callable[[], object], seconds: float) -> list[float]:
    """Time steps for about so many seconds, short ones in batches."""
    clock = time.perf_counter
    began = clock()
    step()
    first = clock() - began
    batch = max(1, int(SHORTEST / max(first, 1e-7)))
    times = [first] if first > seconds else []  # one step is a round where steps are long
    while not times or clock() - began < seconds:
        batch_began = clock()
        for _ in range(batch):
            step()
        times.append((clock() - batch_began) / batch)
    times.sort()
    kept = np.linspace(0, len(times) - 1, min(SAMPLES, len(times))).astype(int)
    return [times[i] for i in kept]


def private_output() -> TextIO:
    """Return the stream to the harness; prints of libraries go elsewhere from here on."""
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return stream


def use_threads(count: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


class Worker:
    """The module, and the program that was begun last."""

    def __init__(self, module_name: str, dialect: str) -> None:
        self.module: Any = importlib.import_module(module_name)
        if hasattr(self.module, "disable_v2_behavior"):
            self.module.disable_v2_behavior()
        self.dialect = dialect
        self.made = implementations(dialect)
        self.imported = memory.resident()
        self.job: Job | None = None

    def begin(self, name: str) -> list[dict[str, Any]]:
        """Build and warm up a program in the place of the one before."""
        self.end()
        graph = self.module.Graph().as_default() if self.dialect == "graph" else nullcontext()
        with graph:
            subject = name.partition("/")[2]
            self.job = self.made[name](self.module, subject, **PROGRAMS[name].sizes)
            digests = [digest(result) for result in self.job.results()]
            times_of(self.job.step, WARM)
        return digests

    def time(self, seconds: float) -> list[float]:
        """Time the program's steps."""
        assert self.job is not None
        return times_of(self.job.step, seconds)

    def memory(self) -> int | None:
        """Return the peak of two steps beyond what the imports had taken."""
        assert self.job is not None
        step = self.job.step
        peak = memory.peak_of(lambda: (step(), step()))
        return None if peak is None or self.imported is None else peak - self.imported

    def end(self) -> None:
        """Let the program go."""
        if self.job is not None:
            self.job.close()
        self.job = None
        gc.collect()


def serve(module_name: str, dialect: str, threads: int) -> None:
    """Answer commands until the input ends."""
    stream = private_output()
    use_threads(threads)
    worker = Worker(module_name, dialect)
    commands: dict[str, Callable[..., Any]] = {
        "begin": worker.begin,
        "time": worker.time,
        "memory": worker.memory,
    }
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        try:
            answer = commands[command](*arguments)
        except Exception as error:
            answer = {"fault": f"{type(error).__name__}: {error}"}
        stream.write(json.dumps(answer) + "\n")
        stream.flush()
    worker.end()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
