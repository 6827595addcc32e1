"""How a PyTorch program is run: eager ops on tensors, images as channels-last views of NHWC."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.data import Array
from benchmarks.models import Start
from benchmarks.programs import Job

torch.set_num_threads(int(os.environ.get("PENSTOCK_BENCH_THREADS", "2")))


def tensor(array: Array) -> Any:
    """Return a tensor of a copy of the array."""
    return torch.from_numpy(np.array(array))


def channels_second(x: Any) -> Any:
    """Return NHWC as the NCHW view that PyTorch calls channels-last."""
    return x.permute(0, 3, 1, 2)


def channels_last(x: Any) -> Any:
    """Return NCHW as a view in the order of graph programs."""
    return x.permute(0, 2, 3, 1)


def _array(x: Any) -> Array:
    found: Array = x.detach().numpy()
    return found


def kernel(function: Callable[..., Any], *inputs: Any, order: Callable[[Any], Any] = list) -> Job:
    """Return the job that computes a function of tensors without recording gradients.

    `order` makes the list of tensors that is compared from what the function returns.
    """
    given = [tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]

    def step() -> Any:
        with torch.no_grad():
            return function(*given)

    return Job(step, lambda: [_array(x) for x in order(step())])


def one(result: Any) -> list[Any]:
    """Return the list of a function's only result."""
    return [result]


def trained(
    start: Start,
    loss: Callable[[dict[str, Any], dict[str, Any]], Any],
    optimizer: Callable[[list[Any]], Any],
) -> Job:
    """Return the job of training steps; filters are stored as PyTorch wants them."""
    parameters = {}
    for name, array in start.parameters.items():
        value = tensor(array)
        if value.ndim == 4:
            value = value.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        parameters[name] = value.requires_grad_()
    updates = optimizer(list(parameters.values()))

    def step() -> float:
        batch = {name: torch.from_numpy(array) for name, array in start.batch.items()}
        updates.zero_grad()
        value = loss(parameters, batch)
        value.backward()
        updates.step()
        return float(value.detach())

    return Job(step, lambda: [step() for _ in range(3)])
