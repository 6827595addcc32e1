"""The random streams of one device of one session: a place for each node, as on the CPU.

A place is a key and a counter of 128 bits. An execution draws from its place and moves it on by
256 counter values for each element, used or not, so that the same program with the same seeds
draws the same numbers whichever device it runs on.
"""

from __future__ import annotations

import secrets
import threading
from typing import NamedTuple

SKIP_PER_ELEMENT = 256
_MASK = (1 << 64) - 1
_WORD = (1 << 32) - 1


class Place(NamedTuple):
    """A place in a Philox stream: the key and both halves of the counter."""

    key: int
    low: int
    high: int

    def after(self, count: int) -> Place:
        """Return the place `count` counter values further on.

        >>> from penstock.kernels.gpu.random_state import Place
        >>> Place(7, (1 << 64) - 1, 0).after(2)
        Place(key=7, low=1, high=1)
        """
        total = self.low + count
        return Place(self.key, total & _MASK, (self.high + (total >> 64)) & _MASK)


def seeded(seed: int, seed2: int) -> Place:
    """Return where the stream of an op with these seeds begins; two zeros are a random choice."""
    if seed == 0 and seed2 == 0:
        return Place(secrets.randbits(64), 0, secrets.randbits(64))
    return Place(seed & _MASK, 0, seed2 & _MASK)


def stateless(first: int, second: int) -> Place:
    """Return the place that a stateless op with these two seeds draws from."""
    first, second = first & _MASK, second & _MASK
    counter = (first & _WORD, first >> 32, second & _WORD, second >> 32)
    w = philox(counter, (0x3EC8F720, 0x02461E29))
    return Place(w[0] | w[1] << 32, 0, w[2] | w[3] << 32)


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the four words of one counter value: Philox 4x32 with ten rounds."""
    c, (k0, k1) = counter, key
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = ((b >> 32) ^ c[1] ^ k0, b & _WORD, (a >> 32) ^ c[3] ^ k1, a & _WORD)
        k0, k1 = (k0 + 0x9E3779B9) & _WORD, (k1 + 0xBB67AE85) & _WORD
    return c


class RandomState:
    """The places of all nodes that drew on a device. Any thread may ask."""

    def __init__(self) -> None:
        """Begin with no streams."""
        self._places: dict[str, Place] = {}
        self._lock = threading.Lock()

    def reserve(self, node: str, seed: int, seed2: int, elements: int) -> Place:
        """Return the place to draw `elements` from; the node's stream moves on past them."""
        with self._lock:
            here = self._places.get(node)
            if here is None:
                here = seeded(seed, seed2)
            self._places[node] = here.after(elements * SKIP_PER_ELEMENT)
            return here

    def clear(self) -> None:
        """Forget all streams."""
        with self._lock:
            self._places.clear()
