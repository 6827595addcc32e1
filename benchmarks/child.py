"""A process that runs one program on one peer, as the harness tells it.

    python -m benchmarks.child MODULE DIALECT PROGRAM THREADS

It writes one line of JSON for each line it reads. First, unasked, when it is warm, the digests of
the program's results; then for `["time", seconds]` the seconds of single steps, and for
`["memory"]` the peak of two steps beyond what the imports had taken. Whatever else is printed goes
to the error stream.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
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
    batch = max(1, int(SHORTEST / max(clock() - began, 1e-7)))
    times: list[float] = []
    end = clock() + seconds
    while len(times) < 2 or clock() < end:
        began = clock()
        for _ in range(batch):
            step()
        times.append((clock() - began) / batch)
    times.sort()
    kept = np.linspace(0, len(times) - 1, min(SAMPLES, len(times))).astype(int)
    return [times[i] for i in kept]


def _private_output() -> TextIO:
    """Return the stream to the harness; prints of libraries go elsewhere from here on."""
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return stream


def _use_threads(count: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def _job(module: Any, dialect: str, name: str) -> Job:
    if hasattr(module, "disable_v2_behavior"):
        module.disable_v2_behavior()
    subject = name.partition("/")[2]
    return implementations(dialect)[name](module, subject, **PROGRAMS[name].sizes)


def _two_steps(job: Job) -> None:
    job.step()
    job.step()


def serve(module_name: str, dialect: str, name: str, threads: int) -> None:
    """Build the program, report its results, then answer until the input ends."""
    stream = _private_output()

    def send(value: object) -> None:
        stream.write(json.dumps(value) + "\n")
        stream.flush()

    _use_threads(threads)
    module = importlib.import_module(module_name)
    imported = memory.resident()
    job = _job(module, dialect, name)
    digests = [digest(result) for result in job.results()]
    times_of(job.step, WARM)
    send(digests)
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        if command == "time":
            send(times_of(job.step, *arguments))
        else:
            peak = memory.peak_of(lambda: _two_steps(job))
            send(None if peak is None or imported is None else peak - imported)
    job.close()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
