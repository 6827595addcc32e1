"""A filter that is a constant of the graph is laid out once; the results must not tell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import penstock as ps

SIZES = [(4, 12, 12), (1, 12, 12), (3, 7, 9), (4, 12, 12), (2, 28, 28)]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_constant_and_fed_filters_agree_over_changing_sizes(rng: np.random.Generator) -> None:
    value = rng.standard_normal((3, 3, 32, 48)).astype(np.float32)
    with ps.Graph().as_default(), ps.Session() as session:
        x = ps.placeholder(ps.float32, [None, None, None, 32])
        fed = ps.placeholder(ps.float32, value.shape)
        results = []
        for kernel in (ps.constant(value), fed):
            y = ps.nn.conv2d(x, kernel, strides=[1, 1, 1, 1], padding="SAME")
            results.append((y, ps.gradients(ps.reduce_sum(ps.square(y)), [x])[0]))

        def compare(size: tuple[int, int, int], seed: int) -> None:
            image = np.random.default_rng(seed).standard_normal((*size, 32)).astype(np.float32)
            (y, dx), (y_fed, dx_fed) = session.run(results, {x: image, fed: value})
            np.testing.assert_array_equal(y, y_fed)
            np.testing.assert_array_equal(dx, dx_fed)

        for seed, size in enumerate(SIZES):
            compare(size, seed)
        with ThreadPoolExecutor(4) as pool:  # several steps want different layouts at once
            for future in [pool.submit(compare, SIZES[i % 5], i) for i in range(20)]:
                future.result()
