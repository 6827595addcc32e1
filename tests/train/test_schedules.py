"""Learning-rate schedules against their formulas in NumPy, at many steps."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps

T = ps.train
STEPS = [0, 1, 4, 5, 9, 10, 11, 25, 40]


def polynomial(s: float, cycle: bool) -> float:
    span = 10 * max(1, math.ceil(s / 10)) if cycle else 10
    left = 1 - (s if cycle else min(s, 10)) / span
    return 0.9 * left**2 + 0.1


def restarts(s: float, t: float, m: float) -> float:
    start, length, height = 0.0, 10.0, 1.0
    while s >= start + length:
        start, length, height = start + length, length * t, height * m
    wave = height * 0.5 * (1 + math.cos(math.pi * (s - start) / length))
    return 0.9 * wave + 0.1


def linear_cosine(s: float) -> float:
    done = min(s, 10) / 10
    return (0.1 + 1 - done) * 0.5 * (1 + math.cos(math.pi * 2 * 1.5 * done)) + 0.01


CASES: dict[str, tuple[Callable[[Any], Any], Callable[[float], float]]] = {
    "exponential": (lambda s: T.exponential_decay(2.0, s, 10, 0.5), lambda s: 2 * 0.5 ** (s / 10)),
    "exponential in stairs": (
        lambda s: T.exponential_decay(2.0, s, 10, 0.5, staircase=True),
        lambda s: 2 * 0.5 ** (s // 10),
    ),
    "natural": (
        lambda s: T.natural_exp_decay(2.0, s, 10, 0.5),
        lambda s: 2 * math.exp(-0.5 * s / 10),
    ),
    "inverse": (lambda s: T.inverse_time_decay(2.0, s, 10, 0.5), lambda s: 2 / (1 + 0.5 * s / 10)),
    "inverse in stairs": (
        lambda s: T.inverse_time_decay(2.0, s, 10, 0.5, staircase=True),
        lambda s: 2 / (1 + 0.5 * (s // 10)),
    ),
    "polynomial": (
        lambda s: T.polynomial_decay(1.0, s, 10, 0.1, power=2.0),
        lambda s: polynomial(s, False),
    ),
    "polynomial in cycles": (
        lambda s: T.polynomial_decay(1.0, s, 10, 0.1, power=2.0, cycle=True),
        lambda s: polynomial(s, True),
    ),
    "cosine": (
        lambda s: T.cosine_decay(1.0, s, 10, alpha=0.1),
        lambda s: 0.9 * 0.5 * (1 + math.cos(math.pi * min(s, 10) / 10)) + 0.1,
    ),
    "cosine with restarts": (
        lambda s: T.cosine_decay_restarts(1.0, s, 10, t_mul=1.5, m_mul=0.5, alpha=0.1),
        lambda s: restarts(s, 1.5, 0.5),
    ),
    "cosine with equal restarts": (
        lambda s: T.cosine_decay_restarts(1.0, s, 10, t_mul=1.0, m_mul=0.5, alpha=0.1),
        lambda s: restarts(s, 1.0, 0.5),
    ),
    "linear cosine": (
        lambda s: T.linear_cosine_decay(1.0, s, 10, num_periods=1.5, alpha=0.1, beta=0.01),
        linear_cosine,
    ),
    "pieces": (
        lambda s: T.piecewise_constant(s, [5, 10], [1.0, 0.5, 0.1]),
        lambda s: 1.0 if s <= 5 else 0.5 if s <= 10 else 0.1,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_schedule(name: str) -> None:
    build, expected = CASES[name]
    step = ps.placeholder(ps.int64, [])
    rate = build(step)
    assert rate.dtype is ps.float32
    with ps.Session() as sess:
        got = [sess.run(rate, {step: s}) for s in STEPS]
    np.testing.assert_allclose(got, [expected(s) for s in STEPS], rtol=2e-5, atol=1e-6)


def test_pieces_of_other_dtypes() -> None:
    with ps.Session() as sess:
        assert sess.run(T.piecewise_constant(0.5, [0.25], [1, 2])) == 2
        assert sess.run(T.piecewise_constant(7, [], [4.0])) == 4


def test_messages() -> None:
    with pytest.raises(ValueError, match="one value more than boundaries, got 2 values and 2"):
        T.piecewise_constant(1, [1, 2], [1.0, 2.0])
    with pytest.raises(ValueError, match="needs a global_step"):
        T.exponential_decay(1.0, None, 10, 0.5)
