"""Division and remainder.

An integer divided by zero is the user's mistake, found before anything is computed; so is the
least integer divided by -1, the one quotient that does not fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array
from penstock.kernels.array.table import (
    ANALYTIC,
    FLOATS,
    INDEX,
    NUMBERS,
    REALS,
    Elementwise,
    elementwise,
    require,
)


def _require_divisors(xp: Any, x: Array, y: Array) -> None:
    if 0 in np.broadcast_shapes(x.shape, y.shape):
        return  # nothing is divided
    zeros = y == 0
    if bool(zeros.any()):
        first = int(xp.argmax(zeros))
        require(False, f"integer division by zero: element {first} of y")


def _require_quotients(xp: Any, x: Array, y: Array) -> None:
    _require_divisors(xp, x, y)
    if x.dtype.kind == "i":
        least = int(np.iinfo(x.dtype).min)
        overflows = (x == least) & (y == -1)
        if bool(overflows.any()):
            first = int(xp.argmax(overflows))
            require(
                False,
                f"integer overflow: {least} / -1 does not fit {x.dtype}, element {first} "
                "of the result",
            )


def _quotients(of_integers: Elementwise, of_floats: Elementwise) -> Elementwise:
    def divide(xp: Any, x: Array, y: Array) -> Array:
        if x.dtype.kind not in "iu":
            return of_floats(xp, x, y)
        _require_quotients(xp, x, y)
        return of_integers(xp, x, y)

    return divide


def _truncated(xp: Any, x: Array, y: Array) -> Array:
    quotient = x // y
    return quotient + ((x % y != 0) & ((x < 0) != (y < 0))).astype(x.dtype)


def _truncate_mod(xp: Any, x: Array, y: Array) -> Array:
    if x.dtype.kind in "iu":
        _require_divisors(xp, x, y)
    return xp.fmod(x, y)


def _floor_mod(xp: Any, x: Array, y: Array) -> Array:
    rest = _truncate_mod(xp, x, y)
    return xp.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)


def _or_zero(function: Elementwise, which: int) -> Elementwise:
    """Return `function`, and 0 where operand `which` is 0."""

    def compute(xp: Any, x: Array, y: Array) -> Array:
        result = function(xp, x, y)
        return xp.where((x, y)[which] == 0, xp.zeros_like(result), result)

    return compute


def _divide(xp: Any, x: Array, y: Array) -> Array:
    return xp.true_divide(x, y)


elementwise({"Div": _quotients(_truncated, _divide)}, T=NUMBERS)
elementwise(
    {
        "TruncateDiv": _quotients(_truncated, lambda xp, x, y: xp.trunc(x / y)),
        "FloorDiv": _quotients(lambda xp, x, y: x // y, lambda xp, x, y: xp.floor(x / y)),
        "FloorMod": _floor_mod,
    },
    T=REALS,
)
elementwise({"Mod": _truncate_mod, "TruncateMod": _truncate_mod}, T=FLOATS | INDEX)
elementwise(
    {"RealDiv": _divide, "DivNoNan": _or_zero(_divide, 1), "Xdivy": _or_zero(_divide, 0)},
    T=ANALYTIC,
)
