"""The data of the programs: the same arrays for every peer, from a seed that names them."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def _generator(seed: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(seed.encode()))


def normal(seed: str, *shape: int) -> Array:
    """Return float32 values of a normal distribution."""
    return _generator(seed).standard_normal(shape, dtype=np.float32)


def integers(seed: str, below: int, *shape: int) -> Array:
    """Return int32 values in [0, below)."""
    return _generator(seed).integers(0, below, shape, dtype=np.int32)


def weights(seed: str, *shape: int) -> Array:
    """Return float32 values scaled by their fan-in, as layers of rectifiers start."""
    fan_in = max(1, int(np.prod(shape[:-1])))
    return normal(seed, *shape) * np.float32((2.0 / fan_in) ** 0.5)
