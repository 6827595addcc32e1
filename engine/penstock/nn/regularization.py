"""Dropout: zero random elements while training."""

from __future__ import annotations

from typing import Any

from penstock import errors
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import control, convert, random
from penstock.ops.wrappers import raw


@export("nn.dropout")
def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
    rate: Any = None,
) -> Tensor:
    """Return `x` with random elements set to zero and the others divided by `keep_prob`.

    The expected sum stays the same. `rate` is 1 - `keep_prob`; give one of them, in [0, 1)
    and (0, 1]. `noise_shape` broadcasts against `x`: where it has size 1, elements are kept
    or dropped together. Raises `ValueError` for other rates, `DTypeError` for integers.

    >>> x = ps.Session().run(ps.nn.dropout(ps.ones([1000]), keep_prob=0.5, seed=1))
    >>> sorted(set(x.tolist())), bool(400 < (x > 0).sum() < 600)
    ([0.0, 2.0], True)
    """
    with control.under("dropout", name):
        values = convert.to_tensor(x)
        dtype = values.dtype.base_dtype
        if not dtype.is_floating:
            raise errors.DTypeError(
                None, None, f"dropout scales its input, which must be a float, not {dtype.name}"
            )
        dropped = _rate(keep_prob, rate)
        if isinstance(dropped, float):
            if dropped == 0:
                return values
            scale: Any = 1 / (1 - dropped)
        else:
            dropped = convert.to_tensor(dropped, dtype)
            scale = 1.0 / (1.0 - dropped)
        noise = random.random_uniform(_noise_shape(values, noise_shape), dtype=dtype, seed=seed)
        kept = raw.GreaterEqual(noise, dropped)
        # Selecting and not multiplying: a dropped infinity is zero, not NaN.
        result: Tensor = raw.SelectV2(kept, values * scale, raw.ZerosLike(values))
    return result


def _rate(keep_prob: Any, rate: Any) -> Any:
    """Return the share to drop: a float where it is known, else a tensor."""
    if (keep_prob is None) == (rate is None):
        raise ValueError("dropout needs keep_prob or rate, and not both")
    if rate is None:
        rate = 1 - keep_prob if _is_number(keep_prob) else 1.0 - convert.to_tensor(keep_prob)
    if not _is_number(rate):
        return rate
    if not 0 <= rate < 1:
        raise ValueError(f"dropout: rate must be in [0, 1), keep_prob in (0, 1]; rate is {rate}")
    return float(rate)


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not hasattr(value, "graph")


def _noise_shape(x: Tensor, shape: Any) -> Any:
    if shape is None:
        return x.shape.as_list() if x.shape.is_fully_defined() else raw.Shape(x)
    if isinstance(shape, (list, tuple)) and any(n is None for n in shape):
        full = raw.Shape(x)  # None: as x has it
        return [full[i] if n is None else n for i, n in enumerate(shape)]
    return shape
