"""The memory tests of openai/gradient-checkpointing, in real runs: peaks in activations of 1 MB.

A network of n values counts its input as one of them. Peaks are the allocator's, of one run, with
the input and the gradient; they must not pass what the anchor's tests allow, and the plain runs
must not be below what they cannot do without, so that a measurement of nothing fails.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps

SIDE = (512, 512)
UNIT = 1 << 20
INPUT = np.linspace(-1, 1, UNIT // 4, dtype=np.float32).reshape(SIDE)

Net = tuple[Any, Any, list[Any]]


def chain(n: int) -> Net:
    x = ps.placeholder(ps.float32, SIDE)
    values = [x]
    for _ in range(n - 1):
        values.append(ps.tanh(values[-1]))
    return x, values[-1], values


def residual(n: int) -> Net:
    x = ps.placeholder(ps.float32, SIDE)
    values = [x]
    for _ in range(n - 1):
        values.append(values[-1] + ps.tanh(values[-1]))
    return x, values[-1], values


def dual(n: int) -> Net:
    x = ps.placeholder(ps.float32, SIDE)
    left, right = [x], [x]
    for _ in range(n - 1):
        left.append(ps.tanh(left[-1]))
        right.append(ps.tanh(right[-1]))
    return (
        x,
        left[-1] + right[-1],
        [x, *(v for pair in zip(left, right, strict=True) for v in pair)],
    )


def peak(make: Callable[[int], Net], n: int, checkpoints: Any) -> float:
    """Return the units that one run of the gradient by the input takes."""
    with ps.Graph().as_default():
        x, y, values = make(n)
        if isinstance(checkpoints, list):
            checkpoints = [values[i] for i in checkpoints]
        (g,) = ps.gradients(ps.reduce_sum(y), x, checkpoints=checkpoints)
        with ps.Session() as session:
            session.run(g, {x: INPUT})
            _, memory = session.run_with_memory(g, {x: INPUT})
    return 1 + float(memory.peak - memory.live_before) / UNIT


@pytest.mark.parametrize(
    ("make", "n", "checkpoints", "expected", "tolerance"),
    [
        pytest.param(chain, 5, None, 5, 1.01, id="chain, plain"),
        pytest.param(chain, 5, [1, 3], 4, 1.01, id="chain, two points"),
        pytest.param(chain, 5, [2], 4, 1.1, id="chain, one point"),
        pytest.param(dual, 5, [2, 3, 6, 7], 9, 4.1, id="dual chain"),
        pytest.param(chain, 6, "memory", 6, 0.01, id="chain, memory"),
        pytest.param(chain, 100, "memory", 16, 0.01, id="long chain, memory"),
        pytest.param(residual, 3, None, 4, 1.1, id="residual 3, plain"),
        pytest.param(residual, 6, None, 6, 0.01, id="residual 6, plain"),
        pytest.param(residual, 6, [2, 4], 5, 1.1, id="residual, points"),
        pytest.param(residual, 6, "memory", 7, 1.1, id="residual, memory"),
        pytest.param(residual, 100, None, 101, 1.1, id="long residual, plain"),
        pytest.param(residual, 100, "memory", 20, 0.01, id="long residual, memory"),
    ],
)
def test_peak(
    make: Callable[[int], Net], n: int, checkpoints: Any, expected: float, tolerance: float
) -> None:
    used = peak(make, n, checkpoints)
    assert used <= expected + tolerance
    assert used >= (n - 1 if checkpoints is None else 2)
