"""The networks on JAX: plain, every block under `jax.checkpoint`, and √n segments of blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from benchmarks.checkpointing.words_jax import Words
from benchmarks.checkpointing.written import Segment, State, Written

RATE = 1e-3

Facts = dict[str, Any]


class Side:
    """A network with its compiled steps by way."""

    def __init__(self, module: Any, written: Written) -> None:
        self.written = written
        self.parameters = jax.device_put(dict(written.parameters))
        self.batch = jax.device_put(written.batch)
        self.steps: dict[str, Callable[[], object]] = {}
        self._compiled: dict[str, Any] = {}

    def add(self, way: str) -> Facts:
        """Compile the step of a way."""
        jitted = jax.jit(partial(self._advance, way), donate_argnums=0)
        key = jax.random.key(0)
        self._compiled[way] = jitted.lower(self.parameters, self.batch, key).compile()
        self.steps[way] = partial(self._step, way, key)
        return {}

    def _advance(self, way: str, parameters: Any, batch: Any, key: Any) -> Any:
        gradients = jax.grad(partial(self._loss, way))(parameters, batch, key)
        return jax.tree.map(lambda v, g: v - RATE * g, parameters, gradients)

    def _loss(self, way: str, parameters: Any, batch: Any, key: Any) -> Any:
        known = {**parameters, **batch}
        *inner, last = self.written.segments
        parts = {"plain": 0, "sqrt_n_segments": round(math.sqrt(len(inner)))}.get(way, len(inner))
        state: State = ()
        for number, group in enumerate(_grouped(inner, parts)):
            run = partial(_run, group, number)
            state = (jax.checkpoint(run) if parts else run)(known, key, state)
        return last(Words(key), known, state)[0]

    def _step(self, way: str, key: Any) -> None:
        self.parameters = self._compiled[way](self.parameters, self.batch, key)
        jax.block_until_ready(self.parameters)

    def digest(self, way: str) -> list[Any]:
        """Return the parameters after one step from the start."""
        self.parameters = jax.device_put(dict(self.written.parameters))
        self.steps[way]()
        return [np.asarray(self.parameters[name]) for name in self.written.parameters]

    def own_memory(self, way: str) -> Facts:
        """Return the bytes of temporaries that the compiler planned."""
        analysis = self._compiled[way].memory_analysis()
        return {"planned": int(analysis.temp_size_in_bytes)} if analysis else {}

    def trace(self, way: str) -> Facts:
        """Return nothing."""
        return {}

    def trim(self) -> None:
        """Nothing is cached."""

    def close(self) -> None:
        """Nothing to let go."""


def _grouped(segments: list[Segment], parts: int) -> list[list[Segment]]:
    """Return segments in about so many groups; 0 parts are one group."""
    size = math.ceil(len(segments) / max(1, parts))
    return [segments[i : i + size] for i in range(0, len(segments), size)]


def _run(group: list[Segment], number: int, known: Any, key: Any, state: State) -> State:
    words = Words(jax.random.fold_in(key, number))
    for segment in group:
        state = segment(words, known, state)
    return state
