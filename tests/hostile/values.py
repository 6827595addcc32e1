"""The values that hurt: numbers at the ends of their types, shapes that overflow, odd attributes.

What is drawn depends on nothing but the choices, so a seed, or the bytes of a fuzzer, is enough to
draw the same again. Shapes of arrays stay small; only what the numbers say is enormous.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from penstock import dtypes
from penstock.dtypes import DType
from penstock.ops.spec import AttrDef
from penstock.shapes import TensorShape
from tests.cases import Array

Item = TypeVar("Item")

DTYPES = tuple([d for d in dtypes.ALL if d is not dtypes.resource])
INT32, INT64 = (1 << 31) - 1, (1 << 63) - 1
INTS = (
    *(0, 1, -1, 2, 3, -2, 4, 7, -5, 64, 1000, 1 << 20),
    *(INT32, -INT32 - 1, INT32 + 1, 1 << 32, 10**12, 1 << 62, INT64, -INT64 - 1),
)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 3e38, np.nan, np.inf, -np.inf)
SHAPES = (
    *((), (0,), (1,), (2,), (3,), (5,), (2, 3), (3, 2), (1, 1), (0, 3), (3, 0), (4, 4)),
    *((2, 3, 4), (1, 0, 2), (1, 4, 4, 2), (2, 3, 3, 1), (2, 2, 2, 2), (1, 2, 3, 2, 2), (1,) * 8),
)
WIRE_SHAPES: tuple[Any, ...] = (
    *(None, [], [None], [2], [2, 3], [0], [None, 3], [1 << 20, 1 << 20], [1 << 62, 4], [INT64]),
    *([INT64, INT64], [1] * 8, [1] * 9, [None] * 300, [0, INT64, INT64]),
)
STRINGS = (b"", b"SAME", b"VALID", b"NHWC", b"NCHW", b"\xff\x00", b"linear", b"x" * 5000)
WRONG_KINDS: tuple[Any, ...] = (1.5, "text", [], [1], True, 1 << 70, object(), dtypes.float32)


class Choices(Protocol):
    """A source of choices."""

    def below(self, count: int) -> int:
        """Return a number from 0 to `count` - 1."""


class Seeded:
    """Choices that a text determines, on every machine."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def below(self, count: int) -> int:
        return self._random.randrange(count)


def pick(choices: Choices, items: Sequence[Item]) -> Item:
    """Return one of `items`."""
    return items[choices.below(len(items))]


def draw_array(choices: Choices, dtype: DType, shape: tuple[int, ...]) -> Array:
    """Return an array whose elements are small, or all the same extreme, or differ in one."""
    how = choices.below(4)
    if dtype is dtypes.string:
        texts = np.full(shape, pick(choices, STRINGS), dtype=object)
        return texts
    rng = np.random.default_rng(choices.below(8))
    array = np.asarray(rng.integers(0, 2 if dtype is dtypes.bool else 4, shape))
    values = array.astype(dtype.numpy_dtype)
    if how > 1 and values.size:
        place = ... if how == 2 else choices.below(values.size)
        np.ravel(values)[place] = draw_element(choices, dtype)
    return values


def draw_element(choices: Choices, dtype: DType) -> Any:
    """Return one extreme number of a dtype."""
    if dtype is dtypes.bool:
        return choices.below(2)
    with np.errstate(all="ignore"):
        if not dtype.is_integer:
            return np.float64(pick(choices, FLOATS)).astype(dtype.numpy_dtype)
        return np.array(pick(choices, INTS)).astype(dtype.numpy_dtype)


def draw_attr(choices: Choices, attr: AttrDef) -> Any:
    """Return a value for an attribute: mostly of its kind, mostly not what it is for."""
    if choices.below(12) == 0:
        return pick(choices, WRONG_KINDS)
    if attr.is_list:
        lengths = (0, 1, 2, 3, 4, 4, 4, 5, 8, 9)
        return [_draw_item(choices, attr) for _ in range(pick(choices, lengths))]
    return _draw_item(choices, attr)


def _draw_item(choices: Choices, attr: AttrDef) -> Any:
    kind = attr.element_kind
    if attr.allowed and choices.below(6):
        return pick(choices, attr.allowed)
    if kind == "int":
        return pick(choices, INTS)
    if kind == "float":
        return pick(choices, FLOATS)
    if kind == "bool":
        return bool(choices.below(2))
    if kind == "string":
        return pick(choices, STRINGS)
    if kind == "type":
        return pick(choices, dtypes.ALL)
    if kind == "shape":
        return TensorShape(pick(choices, WIRE_SHAPES))
    return draw_array(choices, pick(choices, DTYPES), pick(choices, SHAPES))
