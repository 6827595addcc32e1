"""Philox 4x32, ten rounds, on whole arrays of counters: the streams of `kernels/cpu/philox.h`.

A stream is a 64-bit key and a 128-bit counter; any place of it may be asked for. 32-bit words are
kept in uint64 arrays until a distribution turns them into numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from penstock.kernel_api import Array

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_FACTORS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_STEPS = (0x9E3779B9, 0xBB67AE85)


def rounds(counter: list[Array], key: tuple[int, int]) -> list[Array]:
    """Return the four words of each counter, which is four words too."""
    c0, c1, c2, c3 = counter
    key0, key1 = key
    for _ in range(10):
        a, b = _FACTORS[0] * c0, _FACTORS[1] * c2
        c0, c1, c2, c3 = (
            (b >> _SHIFT) ^ c1 ^ np.uint64(key0),
            b & _MASK,
            (a >> _SHIFT) ^ c3 ^ np.uint64(key1),
            a & _MASK,
        )
        key0, key1 = (key0 + _STEPS[0]) & 0xFFFFFFFF, (key1 + _STEPS[1]) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


class Stream(NamedTuple):
    """A place in a stream: the next counter value to use."""

    key: int
    low: int
    high: int

    def skipped(self, count: int) -> Stream:
        """Return the place `count` counter values later."""
        total = (self.high << 64) + self.low + count
        return Stream(self.key, total & (1 << 64) - 1, total >> 64 & (1 << 64) - 1)

    def words(self, xp: Any, ahead: Array) -> Array:
        """Return [..., 4]: the words of the counter values that are `ahead` (uint64) from here."""
        low = np.uint64(self.low) + ahead
        carry = (low < np.uint64(self.low)).astype(np.uint64)
        high = np.uint64(self.high) + carry
        counter = [low & _MASK, low >> _SHIFT, high & _MASK, high >> _SHIFT]
        key = (self.key & 0xFFFFFFFF, self.key >> 32)
        return xp.stack(rounds(counter, key), axis=-1)


def stateless(seed0: int, seed1: int) -> Stream:
    """Return the stream of two seeds: one block of Philox scrambles them."""
    words = [seed0 & 0xFFFFFFFF, seed0 >> 32, seed1 & 0xFFFFFFFF, seed1 >> 32]
    counter = [np.array([w], dtype=np.uint64) for w in words]
    w0, w1, w2, w3 = (int(w[0]) for w in rounds(counter, (0x3EC8F720, 0x02461E29)))
    return Stream(w0 | w1 << 32, 0, w2 | w3 << 32)
