"""Single kernels: dispatch, elementwise, products, reductions, layout, normalisation, updates."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmarks import data
from benchmarks.data import Array
from benchmarks.programs import Job, implements
from benchmarks.torch_programs.eager import kernel, one, tensor

SINGLE = ("square_256", "square_1024", "square_2048", "dense_layer", "one_row")


def _called(function: Any, value: Array) -> Job:
    def step() -> Array:
        found: Array = function(torch.from_numpy(value)).numpy()
        return found

    return Job(step, lambda: [step()])


@implements("torch", "dispatch/call_scalar")
def scalar(module: Any, subject: str) -> Job:
    return _called(lambda x: x + 1.0, np.full((), 2.0, np.float32))


@implements("torch", "dispatch/call_matmul")
def matmul(module: Any, subject: str) -> Job:
    w = tensor(data.weights("w", 784, 10))
    return _called(lambda x: x @ w, data.normal("x", 100, 784))


@implements("torch", "dispatch/feed_fetch")
def feed_fetch(module: Any, subject: str, count: int) -> Job:
    return _called(lambda x: x + 1.0, data.normal("x", count))


def _chain(x: Any, ops: int) -> Any:
    y = x
    for _ in range(ops):
        y = x - y
    return y


@implements("torch", "dispatch/chain")
def chain(module: Any, subject: str, ops: int) -> Job:
    return kernel(lambda x: _chain(x, ops), torch.tensor(3.0), order=one)


@implements("torch", "dispatch/wide")
def wide(module: Any, subject: str, ops: int) -> Job:
    def add_all(x: Any) -> Any:
        return torch.stack([x + float(i % 7) * (i + 1) for i in range(ops)]).sum()

    return kernel(add_all, torch.tensor(3.0), order=one)


@implements("torch", "dispatch/chain_vectors")
def chain_vectors(module: Any, subject: str, ops: int, width: int) -> Job:
    return kernel(lambda x: _chain(x, ops), data.normal("x", width), order=one)


def _arithmetic(x: Any, y: Any) -> Any:
    z = x + y
    for _ in range(3):
        z = z * x + y
    return z * 0.5


def _functions(x: Any, y: Any) -> Any:
    z = torch.tanh(x * y) + torch.sigmoid(x - y)
    z = torch.exp(-torch.abs(z)) * x
    return torch.sqrt(torch.square(z) + 1.0)


_OF_TWO = {
    "add": lambda x, y: x + y,
    "arithmetic": _arithmetic,
    "functions": _functions,
    "functions_cached": _functions,
    "select": lambda x, y: torch.where(x > y, x, 2.0 * y),
}


@implements("torch", *(f"elementwise/{subject}" for subject in _OF_TWO))
def elementwise(module: Any, subject: str, count: int) -> Job:
    return kernel(_OF_TWO[subject], data.normal("x", count), data.normal("y", count), order=one)


@implements("torch", "elementwise/bias_relu")
def bias_relu(module: Any, subject: str, rows: int, columns: int) -> Job:
    x, row = data.normal("x", rows, columns), data.normal("row", columns)
    return kernel(lambda a, b: torch.relu_(a + b), x, row, order=one)


@implements("torch", "elementwise/gelu")
def gelu(module: Any, subject: str, count: int) -> Job:
    ones = torch.ones(count)

    def both(x: Any) -> tuple[Any, Any]:
        backward = torch.ops.aten.gelu_backward(ones, x, approximate="tanh")
        return functional.gelu(x, approximate="tanh"), backward

    return kernel(both, data.normal("x", count))


@implements("torch", *(f"products/{subject}" for subject in SINGLE))
def product(module: Any, subject: str, m: int, k: int, n: int) -> Job:
    return kernel(torch.matmul, data.normal("x", m, k), data.normal("y", k, n), order=one)


@implements("torch", "products/batched")
def batched(module: Any, subject: str, batch: int, m: int, k: int, n: int) -> Job:
    x, y = data.normal("x", batch, m, k), data.normal("y", batch, k, n)
    return kernel(torch.matmul, x, y, order=one)


@implements("torch", "products/gradients")
def gradients(module: Any, subject: str, m: int, k: int, n: int) -> Job:
    arrays = data.normal("x", m, k), data.normal("y", k, n), data.normal("dz", m, n)
    return kernel(lambda x, y, dz: (dz @ y.T, x.T @ dz), *arrays)


_REDUCTIONS = {
    "sum_all": torch.sum,
    "sum_rows": lambda x: torch.sum(x, 0),
    "sum_columns": lambda x: torch.sum(x, 1),
    "max_columns": lambda x: torch.amax(x, 1),
    "argmax": lambda x: torch.argmax(x, 1),
}


@implements("torch", *(f"reductions/{subject}" for subject in _REDUCTIONS))
def reduction(module: Any, subject: str, rows: int, columns: int) -> Job:
    return kernel(_REDUCTIONS[subject], data.normal("x", rows, columns), order=one)


@implements("torch", "reductions/channel_means")
def channel_means(module: Any, subject: str, shape: tuple[int, ...]) -> Job:
    return kernel(lambda x: torch.mean(x, (0, 1, 2)), data.normal("x", *shape), order=one)


@implements("torch", "layout/transpose")
def transpose(module: Any, subject: str, rows: int, columns: int) -> Job:
    return kernel(lambda x: x.T.contiguous(), data.normal("x", rows, columns), order=one)


@implements("torch", "layout/channels_first", "layout/heads")
def permute(module: Any, subject: str, shape: tuple[int, ...]) -> Job:
    order = (0, 3, 1, 2) if subject == "channels_first" else (0, 2, 1, 3)
    return kernel(lambda x: x.permute(order).contiguous(), data.normal("x", *shape), order=one)


@implements("torch", "layout/concat")
def concat(module: Any, subject: str, rows: int, columns: int) -> Job:
    parts = (data.normal(name, rows, columns) for name in ("x", "y"))
    return kernel(lambda x, y: torch.cat([x, y], 1), *parts, order=one)


@implements("torch", "layout/slice")
def middle(module: Any, subject: str, rows: int, columns: int) -> Job:
    top, left = rows // 4, columns // 4
    return kernel(
        lambda x: x[top : top + rows // 2, left : left + columns // 2].contiguous(),
        data.normal("x", rows, columns),
        order=one,
    )


@implements("torch", "layout/pad")
def pad(module: Any, subject: str, rows: int, columns: int) -> Job:
    x = data.normal("x", rows, columns)
    return kernel(lambda v: functional.pad(v, (2, 2, 2, 2)), x, order=one)


@implements("torch", "layout/gather")
def gather(module: Any, subject: str, rows: int, width: int, count: int) -> Job:
    table, ids = data.normal("table", rows, width), data.integers("ids", rows, count)
    return kernel(lambda t, i: torch.index_select(t, 0, i), table, ids, order=one)


@implements("torch", "layout/embedding_update")
def embedding_update(module: Any, subject: str, rows: int, width: int, count: int) -> Job:
    def update(table: Any, ids: Any, g: Any) -> Any:
        return table.index_add_(0, ids, g, alpha=-0.01)

    table, ids = data.normal("table", rows, width), data.integers("ids", rows, count)
    return kernel(update, table, ids, data.normal("g", count, width), order=one)


@implements("torch", "normalisation/softmax")
def softmax(module: Any, subject: str, rows: int, classes: int) -> Job:
    return kernel(lambda x: torch.softmax(x, 1), data.normal("x", rows, classes), order=one)


def _recorded(function: Any, *arrays: Array, constants: tuple[Array, ...] = ()) -> Job:
    """Return the job of a function and the gradients by its arguments; the last is weighted."""
    inputs = [tensor(a).requires_grad_() for a in arrays]
    weights = [tensor(c) for c in constants]

    def step() -> Any:
        y = function(*inputs)
        return y, *torch.autograd.grad(y, inputs, weights or None)

    return Job(step, lambda: [x.detach().numpy() for x in step()])


@implements("torch", "normalisation/cross_entropy")
def cross_entropy(module: Any, subject: str, rows: int, classes: int) -> Job:
    labels = tensor(data.integers("labels", classes, rows)).long()
    x = data.normal("x", rows, classes)
    return _recorded(lambda logits: functional.cross_entropy(logits, labels), x)


@implements("torch", "normalisation/batch_norm")
def batch_norm(module: Any, subject: str, shape: tuple[int, ...]) -> Job:
    def normalise(x: Any, scale: Any, offset: Any) -> Any:
        images = x.permute(0, 3, 1, 2)
        y = functional.batch_norm(images, None, None, scale, offset, training=True, eps=1e-3)
        return y.permute(0, 2, 3, 1)

    arrays = [data.normal("x", *shape), data.normal("s", shape[-1]), data.normal("o", shape[-1])]
    return _recorded(normalise, *arrays, constants=(data.normal("dy", *shape),))


@implements("torch", "normalisation/layer_norm")
def layer_norm(module: Any, subject: str, rows: int, columns: int) -> Job:
    def normalise(x: Any, scale: Any, offset: Any) -> Any:
        return functional.layer_norm(x, (columns,), scale, offset, 1e-5)

    arrays = [data.normal("x", rows, columns), data.normal("s", columns), data.normal("o", columns)]
    return _recorded(normalise, *arrays, constants=(data.normal("dy", rows, columns),))


@implements("torch", "optimizers/sgd", "optimizers/momentum", "optimizers/adam")
def update(module: Any, subject: str, variables: int, count: int) -> Job:
    weights = [tensor(data.normal(f"w{i}", count)).requires_grad_() for i in range(variables)]
    for i, weight in enumerate(weights):
        weight.grad = tensor(data.normal(f"g{i}", count))
    optimizer = {
        "sgd": lambda: torch.optim.SGD(weights, 0.01, fused=True),
        "momentum": lambda: torch.optim.SGD(weights, 0.01, 0.9, fused=True),
        "adam": lambda: torch.optim.Adam(weights, 0.01, fused=True),
    }[subject]()

    def results() -> list[Array]:
        optimizer.step()
        optimizer.step()
        return [weights[-1].detach().numpy()]

    return Job(optimizer.step, results)
