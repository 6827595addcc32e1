"""Random tensors, with state or as functions of a seed: the CPU's exact streams.

Each stateful node owns a stream on its device, which goes on from run to run; an execution moves
it by 256 counter values for each element.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from penstock.kernel_api import Array, Device, KernelNode
from penstock.kernels.array.distributions import (
    Fill,
    normal,
    truncated_normal,
    uniform,
    uniform_int,
    unit_doubles,
)
from penstock.kernels.array.philox import Stream, stateless
from penstock.kernels.array.table import (
    FLOATS,
    INDEX,
    PLAIN,
    REALS,
    Kernel,
    host_scalar,
    host_shape,
    kernel,
    product,
    require,
    shape_text,
)

_SKIP = 256
_streams: WeakKeyDictionary[Device, dict[str, Stream]] = WeakKeyDictionary()
_lock = threading.Lock()


def _seeded(node: KernelNode) -> Stream:
    mask = (1 << 64) - 1
    seed, seed2 = (int(node.attrs.get(name, 0)) & mask for name in ("seed", "seed2"))
    if seed == 0 and seed2 == 0:
        seed, seed2 = secrets.randbits(64), secrets.randbits(64)
    return Stream(seed, 0, seed2)


def _reserve(node: KernelNode, counters: int) -> Stream:
    """Return the place to draw from; the stream of the node, or of the one it names, moves on."""
    owner = node.attrs.get("stream", b"").decode() or node.name
    with _lock:
        of_device = _streams.setdefault(node.device, {})
        here = of_device.get(owner) or _seeded(node)
        of_device[owner] = here.skipped(counters)
        return here


def _with_halves(
    op: str, count: Callable[..., int], host: Sequence[str] = (), **types: Any
) -> Callable[[Kernel], Kernel]:
    """Return a decorator for `fn(xp, node, stream, *inputs)`: an op and its two halves.

    `count(*inputs)` is by how many counter values a run moves the stream.
    """

    def register(fn: Kernel) -> Kernel:
        def draw(xp: Any, node: KernelNode, *inputs: Any) -> Array:
            return fn(xp, node, _reserve(node, count(*inputs)), *inputs)

        def place(xp: Any, node: KernelNode, *inputs: Any) -> Any:
            return np.array(_reserve(node, count(*inputs)), dtype=np.uint64)

        def draw_at(xp: Any, node: KernelNode, *inputs: Any) -> Array:
            require(inputs[-1].shape == (3,), "place must have shape [3]")
            return fn(xp, node, Stream(*map(int, inputs[-1])), *inputs[:-1])

        kernel(op, host=host, **types)(draw)
        kernel(f"_{op}Place", host=host, host_outputs=["place"])(place)
        kernel(f"_{op}At", host=[*host, "place"], **types)(draw_at)
        return fn

    return register


def _to_fill(sizes: Any, *_: Any) -> int:
    return product(host_shape(sizes)) * _SKIP


def _filling(fill: Fill) -> Kernel:
    def compute(xp: Any, node: KernelNode, stream: Stream, sizes: Any) -> Array:
        shape = host_shape(sizes)
        dtype = node.output_dtypes[0].numpy_dtype
        return fill(xp, stream, product(shape), dtype).reshape(shape)

    return compute


def _of_seed(fill: Fill) -> Any:
    def compute(xp: Any, node: KernelNode, sizes: Any, seed: Any) -> Array:
        shape = host_shape(sizes)
        stream = _stateless(seed)
        dtype = node.output_dtypes[0].numpy_dtype
        return fill(xp, stream, product(shape), dtype).reshape(shape)

    return compute


def _stateless(seed: Any) -> Stream:
    require(seed.shape == (2,), f"seed must have shape [2], got {shape_text(seed.shape)}")
    mask = (1 << 64) - 1
    return stateless(int(seed[0]) & mask, int(seed[1]) & mask)


for _stateful_op, _stateless_op, _fill in (
    ("RandomUniform", "StatelessRandomUniform", uniform),
    ("RandomStandardNormal", "StatelessRandomNormal", normal),
    ("TruncatedNormal", "StatelessTruncatedNormal", truncated_normal),
):
    _with_halves(_stateful_op, _to_fill, ["shape"], dtype=FLOATS)(_filling(_fill))
    kernel(_stateless_op, host=["shape", "seed"], dtype=FLOATS)(_of_seed(_fill))


def _whole_numbers(
    xp: Any, node: KernelNode, stream: Stream, shape: tuple[int, ...], low: Any, high: Any
) -> Array:
    first, last = host_scalar(low, "minval"), host_scalar(high, "maxval")
    count, dtype = product(shape), node.output_dtypes[0].numpy_dtype
    require(count == 0 or first < last, f"minval must be below maxval, got {first} and {last}")
    if count == 0:
        return xp.zeros(shape, dtype=dtype)
    return uniform_int(xp, stream, count, dtype, first, last).reshape(shape)


@_with_halves("RandomUniformInt", _to_fill, ["shape", "minval", "maxval"], Tout=INDEX)
def _uniform_int(
    xp: Any, node: KernelNode, stream: Stream, sizes: Any, low: Any, high: Any
) -> Array:
    return _whole_numbers(xp, node, stream, host_shape(sizes), low, high)


@kernel("StatelessRandomUniformInt", host=["shape", "seed", "minval", "maxval"], dtype=INDEX)
def _stateless_uniform_int(
    xp: Any, node: KernelNode, sizes: Any, seed: Any, low: Any, high: Any
) -> Array:
    return _whole_numbers(xp, node, _stateless(seed), host_shape(sizes), low, high)


def _to_shuffle(x: Array) -> int:
    return (x.shape[0] - 1 + 3) // 4 if x.ndim and x.shape[0] else 0


@_with_halves("RandomShuffle", _to_shuffle, T=PLAIN)
def _shuffle(xp: Any, node: KernelNode, stream: Stream, x: Array) -> Array:
    rows = x.shape[0] if x.ndim else 1
    if rows <= 1:
        return x
    counters = _to_shuffle(x)
    words = stream.words(np, np.arange(counters, dtype=np.uint64)).reshape(-1).tolist()
    order = list(range(rows))
    for i in range(rows - 1):  # each place swaps with one at or after it
        other = i + words[i] % (rows - i)
        order[i], order[other] = order[other], order[i]
    return x[xp.asarray(np.array(order, dtype=np.int64))]


def _to_choose(logits: Array, num_samples: Any) -> int:
    require(logits.ndim == 2, f"logits must be a matrix, got shape {shape_text(logits.shape)}")
    samples = host_scalar(num_samples, "num_samples")
    require(samples >= 0, f"num_samples must not be negative, got {samples}")
    return int(logits.shape[0] * ((samples + 3) // 4 * 4) * 2 * _SKIP)


@_with_halves("Multinomial", _to_choose, ["num_samples"], T=REALS, output_dtype=INDEX)
def _multinomial(
    xp: Any, node: KernelNode, stream: Stream, logits: Array, num_samples: Any
) -> Array:
    samples = host_scalar(num_samples, "num_samples")
    rows, classes = logits.shape
    require(
        classes > 0 or rows == 0,
        f"logits must have at least one class, got shape {shape_text(logits.shape)}",
    )
    if rows * samples == 0:
        return xp.zeros((rows, samples), dtype=np.int64)
    groups = xp.arange(-(-rows * samples // 2)).astype(np.uint64)
    u = unit_doubles(xp, stream.words(xp, groups)).reshape(-1)[: rows * samples]
    wide = logits.astype(np.float64)
    finite = xp.isfinite(wide)
    largest = xp.max(xp.where(finite, wide, -np.inf), axis=1, keepdims=True)
    weights = xp.where(finite, xp.exp(xp.where(finite, wide - largest, 0)), 0)
    running = xp.cumsum(weights, axis=1)
    wanted = u.reshape(rows, samples) * running[:, -1:]
    found = [xp.searchsorted(running[r], wanted[r], side="right") for r in range(rows)]
    return xp.minimum(xp.stack(found), classes - 1)
