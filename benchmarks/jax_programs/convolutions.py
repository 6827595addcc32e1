"""Convolutions and pooling with their gradients, NHWC as in graph programs."""

from __future__ import annotations

from typing import Any

import jax
from jax import lax

from benchmarks import data
from benchmarks.catalogue import PROGRAMS
from benchmarks.jax_programs.compiled import kernel
from benchmarks.programs import Job, implements

_NAMES = [name for name in PROGRAMS if name.startswith("convolutions/")]


def convolve(x: Any, k: Any, stride: int = 1) -> Any:
    """Return the convolution with the padding called SAME."""
    return lax.conv_general_dilated(
        x, k, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def max_pool(x: Any) -> Any:
    """Return the maxima of 2x2 windows."""
    window = (1, 2, 2, 1)
    return lax.reduce_window(x, -float("inf"), lax.max, window, window, "SAME")


def average_pool(x: Any) -> Any:
    """Return the means of 2x2 windows."""
    window = (1, 2, 2, 1)
    return lax.reduce_window(x, 0.0, lax.add, window, window, "SAME") / 4.0


@implements("jax", *(name for name in _NAMES if "/forward_" in name))
def forward(
    module: Any,
    subject: str,
    batch: int,
    side: int,
    channels: int,
    filters: int,
    window: int,
    stride: int,
) -> Job:
    x = data.normal("x", batch, side, side, channels)
    k = data.weights("k", window, window, channels, filters)
    return kernel(lambda a, b: convolve(a, b, stride), x, k)


@implements("jax", *(name for name in _NAMES if "/backward_" in name))
def backward(
    module: Any,
    subject: str,
    batch: int,
    side: int,
    channels: int,
    filters: int,
    window: int,
    stride: int,
) -> Job:
    def both(x: Any, k: Any, dy: Any) -> Any:
        dx, dk = jax.vjp(lambda a, b: convolve(a, b, stride), x, k)[1](dy)
        return (dk,) if subject == "backward_stem_7x7" else (dx, dk)

    x = data.normal("x", batch, side, side, channels)
    k = data.weights("k", window, window, channels, filters)
    out = -(-side // stride)
    return kernel(both, x, k, data.normal("dy", batch, out, out, filters))


@implements("jax", "convolutions/max_pool", "convolutions/average_pool")
def pool(module: Any, subject: str, batch: int, side: int, channels: int) -> Job:
    def both(x: Any, dy: Any) -> Any:
        y, back = jax.vjp(max_pool if subject == "max_pool" else average_pool, x)
        return y, back(dy)[0]

    x = data.normal("x", batch, side, side, channels)
    return kernel(both, x, data.normal("dy", batch, side // 2, side // 2, channels))
