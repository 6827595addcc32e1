"""Single kernels: elementwise, products, reductions, layout, normalisation, updates."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import data
from benchmarks.jax_programs import updates
from benchmarks.jax_programs.compiled import called, kernel, updated
from benchmarks.programs import Job, implements

SINGLE = ("square_256", "square_1024", "square_2048", "dense_layer", "one_row")


@implements("jax", "dispatch/call_scalar")
def scalar(module: Any, subject: str) -> Job:
    return called(lambda x: x + 1.0, np.full((), 2.0, np.float32))


@implements("jax", "dispatch/call_matmul")
def matmul(module: Any, subject: str) -> Job:
    w = jax.device_put(data.weights("w", 784, 10))
    return called(lambda x: x @ w, data.normal("x", 100, 784))


@implements("jax", "dispatch/feed_fetch")
def feed_fetch(module: Any, subject: str, count: int) -> Job:
    return called(lambda x: x + 1.0, data.normal("x", count))


def _arithmetic(x: Any, y: Any) -> Any:
    z = x + y
    for _ in range(3):
        z = z * x + y
    return z * 0.5


def _functions(x: Any, y: Any) -> Any:
    z = jnp.tanh(x * y) + jax.nn.sigmoid(x - y)
    z = jnp.exp(-jnp.abs(z)) * x
    return jnp.sqrt(jnp.square(z) + 1.0)


_OF_TWO = {
    "add": lambda x, y: x + y,
    "arithmetic": _arithmetic,
    "functions": _functions,
    "functions_cached": _functions,
    "select": lambda x, y: jnp.where(x > y, x, 2.0 * y),
}


@implements("jax", *(f"elementwise/{subject}" for subject in _OF_TWO))
def elementwise(module: Any, subject: str, count: int) -> Job:
    return kernel(_OF_TWO[subject], data.normal("x", count), data.normal("y", count))


@implements("jax", "elementwise/bias_relu")
def bias_relu(module: Any, subject: str, rows: int, columns: int) -> Job:
    x, row = data.normal("x", rows, columns), data.normal("row", columns)
    return kernel(lambda a, b: jax.nn.relu(a + b), x, row)


@implements("jax", "elementwise/gelu")
def gelu(module: Any, subject: str, count: int) -> Job:
    def both(x: Any) -> Any:
        y, back = jax.vjp(lambda v: jax.nn.gelu(v, approximate=True), x)
        return y, back(jnp.ones_like(y))[0]

    return kernel(both, data.normal("x", count))


@implements("jax", *(f"products/{subject}" for subject in SINGLE))
def product(module: Any, subject: str, m: int, k: int, n: int) -> Job:
    return kernel(jnp.matmul, data.normal("x", m, k), data.normal("y", k, n))


@implements("jax", "products/batched")
def batched(module: Any, subject: str, batch: int, m: int, k: int, n: int) -> Job:
    return kernel(jnp.matmul, data.normal("x", batch, m, k), data.normal("y", batch, k, n))


@implements("jax", "products/gradients")
def gradients(module: Any, subject: str, m: int, k: int, n: int) -> Job:
    arrays = data.normal("x", m, k), data.normal("y", k, n), data.normal("dz", m, n)
    return kernel(lambda x, y, dz: (dz @ y.T, x.T @ dz), *arrays)


_REDUCTIONS = {
    "sum_all": jnp.sum,
    "sum_rows": lambda x: jnp.sum(x, 0),
    "sum_columns": lambda x: jnp.sum(x, 1),
    "max_columns": lambda x: jnp.max(x, 1),
    "argmax": lambda x: jnp.argmax(x, 1),
}


@implements("jax", *(f"reductions/{subject}" for subject in _REDUCTIONS))
def reduction(module: Any, subject: str, rows: int, columns: int) -> Job:
    return kernel(_REDUCTIONS[subject], data.normal("x", rows, columns))


@implements("jax", "reductions/channel_means")
def channel_means(module: Any, subject: str, shape: tuple[int, ...]) -> Job:
    return kernel(lambda x: jnp.mean(x, (0, 1, 2)), data.normal("x", *shape))


@implements("jax", "layout/transpose")
def transpose(module: Any, subject: str, rows: int, columns: int) -> Job:
    return kernel(jnp.transpose, data.normal("x", rows, columns))


@implements("jax", "layout/channels_first", "layout/heads")
def permute(module: Any, subject: str, shape: tuple[int, ...]) -> Job:
    order = (0, 3, 1, 2) if subject == "channels_first" else (0, 2, 1, 3)
    return kernel(lambda x: jnp.transpose(x, order), data.normal("x", *shape))


@implements("jax", "layout/concat")
def concat(module: Any, subject: str, rows: int, columns: int) -> Job:
    parts = (data.normal(name, rows, columns) for name in ("x", "y"))
    return kernel(lambda x, y: jnp.concatenate([x, y], 1), *parts)


@implements("jax", "layout/slice")
def middle(module: Any, subject: str, rows: int, columns: int) -> Job:
    top, left = rows // 4, columns // 4
    return kernel(
        lambda x: x[top : top + rows // 2, left : left + columns // 2],
        data.normal("x", rows, columns),
    )


@implements("jax", "layout/pad")
def pad(module: Any, subject: str, rows: int, columns: int) -> Job:
    return kernel(lambda x: jnp.pad(x, 2), data.normal("x", rows, columns))


@implements("jax", "layout/gather")
def gather(module: Any, subject: str, rows: int, width: int, count: int) -> Job:
    table, ids = data.normal("table", rows, width), data.integers("ids", rows, count)
    return kernel(lambda t, i: jnp.take(t, i, axis=0, mode="clip"), table, ids)


@implements("jax", "layout/embedding_update")
def embedding_update(module: Any, subject: str, rows: int, width: int, count: int) -> Job:
    def step(table: Any, ids: Any, g: Any) -> Any:
        return table.at[ids].add(-0.01 * g)

    table, ids = data.normal("table", rows, width), data.integers("ids", rows, count)
    job = updated(step, table, ids, data.normal("g", count, width))
    return Job(job.step, lambda: [table + (job.results()[0] - table) / 2])


@implements("jax", "normalisation/softmax")
def softmax(module: Any, subject: str, rows: int, classes: int) -> Job:
    return kernel(jax.nn.softmax, data.normal("x", rows, classes))


@implements("jax", "normalisation/cross_entropy")
def cross_entropy(module: Any, subject: str, rows: int, classes: int) -> Job:
    def loss(x: Any, labels: Any) -> Any:
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1))

    x, labels = data.normal("x", rows, classes), data.integers("labels", classes, rows)
    return kernel(jax.value_and_grad(loss), x, labels)


def batch_normalised(x: Any, scale: Any, offset: Any) -> Any:
    """Return x with mean 0 and variance 1 by channel, scaled and shifted."""
    mean = jnp.mean(x, (0, 1, 2))
    variance = jnp.mean(jnp.square(x - mean), (0, 1, 2))
    return (x - mean) * (jax.lax.rsqrt(variance + 1e-3) * scale) + offset


def layer_normalised(x: Any, scale: Any, offset: Any) -> Any:
    """Return x with mean 0 and variance 1 along the last axis, scaled and shifted."""
    mean = jnp.mean(x, -1, keepdims=True)
    variance = jnp.mean(jnp.square(x - mean), -1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * scale + offset


def _normalised(function: Any, shape: tuple[int, ...]) -> Job:
    def both(x: Any, scale: Any, offset: Any, dy: Any) -> Any:
        y, back = jax.vjp(function, x, scale, offset)
        return y, *back(dy)

    arrays = [data.normal("x", *shape), data.normal("s", shape[-1]), data.normal("o", shape[-1])]
    return kernel(both, *arrays, data.normal("dy", *shape))


@implements("jax", "normalisation/batch_norm")
def batch_norm(module: Any, subject: str, shape: tuple[int, ...]) -> Job:
    return _normalised(batch_normalised, shape)


@implements("jax", "normalisation/layer_norm")
def layer_norm(module: Any, subject: str, rows: int, columns: int) -> Job:
    return _normalised(layer_normalised, (rows, columns))


@implements("jax", "optimizers/sgd", "optimizers/momentum", "optimizers/adam")
def update(module: Any, subject: str, variables: int, count: int) -> Job:
    begin, advance = {
        "sgd": lambda: updates.sgd(0.01),
        "momentum": lambda: updates.momentum(0.01, 0.9),
        "adam": lambda: updates.adam(0.01),
    }[subject]()
    weights = [jnp.asarray(data.normal(f"w{i}", count)) for i in range(variables)]
    gradients = [data.normal(f"g{i}", count) for i in range(variables)]

    def step(state: Any, *given: Any) -> Any:
        slots, parameters = state
        parameters, slots = advance(parameters, list(given), slots)
        return slots, parameters

    return updated(step, (begin(weights), weights), *gradients)
