"""Learning-rate schedules: tensors that fall as the global step grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import cast, control, convert
from penstock.ops.wrappers import raw


@export("train.exponential_decay")
def exponential_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return ``learning_rate * decay_rate ** (global_step / decay_steps)``.

    With `staircase` the quotient is rounded down.

    >>> rate = ps.train.exponential_decay(1.0, 20, 10, 0.5)
    >>> print(ps.Session().run(rate))
    0.25
    """
    with control.under("ExponentialDecay", name):
        rate, step, steps = _numbers(learning_rate, global_step, decay_steps)
        factor = raw.Pow(convert.to_tensor(decay_rate, rate.dtype), _share(step, steps, staircase))
        result: Tensor = rate * factor
    return result


@export("train.natural_exp_decay")
def natural_exp_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return ``learning_rate * exp(-decay_rate * global_step / decay_steps)``."""
    with control.under("NaturalExpDecay", name):
        rate, step, steps = _numbers(learning_rate, global_step, decay_steps)
        speed = convert.to_tensor(decay_rate, rate.dtype)
        result: Tensor = rate * raw.Exp(-speed * _share(step, steps, staircase))
    return result


@export("train.inverse_time_decay")
def inverse_time_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    decay_rate: Any,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return ``learning_rate / (1 + decay_rate * global_step / decay_steps)``."""
    with control.under("InverseTimeDecay", name):
        rate, step, steps = _numbers(learning_rate, global_step, decay_steps)
        speed = convert.to_tensor(decay_rate, rate.dtype)
        result: Tensor = rate / (1.0 + speed * _share(step, steps, staircase))
    return result


@export("train.polynomial_decay")
def polynomial_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    end_learning_rate: Any = 0.0001,
    power: Any = 1.0,
    cycle: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return a rate that falls to `end_learning_rate` in `decay_steps`, then stays.

    ``(learning_rate - end) * (1 - global_step / decay_steps) ** power + end``. With `cycle`
    the decay is stretched to the next multiple of `decay_steps` whenever it has ended.
    """
    with control.under("PolynomialDecay", name):
        rate, step, steps = _numbers(learning_rate, global_step, decay_steps)
        end = convert.to_tensor(end_learning_rate, rate.dtype)
        if cycle:
            steps = steps * raw.Maximum(raw.Ceil(step / steps), 1.0)
        else:
            step = raw.Minimum(step, steps)
        left = raw.Pow(1.0 - step / steps, convert.to_tensor(power, rate.dtype))
        result: Tensor = (rate - end) * left + end
    return result


@export("train.cosine_decay")
def cosine_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    alpha: float = 0.0,
    name: str | None = None,
) -> Tensor:
    """Return a rate that falls along half a cosine to ``alpha * learning_rate``."""
    with control.under("CosineDecay", name):
        rate, step, steps = _numbers(learning_rate, global_step, decay_steps)
        wave = _half_wave(raw.Minimum(step, steps) / steps)
        result: Tensor = rate * ((1.0 - alpha) * wave + alpha)
    return result


@export("train.cosine_decay_restarts")
def cosine_decay_restarts(
    learning_rate: Any,
    global_step: Any,
    first_decay_steps: Any,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
    name: str | None = None,
) -> Tensor:
    """Return a rate that falls along half cosines; each lasts `t_mul` times the one before.

    Each also starts at `m_mul` times the height of the one before.
    """
    with control.under("SGDRDecay", name):
        rate, step, steps = _numbers(learning_rate, global_step, first_decay_steps)
        done = step / steps
        if t_mul == 1.0:
            restart = raw.Floor(done)
            share = done - restart
        else:
            restart = raw.Floor(raw.Log(1.0 - done * (1.0 - t_mul)) / math.log(t_mul))
            length = raw.Pow(convert.to_tensor(t_mul, rate.dtype), restart)
            share = (done - (1.0 - length) / (1.0 - t_mul)) / length
        height = raw.Pow(convert.to_tensor(m_mul, rate.dtype), restart)
        wave = height * _half_wave(share)
        result: Tensor = rate * ((1.0 - alpha) * wave + alpha)
    return result


@export("train.linear_cosine_decay")
def linear_cosine_decay(
    learning_rate: Any,
    global_step: Any,
    decay_steps: Any,
    num_periods: float = 0.5,
    alpha: float = 0.0,
    beta: float = 0.001,
    name: str | None = None,
) -> Tensor:
    """Return ``learning_rate * ((alpha + linear) * cosine + beta)``, both falling from 1."""
    with control.under("LinearCosineDecay", name):
        rate, step, steps = _numbers(learning_rate, global_step, decay_steps)
        done = raw.Minimum(step, steps) / steps
        wave = 0.5 * (1.0 + raw.Cos(math.pi * 2.0 * num_periods * done))
        result: Tensor = rate * ((alpha + (1.0 - done)) * wave + beta)
    return result


@export("train.piecewise_constant train.piecewise_constant_decay")
def piecewise_constant(
    x: Any, boundaries: Sequence[Any], values: Sequence[Any], name: str | None = None
) -> Tensor:
    """Return the value of the interval that `x` lies in.

    ``values[0]`` up to and including ``boundaries[0]``, then ``values[1]``, and so on; there
    is one value more than boundaries. Raises `ValueError` otherwise.

    >>> rate = ps.train.piecewise_constant(15, [10, 20], [1.0, 0.5, 0.1])
    >>> print(ps.Session().run(rate))
    0.5
    """
    if len(values) != len(boundaries) + 1:
        raise ValueError(
            f"piecewise_constant needs one value more than boundaries, "
            f"got {len(values)} values and {len(boundaries)} boundaries"
        )
    with control.under("PiecewiseConstant", name):
        position = convert.to_tensor(x)
        chosen = convert.to_tensor(list(values))
        if not boundaries:
            return chosen[0]
        edges = convert.to_tensor(list(boundaries), position.dtype.base_dtype)
        passed = raw.Cast(raw.Greater(position, edges), DstT="int32")
        result: Tensor = raw.GatherV2(chosen, raw.Sum(passed, np.array([0], np.int32)), 0)
    return result


def _numbers(rate: Any, step: Any, steps: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return rate, step and steps as tensors of the rate's dtype."""
    if step is None:
        raise ValueError("a learning-rate schedule needs a global_step")
    first = convert.convert_to_tensor(rate, name="learning_rate")
    dtype: DType = first.dtype.base_dtype
    return first, cast.cast(step, dtype), cast.cast(steps, dtype)


def _share(step: Tensor, steps: Tensor, staircase: bool) -> Tensor:
    share = step / steps
    return raw.Floor(share) if staircase else share


def _half_wave(share: Tensor) -> Tensor:
    wave: Tensor = 0.5 * (1.0 + raw.Cos(math.pi * share))
    return wave
