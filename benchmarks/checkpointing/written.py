"""The networks of the bench as real programs, each written once for every framework.

A network is parameters, a batch, and segments: functions from state to state, where a state is a
tuple of tensors. The last one leaves a loss. What they call is the vocabulary of a framework
(words_graph.py, words_torch.py, words_jax.py), given as `w`. Segments are what PyTorch and JAX
checkpoint; penstock never looks at them. Sizes are small enough for two cores; the shapes of the
state, and so the shares of memory, are those of networks.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks import data
from benchmarks.data import Array

CLASSES = 10

State = tuple[Any, ...]
Segment = Callable[[Any, dict[str, Any], State], State]
"""(vocabulary, parameters and batch by name, state) → state."""


@dataclass(frozen=True)
class Written:
    """A network: what it starts from and what it does."""

    parameters: dict[str, Array]
    batch: dict[str, Array]
    segments: list[Segment]


def tanh_chain(length: int, rows: int, columns: int) -> Written:
    """Return x → tanh → tanh …; x is the parameter."""

    def first(w: Any, p: dict[str, Any], state: State) -> State:
        return (w.tanh(p["x"]),)

    def step(w: Any, p: dict[str, Any], state: State) -> State:
        return (w.tanh(state[0]),)

    start = {"x": data.normal("x", rows, columns)}
    return Written(start, {}, [first, *[step] * (length - 1), _total])


def residual_chain(blocks: int, rows: int, columns: int) -> Written:
    """Blocks y = x + tanh(tanh(x)); x is the parameter."""

    def block(w: Any, p: dict[str, Any], state: State) -> State:
        x = state[0] if state else p["x"]
        return (x + w.tanh(w.tanh(x)),)

    start = {"x": data.normal("x", rows, columns)}
    return Written(start, {}, [*[block] * blocks, _total])


def _total(w: Any, p: dict[str, Any], state: State) -> State:
    return (w.total(state[0]),)


class _Parameters(dict[str, Array]):
    """Parameters as the layers of a network need them."""

    def convolution(self, name: str, window: int, channels: int, filters: int) -> None:
        """Add a filter, and the scale and offset of the norm behind it."""
        self[f"{name}/k"] = data.weights(name, window, window, channels, filters)
        self.norm(name, filters)

    def norm(self, name: str, width: int) -> None:
        """Add a scale and an offset."""
        ones = data.normal(f"{name}/s", width) * 0
        self[f"{name}/s"] = ones + 1
        self[f"{name}/o"] = ones

    def dense(self, name: str, fan_in: int, fan_out: int) -> None:
        """Add weights and a bias."""
        self[name] = data.weights(name, fan_in, fan_out)
        self[f"{name}/b"] = data.normal(f"{name}/b", fan_out) * 0


def _conv_norm(w: Any, p: dict[str, Any], name: str, x: Any, stride: int = 1) -> Any:
    return w.batch_norm(w.conv(x, p[f"{name}/k"], stride), p[f"{name}/s"], p[f"{name}/o"])


def _conv_norm_relu(w: Any, p: dict[str, Any], name: str, x: Any, stride: int = 1) -> Any:
    return w.relu(_conv_norm(w, p, name, x, stride))


def _labelled(batch: int, side: int) -> dict[str, Array]:
    return {
        "images": data.normal("images", batch, side, side, 3),
        "labels": data.integers("labels", CLASSES, batch),
    }


def resnet(stages: tuple[int, ...], batch: int, side: int, width: int) -> Written:
    """A bottleneck ResNet: blocks of three convolutions, four times as wide behind as inside."""
    p = _Parameters()
    p.convolution("stem", 7, 3, width)
    segments: list[Segment] = [_stem]
    channels = width
    for s, blocks in enumerate(stages):
        inner = width << s
        for i in range(blocks):
            name = f"s{s}b{i}"
            p.convolution(f"{name}a", 1, channels, inner)
            p.convolution(f"{name}b", 3, inner, inner)
            p.convolution(f"{name}c", 1, inner, 4 * inner)
            if not i:
                p.convolution(f"{name}p", 1, channels, 4 * inner)
            channels = 4 * inner
            segments.append(partial(_bottleneck, name, 2 if s and not i else 1))
    p.dense("out", channels, CLASSES)
    return Written(p, _labelled(batch, side), [*segments, _classified])


def _stem(w: Any, p: dict[str, Any], state: State) -> State:
    return (w.max_pool(_conv_norm_relu(w, p, "stem", w.image(p["images"]), 2)),)


def _bottleneck(name: str, stride: int, w: Any, p: dict[str, Any], state: State) -> State:
    x = state[0]
    y = _conv_norm_relu(w, p, f"{name}a", x)
    y = _conv_norm_relu(w, p, f"{name}b", y, stride)
    y = _conv_norm(w, p, f"{name}c", y)
    short = _conv_norm(w, p, f"{name}p", x, stride) if f"{name}p/k" in p else x
    return (w.relu(y + short),)


def _classified(w: Any, p: dict[str, Any], state: State) -> State:
    logits = w.dense(w.pixel_mean(state[0]), p["out"], p["out/b"])
    return (w.cross_entropy(p["labels"], logits),)


def unet(depth: int, batch: int, side: int, width: int) -> Written:
    """A U-Net: two convolutions a level, down and up, skips joined by concatenation."""
    p = _Parameters()
    segments: list[Segment] = []
    channels = 3
    for d in range(depth):
        p.convolution(f"down{d}a", 3, channels, width << d)
        p.convolution(f"down{d}b", 3, width << d, width << d)
        channels = width << d
        segments.append(partial(_down, d, depth))
    for d in reversed(range(depth - 1)):
        p[f"up{d}/k"] = data.weights(f"up{d}", 2, 2, width << d, channels)
        p.convolution(f"up{d}a", 3, 2 * (width << d), width << d)
        p.convolution(f"up{d}b", 3, width << d, width << d)
        channels = width << d
        segments.append(partial(_up, d))
    p.convolution("out", 1, width, CLASSES)
    labels = data.integers("labels", CLASSES, batch * side * side)
    images = data.normal("images", batch, side, side, 3)
    return Written(p, {"images": images, "labels": labels}, [*segments, _each_pixel])


def _down(d: int, depth: int, w: Any, p: dict[str, Any], state: State) -> State:
    *skips, x = state or (w.image(p["images"]),)
    x = _conv_norm_relu(w, p, f"down{d}a", w.max_pool(x) if d else x)
    x = _conv_norm_relu(w, p, f"down{d}b", x)
    return (*skips, x) if d == depth - 1 else (*skips, x, x)


def _up(d: int, w: Any, p: dict[str, Any], state: State) -> State:
    *skips, skip, x = state
    x = w.join(skip, w.upsampled(x, p[f"up{d}/k"]))
    x = _conv_norm_relu(w, p, f"up{d}a", x)
    return (*skips, _conv_norm_relu(w, p, f"up{d}b", x))


def _each_pixel(w: Any, p: dict[str, Any], state: State) -> State:
    logits = w.pixels(_conv_norm(w, p, "out", state[0]))
    return (w.cross_entropy(p["labels"], logits),)


def transformer(layers: int, batch: int, length: int, width: int, heads: int) -> Written:
    """A Transformer encoder, norms before each branch, dropout on scores and branches."""
    p = _Parameters()
    shapes = {"q": 1, "k": 1, "v": 1, "p": 1, "u": 4}
    for i in range(layers):
        for name, times in shapes.items():
            p.dense(f"l{i}{name}", width, times * width)
        p.dense(f"l{i}d", 4 * width, width)
        p.norm(f"l{i}n1", width)
        p.norm(f"l{i}n2", width)
    p.dense("out", width, CLASSES)
    rows = batch * length
    start = {
        "x": data.normal("x", rows, width),
        "labels": data.integers("labels", CLASSES, rows),
    }
    each = [partial(_layer, f"l{i}", (batch, length, heads, width // heads)) for i in range(layers)]
    return Written(p, start, [*each, _each_token])


def _layer(
    name: str, dims: tuple[int, int, int, int], w: Any, p: dict[str, Any], state: State
) -> State:
    x = state[0] if state else p["x"]
    normed = w.layer_norm(x, p[f"{name}n1/s"], p[f"{name}n1/o"])
    q, k, v = (
        w.split_heads(w.dense(normed, p[f"{name}{c}"], p[f"{name}{c}/b"]), dims) for c in "qkv"
    )
    scores = w.dropout(w.softmax(w.product(q, k, True) * dims[-1] ** -0.5), 0.1)
    mixed = w.join_heads(w.product(scores, v, False), dims)
    x = x + w.dropout(w.dense(mixed, p[f"{name}p"], p[f"{name}p/b"]), 0.1)
    normed = w.layer_norm(x, p[f"{name}n2/s"], p[f"{name}n2/o"])
    inner = w.gelu(w.dense(normed, p[f"{name}u"], p[f"{name}u/b"]))
    return (x + w.dropout(w.dense(inner, p[f"{name}d"], p[f"{name}d/b"]), 0.1),)


def _each_token(w: Any, p: dict[str, Any], state: State) -> State:
    logits = w.dense(state[0], p["out"], p["out/b"])
    return (w.cross_entropy(p["labels"], logits),)


def lstm(steps: int, batch: int, width: int) -> Written:
    """An LSTM unrolled: its gates from h alone, as in the cost model; h and c are carried."""
    p = _Parameters()
    p.dense("gates", width, 4 * width)
    batch_arrays = {
        "h": data.normal("h", batch, width),
        "c": data.normal("c", batch, width),
    }
    return Written(p, batch_arrays, [*[_step] * steps, _total])


def _step(w: Any, p: dict[str, Any], state: State) -> State:
    h, c = state or (p["h"], p["c"])
    i, f, o, g = w.quarters(w.dense(h, p["gates"], p["gates/b"]))
    c = w.sigmoid(f) * c + w.sigmoid(i) * w.tanh(g)
    return (w.sigmoid(o) * w.tanh(c), c)
