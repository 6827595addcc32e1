"""How a JAX program is run: arrays on the device, one compiled function, waiting for its results.

Training gives its parameters and slots to the compiled step for reuse (donation), as one would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from benchmarks.data import Array
from benchmarks.models import Start
from benchmarks.programs import Job


def kernel(function: Callable[..., Any], *arrays: Array) -> Job:
    """Return the job that computes a function and leaves its results on the device."""
    compiled = jax.jit(function)
    inputs = [jax.device_put(array) for array in arrays]

    def results() -> list[Array]:
        return [np.asarray(leaf) for leaf in jax.tree.leaves(compiled(*inputs))]

    return Job(lambda: jax.block_until_ready(compiled(*inputs)), results)


def called(function: Callable[..., Any], value: Array) -> Job:
    """Return the job that takes an array of the host and gives one back."""
    compiled = jax.jit(function)

    def step() -> Array:
        return np.asarray(compiled(value))

    return Job(step, lambda: [step()])


def updated(function: Callable[..., Any], state: Any, *given: Array) -> Job:
    """Return the job that replaces a state by `function(state, *given)`.

    What is compared is the last array of the state after two steps.
    """
    compiled = jax.jit(function, donate_argnums=0)
    held = [jax.device_put(state)]
    inputs = [jax.device_put(array) for array in given]

    def step() -> None:
        held[0] = compiled(held[0], *inputs)
        jax.block_until_ready(held[0])

    def results() -> list[Array]:
        step()
        step()
        return [np.asarray(jax.tree.leaves(held[0])[-1])]

    return Job(step, results)


def trained(start: Start, loss: Callable[..., Any], optimizer: tuple[Any, Any]) -> Job:
    """Return the job of training steps by an optimizer of updates.py."""
    begin, update = optimizer

    def advance(parameters: Any, slots: Any, batch: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(parameters, batch)
        return *update(parameters, gradients, slots), value

    return advanced(start, advance, begin)


def advanced(start: Start, advance: Callable[..., Any], begin: Callable[[Any], Any]) -> Job:
    """Return the job of training steps that take their batch from the host.

    `advance(parameters, slots, batch)` returns new parameters and slots, and the loss.
    """
    compiled = jax.jit(advance, donate_argnums=(0, 1))
    parameters = jax.device_put(start.parameters)
    held = [parameters, begin(parameters)]

    def step() -> float:
        held[0], held[1], value = compiled(held[0], held[1], start.batch)
        return float(value)

    return Job(step, lambda: [step() for _ in range(3)])
