"""The networks on PyTorch: plain, every block checkpointed, and √n segments of blocks.

`√n segments` is `checkpoint_sequential`, `each block` is `checkpoint` around every one (without
reentrant autograd, as its documentation recommends). The last segment, with the loss, is run as
it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from benchmarks.checkpointing.words_torch import Words
from benchmarks.checkpointing.written import State, Written
from benchmarks.torch_programs import eager

RATE = 1e-3

Facts = dict[str, Any]


class Side:
    """A network with its steps by way."""

    def __init__(self, module: Any, written: Written) -> None:
        self.written = written
        self.start = {name: _stored(array) for name, array in written.parameters.items()}
        self.parameters = {n: v.clone().requires_grad_() for n, v in self.start.items()}
        self.batch = {n: eager.tensor(v) for n, v in written.batch.items()}
        self.steps: dict[str, Callable[[], object]] = {}

    def add(self, way: str) -> Facts:
        """Make the step of a way."""
        self.steps[way] = partial(self._step, way)
        return {}

    def _loss(self, way: str) -> Any:
        words, known = Words(), {**self.parameters, **self.batch}
        *inner, last = [partial(segment, words, known) for segment in self.written.segments]
        state: State = ()
        if way == "sqrt_n_segments":
            # The first block makes a state out of nothing; those behind it are the sequence.
            state = checkpoint(inner[0], state, use_reentrant=False)
            parts = max(1, round(math.sqrt(len(inner))))
            state = checkpoint_sequential(inner[1:], parts, state, use_reentrant=False)
        else:
            for segment in inner:
                if way == "plain":
                    state = segment(state)
                else:
                    state = checkpoint(segment, state, use_reentrant=False)
        return last(state)[0]

    def _step(self, way: str) -> None:
        self._loss(way).backward()
        with torch.no_grad():
            for value in self.parameters.values():
                value.sub_(value.grad, alpha=RATE)
                value.grad = None

    def digest(self, way: str) -> list[Any]:
        """Return the parameters after one step from the start."""
        with torch.no_grad():
            for name, value in self.parameters.items():
                value.copy_(self.start[name])
        self.steps[way]()
        return [_shown(value.detach()) for value in self.parameters.values()]

    def own_memory(self, way: str) -> Facts:
        """Return nothing: PyTorch does not count memory of the CPU."""
        return {}

    def trace(self, way: str) -> Facts:
        """Return nothing."""
        return {}

    def trim(self) -> None:
        """Nothing is cached."""

    def close(self) -> None:
        """Nothing to let go."""


def _stored(array: Any) -> Any:
    value = eager.tensor(array)
    if value.ndim == 4:
        value = value.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    return value


def _shown(value: Any) -> Any:
    return (value.permute(2, 3, 1, 0) if value.ndim == 4 else value).numpy()
