"""Convolutions and pooling over one and two dimensions, dilated and strided, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors


def run(fetch: Any) -> Any:
    with ps.Session() as session:
        return session.run(fetch)


def windows(x: Any, size: list[int], step: list[int], rate: list[int], padding: str) -> Any:
    """Return [batch, positions..., window elements, channels]."""
    pads, outs = [(0, 0)], []
    for n, k, s, r in zip(x.shape[1:-1], size, step, rate, strict=True):
        reach = (k - 1) * r + 1
        out = -(-n // s) if padding == "SAME" else (n - reach) // s + 1
        whole = max(0, (out - 1) * s + reach - n) if padding == "SAME" else 0
        pads.append((whole // 2, whole - whole // 2))
        outs.append(out)
    x = np.pad(x, [*pads, (0, 0)])
    result = np.zeros((x.shape[0], *outs, int(np.prod(size)), x.shape[-1]), x.dtype)
    for place in np.ndindex(*outs):
        for i, element in enumerate(np.ndindex(*size)):
            at = [p * s + e * r for p, s, e, r in zip(place, step, element, rate, strict=True)]
            result[(slice(None), *place, i)] = x[(slice(None), *at)]
    return result


CASES = [
    ([7], [3], [1], [1]),
    ([7], [3], [2], [1]),
    ([9], [3], [1], [2]),
    ([5, 6], [2, 3], [2, 1], [1, 1]),
    ([7, 8], [2, 3], [1, 1], [3, 2]),
]


@pytest.mark.parametrize(("space", "size", "step", "rate"), CASES)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("first", [False, True])
def test_sliding(space: Any, size: Any, step: Any, rate: Any, padding: str, first: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 1, (2, *space, 3)).astype(np.float32)
    kernel = rng.uniform(-1, 1, (*size, 3, 4)).astype(np.float32)
    seen = windows(x, size, step, rate, padding)
    products = np.einsum("b...kc,kco->b...o", seen, kernel.reshape(-1, 3, 4))
    layout = {1: "NCW", 2: "NCHW"}[len(space)] if first else None
    given = np.moveaxis(x, -1, 1) if first else x

    def check(fetch: Any, wanted: Any) -> None:
        assert fetch.shape.as_list() == list(
            (np.moveaxis(wanted, -1, 1) if first else wanted).shape
        )
        found = run(fetch)
        found = np.moveaxis(found, 1, -1) if first else found
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)

    options: Any = {"strides": step, "dilation_rate": rate, "data_format": layout}
    check(ps.nn.convolution(given, kernel, padding, **options), products)
    if len(space) == 1:
        line = ps.nn.conv1d(given, kernel, step[0], padding, None, layout, dilations=rate)
        check(line, products)
    check(ps.nn.pool(given, size, "MAX", padding, **options), seen.max(axis=-2))
    if padding == "VALID" or max(rate) > 1:  # otherwise padding does not count for means
        check(ps.nn.pool(given, size, "AVG", padding, **options), seen.mean(axis=-2))


def test_atrous_conv2d() -> None:
    x = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)
    kernel = np.float32([[1, 2], [3, 4]]).reshape(2, 2, 1, 1)
    wanted = x[:, :3, :3] + 2 * x[:, :3, 2:] + 3 * x[:, 2:, :3] + 4 * x[:, 2:, 2:]
    np.testing.assert_allclose(run(ps.nn.atrous_conv2d(x, kernel, 2, "VALID")), wanted)
    with pytest.raises(ValueError, match="rate"):
        ps.nn.atrous_conv2d(x, kernel, 0, "VALID")


def test_what_is_refused() -> None:
    x, kernel = ps.zeros([1, 4, 4, 1]), ps.zeros([2, 2, 1, 1])
    with pytest.raises(ValueError, match="exclude"):
        ps.nn.convolution(x, kernel, "SAME", strides=[2, 2], dilation_rate=[2, 2])
    with pytest.raises(ValueError, match="data_format"):
        ps.nn.convolution(x, kernel, "SAME", data_format="NWC")
    with pytest.raises(ValueError, match="strides"):
        ps.nn.convolution(x, kernel, "SAME", strides=[1, 1, 1])
    with pytest.raises(errors.UnimplementedError, match="3 spatial"):
        ps.nn.convolution(ps.zeros([1, 2, 2, 2, 1]), ps.zeros([2, 2, 2, 1, 1]), "SAME")
    with pytest.raises(ValueError, match="pooling_type"):
        ps.nn.pool(x, [2, 2], "SUM", "SAME")
    with pytest.raises(ValueError, match="padding"):
        ps.nn.pool(x, [2, 2], "MAX", "FULL")
