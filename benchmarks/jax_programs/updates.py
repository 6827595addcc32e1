"""The optimizers of TensorFlow 1 as pairs of functions on trees: slots at first, and one update."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

Optimizer = tuple[Any, Any]


def _zeros(parameters: Any) -> Any:
    return jax.tree.map(jnp.zeros_like, parameters)


def sgd(rate: float) -> Optimizer:
    """Gradient descent."""

    def update(parameters: Any, gradients: Any, slots: Any) -> Any:
        return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), slots

    return (lambda parameters: ()), update


def momentum(rate: float, share: float) -> Optimizer:
    """Momentum."""

    def update(parameters: Any, gradients: Any, slots: Any) -> Any:
        slots = jax.tree.map(lambda a, g: share * a + g, slots, gradients)
        return jax.tree.map(lambda p, a: p - rate * a, parameters, slots), slots

    return _zeros, update


def adam(rate: float) -> Optimizer:
    """Adam, with the bias corrections in the rate."""
    b1, b2 = 0.9, 0.999

    def begin(parameters: Any) -> Any:
        return jnp.zeros(()), _zeros(parameters), _zeros(parameters)

    def update(parameters: Any, gradients: Any, slots: Any) -> Any:
        count, m, v = slots
        count += 1
        m = jax.tree.map(lambda a, g: b1 * a + (1 - b1) * g, m, gradients)
        v = jax.tree.map(lambda a, g: b2 * a + (1 - b2) * g * g, v, gradients)
        corrected = rate * jnp.sqrt(1 - b2**count) / (1 - b1**count)
        parameters = jax.tree.map(
            lambda p, a, s: p - corrected * a / (jnp.sqrt(s) + 1e-8), parameters, m, v
        )
        return parameters, (count, m, v)

    return begin, update
