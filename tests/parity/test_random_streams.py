"""The random ops give TensorFlow's numbers for the same seeds, run after run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import penstock as ps

tf = pytest.importorskip("tensorflow").compat.v1

DRAWS: dict[str, Callable[[Any], Any]] = {
    "uniform": lambda m: m.random_uniform([1000], seed=3),
    "uniform float64": lambda m: m.random_uniform([7, 5], dtype=m.float64, seed=3),
    "uniform half": lambda m: m.random_uniform([65], dtype=m.float16, seed=3),
    "uniform range": lambda m: m.random_uniform([33], -2.0, 5.0, seed=3),
    "integers": lambda m: m.random_uniform([257], 3, 1000, m.int32, seed=4),
    "long integers": lambda m: m.random_uniform([99], -(2**40), 2**40, m.int64, seed=4),
    "normal": lambda m: m.random_normal([1001], seed=5),
    "normal float64": lambda m: m.random_normal([30], dtype=m.float64, seed=5),
    "truncated": lambda m: m.truncated_normal([999], seed=6),
    "seed of the graph only": lambda m: m.random_uniform([10]),
    "second node": lambda m: [m.random_uniform([10]), m.random_normal([10])][1],
    "no elements": lambda m: m.random_uniform([0, 3], seed=1),
    "stateless uniform": lambda m: m.random.stateless_uniform([100], seed=[1, 2]),
    "stateless normal": lambda m: m.random.stateless_normal([100], seed=[3, -4]),
}


@pytest.fixture(autouse=True, scope="module")
def graph_mode() -> Iterator[None]:
    tf.disable_eager_execution()
    yield


def drawn(module: Any, draw: Callable[[Any], Any]) -> list[Any]:
    """Return what three runs of one session give."""
    with module.Graph().as_default():
        module.set_random_seed(42)
        tensor = draw(module)
        with module.Session() as session:
            return [session.run(tensor) for _ in range(3)]


@pytest.mark.parametrize("name", DRAWS)
def test_streams_are_equal(name: str) -> None:
    ours, theirs = drawn(ps, DRAWS[name]), drawn(tf, DRAWS[name])
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.dtype == other.dtype
        assert mine.shape == other.shape
        if mine.dtype.kind == "f":
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(mine, other)


def test_uniform_numbers_are_equal_to_the_last_bit() -> None:
    for name in ("uniform", "uniform float64", "uniform half"):
        for mine, other in zip(drawn(ps, DRAWS[name]), drawn(tf, DRAWS[name]), strict=True):
            np.testing.assert_array_equal(mine, other)
