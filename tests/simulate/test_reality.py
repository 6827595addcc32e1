"""Traced steps played again: from the times of its nodes the simulator finds that of the step.

One thread, so that a busy machine can only lengthen the gaps between nodes, and the best of a
few traces, so that one without gaps counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.simulate import Machine, MeasuredCosts

Program = tuple[list[Any], dict[Any, Any]]


def ones(x: ps.Tensor) -> dict[Any, Any]:
    return {x: np.ones(x.shape.as_list(), np.float32)}


def mlp() -> Program:
    x = h = ps.placeholder(ps.float32, [64, 128])
    for i in range(3):
        h = ps.nn.relu(ps.matmul(h, ps.get_variable(f"w{i}", [128, 128])))
    loss = ps.reduce_mean(ps.square(h))
    return [ps.train.AdamOptimizer().minimize(loss), loss], ones(x)


def convnet() -> Program:
    x = ps.placeholder(ps.float32, [4, 28, 28, 1])
    h = ps.nn.relu(ps.nn.conv2d(x, ps.get_variable("k", [3, 3, 1, 16]), [1, 1, 1, 1], "SAME"))
    h = ps.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    y = ps.matmul(ps.reshape(h, [4, -1]), ps.get_variable("o", [14 * 14 * 16, 10]))
    loss = ps.reduce_mean(ps.square(y))
    return [ps.train.GradientDescentOptimizer(0.1).minimize(loss)], ones(x)


def chain() -> Program:
    x = h = ps.placeholder(ps.float32, [50_000])
    for _ in range(10):
        h = ps.tanh(h) + x
    return [ps.reduce_sum(h)], ones(x)


def two_towers() -> Program:
    x = ps.placeholder(ps.float32, [32, 128])
    ends = []
    for tower in range(2):
        with ps.device(f"/cpu:{tower}"):
            h = x
            for i in range(4):
                h = ps.tanh(ps.matmul(h, ps.get_variable(f"t{tower}_{i}", [128, 128])))
            ends.append(h)
    return [ps.reduce_sum(ps.concat(ends, 1))], ones(x)


def softmax_regression() -> Program:
    x = ps.placeholder(ps.float32, [128, 784])
    logits = ps.matmul(x, ps.get_variable("w", [784, 10]))
    labels = np.arange(128) % 10
    loss = ps.reduce_mean(
        ps.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )
    return [ps.train.GradientDescentOptimizer(0.1).minimize(loss)], ones(x)


def span(stats: Any) -> float:
    """Return the seconds from the first node's start to the last node's end."""
    nodes = [n for device in stats.dev_stats for n in device.node_stats]
    first = min(n.all_start_nanos for n in nodes)
    return float(max(n.all_start_nanos + n.all_end_rel_nanos for n in nodes) - first) * 1e-9


@pytest.mark.parametrize("program", [mlp, convnet, chain, two_towers, softmax_regression])
def test_a_traced_step_is_predicted_within_20_percent(program: Callable[[], Program]) -> None:
    fetches, feeds = program()
    config = ps.ConfigProto(
        device_count={"CPU": 2}, intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
    )
    trace = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE)
    ratios = []
    with ps.Session(config=config) as session:
        session.run(ps.global_variables_initializer())
        session.run(fetches, feeds)
        for _ in range(7):
            metadata = ps.RunMetadata()
            session.run(fetches, feeds, options=trace, run_metadata=metadata)
            stats = metadata.step_stats
            step = ps.simulate.predict(
                fetches,
                feeds,
                machine=Machine.traced(stats),
                costs=MeasuredCosts.from_step_stats(stats),
            )
            ratios.append(step.step_time / span(stats))
    assert 0.8 < max(ratios) < 1.2, ratios
