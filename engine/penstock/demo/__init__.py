"""The handwritten digits that the demo and the lessons train on.

What leaves: 1,797 images of 8x8 grey values and their labels, from `digits.csv.gz` beside this file
(64 values 0 to 16 and the label a row). Source and licence: examples/data/README.md in the
repository. Needs NumPy only, so that loading it costs a few milliseconds.
"""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIGITS = Path(__file__).with_name("digits.csv.gz")


def load_digits() -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the images, float32[1797, 8, 8, 1] from 0 to 1, and the labels, int32[1797].

    >>> images, labels = load_digits()
    >>> images.shape, images.dtype, float(images.max())
    ((1797, 8, 8, 1), dtype('float32'), 1.0)
    >>> [int(label) for label in labels[:5]]
    [0, 1, 2, 3, 4]
    """
    with gzip.open(DIGITS, "rt", encoding="ascii") as file:
        rows = np.array(file.read().replace("\n", ",").split(",")[:-1], np.int32).reshape(-1, 65)
    images = rows[:, :64].reshape(-1, 8, 8, 1).astype(np.float32) / np.float32(16)
    return images, rows[:, 64].copy()
