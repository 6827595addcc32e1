"""Draws the pictures of docs/tracing.md; run as ``python docs/pictures/tracing.py``.

Two towers of a network on two devices are trained for a few steps with tracing on; the fastest
step becomes timeline.svg, three steps in a row timeline_steps.svg.
"""

from pathlib import Path
from typing import Any

import numpy as np

import penstock as ps

FOLDER = Path(__file__).parent
LAYERS, WIDTH, BATCH = 3, 256, 128


def tower(x: ps.Tensor, device: str, name: str) -> ps.Tensor:
    """Return what LAYERS dense layers on `device` make of x."""
    random = np.random.default_rng(len(name))
    with ps.device(device), ps.variable_scope(name):
        for layer in range(LAYERS):
            start = random.normal(0, WIDTH**-0.5, (WIDTH, WIDTH)).astype(np.float32)
            x = ps.nn.relu(ps.matmul(x, ps.get_variable(f"w{layer}", initializer=start)))
        return x


def build() -> tuple[ps.Tensor, ps.Operation]:
    """Return the placeholder and the training op of two towers that should agree."""
    x = ps.placeholder(ps.float32, [BATCH, WIDTH], name="x")
    left, right = tower(x, "/cpu:0", "left"), tower(x, "/cpu:1", "right")
    with ps.device("/cpu:0"):
        loss = ps.reduce_mean(ps.square(left - right), name="loss")
    return x, ps.train.GradientDescentOptimizer(0.1).minimize(loss)


def record() -> list[Any]:
    """Return the statistics of some steps, after enough runs to have settled."""
    config = ps.ConfigProto(
        device_count={"CPU": 2}, intra_op_parallelism_threads=1, inter_op_parallelism_threads=2
    )
    options = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE)
    with ps.Graph().as_default(), ps.Session(config=config) as sess:
        x, train = build()
        sess.run(ps.global_variables_initializer())
        feeds = {x: np.ones((BATCH, WIDTH), np.float32)}
        for _ in range(10):
            sess.run(train, feeds)
        steps = []
        for _ in range(300):
            metadata = ps.RunMetadata()
            sess.run(train, feeds, options=options, run_metadata=metadata)
            steps.append(metadata.step_stats)
        return steps


def duration(step: Any) -> int:
    """Return how many nanoseconds a step took."""
    nodes = [n for device in step.dev_stats for n in device.node_stats]
    end = max(n.all_start_nanos + n.all_end_rel_nanos for n in nodes)
    return int(end - min(n.all_start_nanos for n in nodes))


def main() -> None:
    """Record, draw and write."""
    steps = sorted(record(), key=duration)
    ps.timeline.Timeline(steps[0]).save(FOLDER / "timeline.svg")
    ps.timeline.Timeline.merge(steps[:3]).save(FOLDER / "timeline_steps.svg")


if __name__ == "__main__":
    main()
