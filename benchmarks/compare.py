"""Times programs on several modules (or checkouts) in turn, and prints the ratios.

    python benchmarks/compare.py                          penstock against TensorFlow
    python benchmarks/compare.py train_mlp --rounds 9
    python benchmarks/compare.py --subject penstock@../other/engine --peer penstock@engine

A module may carry a path that its process puts first. Each module has a process of its own;
they take turns (A B, B A, ...), so that a drifting machine does not favour one. A figure is
the median over the rounds of the round's median; the spread is the interquartile range as a
share of it. A ratio is the median of the rounds' ratios: above 1 the subject is faster.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Child:
    """A process that runs one program on one module."""

    def __init__(self, module: str, name: str, python: str) -> None:
        """Start it and wait until the program is built and warm."""
        self.module = module
        command = [python, str(HERE / "compare.py"), "--child", module, name]
        environment = {**os.environ, "OMP_NUM_THREADS": "2", "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        if self._read() != "ready":
            raise RuntimeError(f"{module} cannot run {name}")
        self.rounds: list[float] = []

    def _read(self) -> object:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def round(self, seconds: float) -> None:
        """Time steps for about so many seconds."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        result = self._read()
        if not isinstance(result, float):
            raise RuntimeError(f"{self.module} stopped")
        self.rounds.append(result)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def serve(module: str, name: str) -> None:
    """Be a child: build the program, then time steps for as long as each line says."""
    sys.path.insert(0, str(HERE))
    module, _, path = module.partition("@")
    if path:
        sys.path.insert(0, path)
    tf = importlib.import_module(module)
    if hasattr(tf, "disable_v2_behavior"):
        tf.disable_v2_behavior()
    step = importlib.import_module("programs").PROGRAMS[name](tf)
    began = time.perf_counter()
    while time.perf_counter() - began < 0.5:
        step()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(_median_step(step, float(line))), flush=True)


def _median_step(step: object, seconds: float) -> float:
    assert callable(step)
    began = time.perf_counter()
    step()
    batch = max(1, int(5e-4 / max(time.perf_counter() - began, 1e-7)))
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not times:
        began = time.perf_counter()
        for _ in range(batch):
            step()
        times.append((time.perf_counter() - began) / batch)
    return statistics.median(times)


def compare(name: str, modules: list[str], rounds: int, seconds: float, python: str) -> None:
    """Print one line for a program: each module's time and spread, and the ratio."""
    children = [Child(m, name, python) for m in modules]
    for i in range(rounds):
        for child in children if i % 2 == 0 else reversed(children):
            child.round(seconds)
    parts = [f"{name:16}"]
    for child in children:
        median = statistics.median(child.rounds)
        quartiles = statistics.quantiles(child.rounds, n=4) if rounds > 1 else [median] * 3
        spread = (quartiles[2] - quartiles[0]) / median
        parts.append(f"{child.module.partition('@')[0]:22}{median * 1e6:12.2f} us ±{spread:4.0%}")
        child.close()
    subject, *others = children
    for other in others:
        ratios = [b / a for a, b in zip(subject.rounds, other.rounds, strict=True)]
        parts.append(f"ratio {statistics.median(ratios):8.2f}x")
    print("  ".join(parts), flush=True)


def main() -> None:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", nargs="*", help="names from programs.py; all by default")
    parser.add_argument("--subject", default="penstock")
    parser.add_argument("--peer", default="tensorflow.compat.v1")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        serve(*arguments.child)
        return
    sys.path.insert(0, str(HERE))
    names = arguments.programs or list(importlib.import_module("programs").PROGRAMS)
    modules = [arguments.subject, arguments.peer]
    for name in names:
        compare(name, modules, arguments.rounds, arguments.seconds, arguments.python)


if __name__ == "__main__":
    main()
