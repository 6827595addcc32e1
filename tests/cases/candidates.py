"""Rows for candidate sampling; exact streams and odds are tested in tests/ops."""

from collections.abc import Callable

import numpy as np

from tests.cases import Array, case, fed

DRAWS = {"num_true": 2, "num_sampled": 5, "range_max": 20, "seed": 7, "seed2": 11}
TRUE = fed([[0, 3], [19, 3]], "int64")
OUT_OF_RANGE = (fed([[0, 20]], "int64"),)
NEGATIVE = (fed([[0, -1]], "int64"),)
NOT_A_MATRIX = (fed([0, 1], "int64"),)
WRONG_WIDTH = (fed([[0], [1]], "int64"),)


def draws(unique: bool) -> Callable[[list[Array]], None]:
    """Return a check of the classes drawn and of the form of the counts."""

    def check(values: list[Array]) -> None:
        classes, of_true, of_drawn = values
        assert classes.min() >= 0
        assert classes.max() < 20
        assert len(set(classes.tolist())) == 5 or not unique
        assert of_true.shape[-1] == 2
        assert of_drawn.shape == (5,)
        for counts in (of_true, of_drawn):
            assert (counts > 0).all()
            assert (counts < (1 if unique else 5)).all()

    return check


def hits(truth: Array, candidates: Array) -> tuple[Array, Array, Array]:
    """Return rows, positions and weights of the candidates that are true classes."""
    last = {int(c): i for i, c in enumerate(candidates)}
    found = [(row, last[int(t)]) for row, ts in enumerate(truth) for t in ts if int(t) in last]
    rows, places = zip(*found, strict=True) if found else ((), ())
    weight = np.finfo(np.float32).min
    return np.array(rows), np.array(places), np.full(len(rows), weight)


CASES = [
    *[
        case(
            op,
            TRUE,
            check=draws(unique),
            attrs={**DRAWS, "unique": unique},
            dtypes=("int64",),
            empty=[(fed(np.zeros((0, 2)), "int64"),)],
            refuses=[OUT_OF_RANGE, NEGATIVE, NOT_A_MATRIX, WRONG_WIDTH],
            id="unique" if unique else "",
        )
        for op in ("UniformCandidateSampler", "LogUniformCandidateSampler")
        for unique in (False, True)
    ],
    case(
        "ComputeAccidentalHits",
        fed([[1, 2], [2, 2], [7, 8]], "int64"),
        fed([1, 2, 5, 2], "int64"),
        numpy=hits,
        attrs={"num_true": 2},
        dtypes=("int64",),
        empty=[
            (fed(np.zeros((0, 2)), "int64"), fed([1], "int64")),
            (fed([[1, 2]], "int64"), fed(np.zeros(0), "int64")),
        ],
        refuses=[
            (fed([[1], [2]], "int64"), fed([1], "int64")),
            (fed([[1, 2]], "int64"), fed([[1]], "int64")),
        ],
    ),
]
