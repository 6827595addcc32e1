"""Random numbers, the same as the CPU's. See cuda/random.cu and random_state.py.

Ops that shuffle or draw one number after the other run on the CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import FLOATS, INDEX, host_scalar, host_shape, require, shape_text
from penstock.kernels.gpu import sources
from penstock.kernels.gpu.random_state import Place, stateless
from penstock.kernels.gpu.table import CUDA, kernel

CUDA.native("RandomShuffle", "_RandomShufflePlace", "_RandomShuffleAt")
CUDA.native("Multinomial", "_MultinomialPlace", "_MultinomialAt")


def _words(place: Place) -> tuple[np.uint64, np.uint64, np.uint64]:
    return np.uint64(place.key), np.uint64(place.low), np.uint64(place.high)


def _reserved(device: Any, node: KernelNode, shape: tuple[int, ...]) -> Place:
    seeds = int(node.attrs.get("seed", 0)), int(node.attrs.get("seed2", 0))
    owner = node.attrs.get("stream", b"").decode() or node.name
    place: Place = device.random.reserve(owner, *seeds, int(np.prod(shape, dtype=object)))
    return place


def _place_from(words: Any) -> Place:
    require(words.shape == (3,), f"place must have shape [3], got {shape_text(words.shape)}")
    return Place(*map(int, words))


def _stateless_place(seed: Any) -> Place:
    require(seed.shape == (2,), f"seed must have shape [2], got {shape_text(seed.shape)}")
    return stateless(int(seed[0]), int(seed[1]))


def _filled(
    device: Any, node: KernelNode, name: str, shape: tuple[int, ...], place: Place
) -> Array:
    dtype = node.output_dtypes[0]
    out = device.empty(shape, dtype.numpy_dtype)
    if out.size:
        group = 2 if dtype.numpy_dtype == np.float64 else 4
        grid = sources.over(-(-out.size // group))
        sources.launch("random", name, dtype, grid, (out, int(out.size), *_words(place)))
    return out


def _integers(
    device: Any, node: KernelNode, shape: tuple[int, ...], place: Place, low: Any, high: Any
) -> Array:
    begin, end = host_scalar(low, "minval"), host_scalar(high, "maxval")
    dtype = node.output_dtypes[0]
    out = device.empty(shape, dtype.numpy_dtype)
    if out.size == 0:
        return out
    require(begin < end, f"minval must be below maxval, got {begin} and {end}")
    group = 2 if dtype.numpy_dtype == np.int64 else 4
    given = (out, int(out.size), *_words(place), begin, np.uint64(end - begin))
    name = f"random_{dtype.name}"
    # Integers do not depend on the type that the source is compiled for: any will do.
    grid = sources.over(-(-out.size // group))
    sources.launch("random", name, sources.FLOATS[0], grid, given)
    return out


def _register(name: str, stateful: str, without_state: str) -> None:
    @kernel(stateful, host=["shape"], dtype=FLOATS)
    def draw(device: Any, node: KernelNode, shape: Any) -> Array:
        sizes = host_shape(shape)
        return _filled(device, node, name, sizes, _reserved(device, node, sizes))

    @kernel(f"_{stateful}Place", host=["shape"], host_outputs=["place"])
    def move_on(device: Any, node: KernelNode, shape: Any) -> Any:
        return np.array(_reserved(device, node, host_shape(shape)), dtype=np.uint64)

    @kernel(f"_{stateful}At", host=["shape", "place"], dtype=FLOATS)
    def draw_at(device: Any, node: KernelNode, shape: Any, place: Any) -> Array:
        return _filled(device, node, name, host_shape(shape), _place_from(place))

    @kernel(without_state, host=["shape", "seed"], dtype=FLOATS)
    def compute(device: Any, node: KernelNode, shape: Any, seed: Any) -> Array:
        return _filled(device, node, name, host_shape(shape), _stateless_place(seed))


_register("random_uniform", "RandomUniform", "StatelessRandomUniform")
_register("random_normal", "RandomStandardNormal", "StatelessRandomNormal")
_register("random_truncated_normal", "TruncatedNormal", "StatelessTruncatedNormal")


@kernel("RandomUniformInt", host=["shape", "minval", "maxval"], Tout=INDEX)
def _uniform_int(device: Any, node: KernelNode, shape: Any, low: Any, high: Any) -> Array:
    sizes = host_shape(shape)
    return _integers(device, node, sizes, _reserved(device, node, sizes), low, high)


@kernel("_RandomUniformIntPlace", host=["shape", "minval", "maxval"], host_outputs=["place"])
def _uniform_int_place(device: Any, node: KernelNode, shape: Any, low: Any, high: Any) -> Any:
    return np.array(_reserved(device, node, host_shape(shape)), dtype=np.uint64)


@kernel("_RandomUniformIntAt", host=["shape", "minval", "maxval", "place"], Tout=INDEX)
def _uniform_int_at(
    device: Any, node: KernelNode, shape: Any, low: Any, high: Any, place: Any
) -> Array:
    return _integers(device, node, host_shape(shape), _place_from(place), low, high)


@kernel("StatelessRandomUniformInt", host=["shape", "seed", "minval", "maxval"], dtype=INDEX)
def _stateless_uniform_int(
    device: Any, node: KernelNode, shape: Any, seed: Any, low: Any, high: Any
) -> Array:
    return _integers(device, node, host_shape(shape), _stateless_place(seed), low, high)
