"""The formulas of the optimizers, element by element, real or complex.

Each takes the weight and its slots, the gradient, the op's scalars in order, and its attributes,
and returns the new values in the same order. The CPU's are in `kernels/cpu/vector/updates.h`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from penstock.kernel_api import Array

Values: TypeAlias = Sequence[Array]
Attrs: TypeAlias = Mapping[str, Any]
Formula: TypeAlias = Callable[[Any, Values, Array, Values, Attrs], tuple[Array, ...]]


def _descent(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    return (v[0] - s[0] * g,)


def _momentum(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    lr, momentum = s
    accum = v[1] * momentum + g
    nesterov = attrs.get("use_nesterov", False)
    return v[0] - (g * lr + accum * momentum * lr if nesterov else accum * lr), accum


def _keras_momentum(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    lr, momentum = s
    accum = v[1] * momentum - g * lr
    nesterov = attrs.get("use_nesterov", False)
    return v[0] + (accum * momentum - g * lr if nesterov else accum), accum


def _adagrad(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    accum = v[1] + g * g if attrs.get("update_slots", True) else v[1]
    epsilon = s[1] if len(s) > 1 else 0
    return v[0] - s[0] * g / (xp.sqrt(accum) + epsilon), accum


def _adam(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    beta1_power, beta2_power, lr, beta1, beta2, epsilon = s
    step = lr * xp.sqrt(1 - beta2_power) / (1 - beta1_power)
    m = v[1] + (g - v[1]) * (1 - beta1)
    square = v[2] + (g * g - v[2]) * (1 - beta2)
    ahead = g * (1 - beta1) + m * beta1 if attrs.get("use_nesterov", False) else m
    return v[0] - ahead * step / (xp.sqrt(square) + epsilon), m, square


def _rms_prop(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    lr, rho, momentum, epsilon = s
    ms = v[1] + (g * g - v[1]) * (1 - rho)
    mom = v[2] * momentum + g * lr / xp.sqrt(ms + epsilon)
    return v[0] - mom, ms, mom


def _centered_rms_prop(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    lr, rho, momentum, epsilon = s
    ms = v[2] + (g * g - v[2]) * (1 - rho)
    mg = v[1] + (g - v[1]) * (1 - rho)
    mom = v[3] * momentum + g * lr / xp.sqrt(ms - mg * mg + epsilon)
    return v[0] - mom, mg, ms, mom


def _adadelta(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    lr, rho, epsilon = s
    accum = v[1] * rho + g * g * (1 - rho)
    update = xp.sqrt(v[2] + epsilon) / xp.sqrt(accum + epsilon) * g
    return v[0] - update * lr, accum, v[2] * rho + update * update * (1 - rho)


def _shrunk(xp: Any, x: Array, amount: Array) -> Array:
    """Return x moved towards zero by `amount`, at most to zero."""
    return xp.sign(x) * xp.maximum(xp.abs(x) - amount, 0)


def _ftrl(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    lr, l1, l2, lr_power = s
    return _ftrl_with(xp, v, g, (lr, l1, l2, None, lr_power), attrs)


def _ftrl_with(xp: Any, v: Values, g: Array, s: Sequence[Any], attrs: Attrs) -> tuple[Array, ...]:
    lr, l1, l2, shrinkage, lr_power = s
    var, accum, linear = v
    grown = accum + g * g
    strength = xp.power(grown, -lr_power)
    shrunk = g if shrinkage is None else g + 2 * shrinkage * var
    change = (strength - xp.power(accum, -lr_power)) * var
    if attrs.get("multiply_linear_by_lr", False):
        linear = linear + shrunk * lr - change
        limit, scale = l1 * lr, strength + 2 * l2 * lr
    else:
        linear = linear + shrunk - change / lr
        limit, scale = l1, strength / lr + 2 * l2
    return -_shrunk(xp, linear, limit) / scale, grown, linear


def _proximal_descent(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    alpha, l1, l2 = s
    return (_shrunk(xp, v[0] - alpha * g, l1 * alpha) / (1 + l2 * alpha),)


def _proximal_adagrad(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    lr, l1, l2 = s
    accum = v[1] + g * g
    rate = lr / xp.sqrt(accum)
    return _shrunk(xp, v[0] - rate * g, l1 * rate) / (1 + l2 * rate), accum


def _adagrad_da(xp: Any, v: Values, g: Array, s: Values, attrs: Attrs) -> tuple[Array, ...]:
    lr, l1, l2, steps = s
    step = steps.astype(v[0].dtype)
    total, squares = v[1] + g, v[2] + g * g
    weight = -lr * _shrunk(xp, total, l1 * step) / (l2 * lr * step + xp.sqrt(squares))
    return weight, total, squares


FORMULAS: dict[str, Formula] = {
    "descent": _descent,
    "momentum": _momentum,
    "keras_momentum": _keras_momentum,
    "adagrad": _adagrad,
    "adam": _adam,
    "rms_prop": _rms_prop,
    "centered_rms_prop": _centered_rms_prop,
    "adadelta": _adadelta,
    "ftrl": _ftrl,
    "ftrl_v2": _ftrl_with,
    "proximal_descent": _proximal_descent,
    "proximal_adagrad": _proximal_adagrad,
    "adagrad_da": _adagrad_da,
}
