"""Rows of random ops: moments and bounds; the exact streams are tested in tests/ops."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import FLOATS, Array, T, case, const, f32, fed, strings

SEED = {"seed": 7, "seed2": 11}


def looks(low: float, high: float, mean: float, deviation: float) -> Callable[[list[Array]], None]:
    """Return a check of bounds and moments."""

    def check(values: list[Array]) -> None:
        x = values[0].astype(np.float64)
        assert x.min() >= low
        assert x.max() <= high
        assert abs(x.mean() - mean) < 6 * deviation / np.sqrt(x.size)
        assert abs(x.std() - deviation) < 0.1 * deviation

    return check


BAD_SHAPES = [(const([-1]),), (const(3),)]
SHAPES = {"empty": [(const([3, 0]),)], "refuses": BAD_SHAPES}
MOMENTS = {
    "RandomUniform": looks(0, 1, 0.5, 0.2887),
    "RandomStandardNormal": looks(-6, 6, 0, 1),
    "TruncatedNormal": looks(-2, 2, 0, 0.88),
}


def no_check_when_empty(check: Callable[[list[Array]], None]) -> Callable[[list[Array]], None]:
    """Return `check`, but for outputs without elements."""
    return lambda values: check(values) if values[0].size else None


def stateless(name: str) -> str:
    """Return the stateless op of the same distribution."""
    return "StatelessRandomNormal" if "Standard" in name else f"Stateless{name}"


def is_shuffled(values: list[Array]) -> None:
    """Check that the rows are those of 0..11 in another order."""
    assert sorted(values[0][:, 0].tolist()) == list(range(12))
    assert values[0][:, 0].tolist() != list(range(12))
    assert (values[0][:, 1] == values[0][:, 0] + 100).all()


def follows_odds(values: list[Array]) -> None:
    """Check the frequencies of classes with odds 1 : 3 and 1 : 0."""
    assert 0.7 < values[0][0].mean() < 0.8
    assert not values[0][1].any()


COUNTING: Any = [[k, k + 100] for k in range(12)]

CASES = [
    *[
        case(
            op,
            const([60, 70]),
            check=no_check_when_empty(check),
            attrs={**SEED, "dtype": T},
            dtypes=FLOATS,
            **SHAPES,
        )
        for op, check in MOMENTS.items()
    ],
    *[
        case(
            stateless(op),
            const([60, 70]),
            const([3, 4], "int64"),
            check=check,
            attrs={"dtype": T},
            dtypes=FLOATS,
            refuses=[(const([-1]), const([3, 4])), (const([2]), const([3]))],
        )
        for op, check in MOMENTS.items()
    ],
    *[
        case(
            "RandomUniformInt",
            const([60, 70]),
            fed(-10, dtype),
            fed(10, dtype),
            check=looks(-10, 9, -0.5, 5.766),
            attrs=SEED,
            refuses=[(const([2]), fed(3, dtype), fed(3, dtype)), (const([-2]), fed(0), fed(1))],
            id=dtype,
        )
        for dtype in ("int32", "int64")
    ],
    case(
        "StatelessRandomUniformInt",
        const([60, 70]),
        const([3, 4], "int64"),
        fed(-10),
        fed(10),
        check=looks(-10, 9, -0.5, 5.766),
        refuses=[(const([2]), const([3, 4]), fed(3), fed(2))],
    ),
    case("RandomShuffle", fed(COUNTING, "float32"), check=is_shuffled, attrs=SEED, grad=False),
    case("RandomShuffle", strings("a"), numpy=lambda x: x, attrs=SEED, grad=False, id="one"),
    case("RandomShuffle", f32(), numpy=lambda x: x, attrs=SEED, grad=False, id="scalar"),
    case(
        "Multinomial",
        fed([[0.0, np.log(3.0)], [0.0, -np.inf]], "float32"),
        const(2000),
        check=follows_odds,
        attrs=SEED,
        dtypes=FLOATS,
        grad=False,
        refuses=[(f32(3), const(2)), (f32(2, 3), const(-1)), (f32(2, 0), const(1))],
    ),
]
