"""Rows of arg-extremes and running sums."""

from typing import Any

import numpy as np

from tests.cases import NUMBERS, REALS, case, const, distinct, f32, fed, uniform


def running(fn: Any) -> Any:
    """Return NumPy's running sum or product with TensorFlow's options."""

    def reference(x: Any, axis: Any, exclusive: bool = False, reverse: bool = False) -> Any:
        a = int(axis)
        y = np.flip(x, a) if reverse else x
        total = fn(y, axis=a, dtype=x.dtype)
        if exclusive:
            start = np.full_like(np.take(y, [0], a), 0 if fn is np.cumsum else 1)
            total = np.concatenate([start, np.delete(total, -1, a)], a)
        return np.flip(total, a) if reverse else total

    return reference


CASES = [
    *[
        case(
            op,
            distinct(3, 4, 2),
            const(axis),
            numpy=lambda x, a, fn=fn: fn(x, axis=int(a)),
            dtypes=(*REALS,) if axis == 1 else ("float32",),
            attrs={"output_type": "int32"} if axis == -1 else {},
            varies=["T", "Tidx", "output_type"] if axis == 0 else (),
            refuses=[(f32(2, 3), const(2)), (f32(0, 3), const(0)), (f32(), const(0))],
            id=str(axis),
        )
        for op, fn in (("ArgMax", np.argmax), ("ArgMin", np.argmin))
        for axis in (0, 1, -1)
    ],
    case("ArgMax", fed([1.0, 3.0, 3.0]), const(0), numpy=lambda x, a: 1, id="ties"),
    *[
        case(
            op,
            made(3, 4),
            const(axis),
            numpy=running(fn),
            attrs={"exclusive": exclusive, "reverse": reverse},
            dtypes=NUMBERS if axis == 0 and op == "Cumsum" else ("float32", "float64", "int64"),
            empty=[(f32(0, 3), const(1))],
            refuses=[(f32(2, 3), const(2)), (f32(), const(0))],
            id=f"{axis}{'-exclusive' * exclusive}{'-reverse' * reverse}",
        )
        for op, fn, made in (
            ("Cumsum", np.cumsum, f32),
            ("Cumprod", np.cumprod, lambda *s: uniform(0.6, 1.6, *s)),
        )
        for axis, exclusive, reverse in (
            (0, False, False),
            (1, True, False),
            (-1, False, True),
            (-2, True, True),
        )
    ],
]
