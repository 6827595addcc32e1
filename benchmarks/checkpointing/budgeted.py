"""Small networks that train, for holding a plan of memory against what a run really takes.

Each builds a training step on its default graph: a loss with batch norm, dropout, embeddings or
whatever the network is about, its gradients under a wish (`memory_budget=…`), and updates of the
weights in the same run. Returned are the fetches and the feed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import penstock as ps
from benchmarks.data import Array

Wish = Mapping[str, Any]
Built = tuple[list[Any], dict[Any, Any]]


def normal(*shape: int, seed: int = 0) -> Array:
    """Return seeded random numbers, small enough to train on."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 0.1


def _trained(loss: Any, wish: Wish, feed: dict[Any, Any]) -> Built:
    """Return the loss and one step of momentum on all variables."""
    optimizer = ps.train.MomentumOptimizer(0.01, 0.9)
    weights = ps.trainable_variables()
    gradients = ps.gradients(loss, weights, **wish)
    return [loss, optimizer.apply_gradients(list(zip(gradients, weights, strict=True)))], feed


def _weights(*shape: int) -> Any:
    seed = len(ps.global_variables())
    return ps.Variable(normal(*shape, seed=seed))


def mlp(wish: Wish, rows: int = 64, width: int = 128, layers: int = 8) -> Built:
    """Return dense layers with tanh and a softmax loss."""
    x = ps.placeholder(ps.float32, [rows, width])
    labels = ps.placeholder(ps.int32, [rows])
    h = x
    for _ in range(layers):
        h = ps.tanh(ps.nn.bias_add(ps.matmul(h, _weights(width, width)), _weights(width)))
    losses = ps.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=h)
    feed = {x: normal(rows, width), labels: np.arange(rows, dtype=np.int32) % width}
    return _trained(ps.reduce_mean(losses), wish, feed)


def _conv_norm_relu(x: Any, into: int, out: int, stride: int = 1) -> Any:
    h = ps.nn.conv2d(x, _weights(3, 3, into, out), [1, stride, stride, 1], "SAME")
    ones, zeros = ps.Variable(np.ones(out, np.float32)), _weights(out)
    return ps.nn.relu(ps.nn.fused_batch_norm(h, ones, zeros)[0])


def convnet(wish: Wish, batch: int = 4, side: int = 16, width: int = 16) -> Built:
    """Return convolutions with batch norm, dropout and pooling."""
    ps.set_random_seed(7)
    x = ps.placeholder(ps.float32, [batch, side, side, 3])
    h, into = x, 3
    for out in (width, width, 2 * width, 2 * width):
        h = ps.nn.dropout(_conv_norm_relu(h, into, out), rate=0.3)
        into = out
    h = ps.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    h = ps.reduce_mean(h, [1, 2])
    return _trained(ps.reduce_sum(h * h), wish, {x: normal(batch, side, side, 3)})


def resnet(wish: Wish, batch: int = 2, side: int = 16, width: int = 32, blocks: int = 4) -> Built:
    """Return bottleneck blocks."""
    x = ps.placeholder(ps.float32, [batch, side, side, 3])
    h = _conv_norm_relu(x, 3, width)
    for _ in range(blocks):
        inner = _conv_norm_relu(h, width, width // 2)
        inner = ps.nn.conv2d(inner, _weights(1, 1, width // 2, width), [1, 1, 1, 1], "SAME")
        h = ps.nn.relu(h + inner)
    h = ps.reduce_mean(h, [1, 2])
    return _trained(ps.reduce_sum(h * h), wish, {x: normal(batch, side, side, 3)})


def unet(wish: Wish, batch: int = 2, side: int = 32, width: int = 8, depth: int = 3) -> Built:
    """Return a U-Net: down with pooling, up with transposed convolutions, skips joined."""
    x = ps.placeholder(ps.float32, [batch, side, side, 3])
    h, into, skips = x, 3, []
    for level in range(depth):
        h = _conv_norm_relu(h, into, width << level)
        into = width << level
        if level < depth - 1:
            skips.append(h)
            h = ps.nn.max_pool(h, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    for level in reversed(range(depth - 1)):
        out = width << level
        shape = [batch, side >> level, side >> level, out]
        h = ps.nn.conv2d_transpose(h, _weights(2, 2, out, into), shape, [1, 2, 2, 1], "SAME")
        h = _conv_norm_relu(ps.concat([skips[level], h], 3), 2 * out, out)
        into = out
    return _trained(ps.reduce_mean(h * h), wish, {x: normal(batch, side, side, 3)})


def transformer(wish: Wish, length: int = 32, width: int = 64, layers: int = 3) -> Built:
    """Return blocks of attention and a dense part, with layer norms and dropout."""
    ps.set_random_seed(7)
    heads, batch = 4, 2
    x = ps.placeholder(ps.float32, [batch * length, width])
    h = x
    for _ in range(layers):
        normed = _layer_norm(h, width)
        q, k, v = (_heads(normed, width, heads, batch, length) for _ in range(3))
        scores = ps.nn.softmax(ps.matmul(q, k, transpose_b=True) * (width // heads) ** -0.5)
        mixed = ps.transpose(ps.matmul(ps.nn.dropout(scores, rate=0.1), v), [0, 2, 1, 3])
        h = h + ps.matmul(ps.reshape(mixed, [batch * length, width]), _weights(width, width))
        wide = ps.nn.relu(ps.matmul(_layer_norm(h, width), _weights(width, 4 * width)))
        h = h + ps.nn.dropout(ps.matmul(wide, _weights(4 * width, width)), rate=0.1)
    return _trained(ps.reduce_mean(h * h), wish, {x: normal(batch * length, width)})


def _layer_norm(x: Any, width: int) -> Any:
    mean, variance = ps.nn.moments(x, [-1], keep_dims=True)
    return (x - mean) * ps.rsqrt(variance + 1e-5) * _weights(width) + _weights(width)


def _heads(x: Any, width: int, heads: int, batch: int, length: int) -> Any:
    projected = ps.matmul(x, _weights(width, width))
    return ps.transpose(ps.reshape(projected, [batch, length, heads, width // heads]), [0, 2, 1, 3])


def lstm(wish: Wish, rows: int = 16, width: int = 64, steps: int = 20) -> Built:
    """Return an unrolled LSTM; its weights are shared by all steps."""
    x = ps.placeholder(ps.float32, [steps, rows, width])
    kernel, bias = _weights(2 * width, 4 * width), _weights(4 * width)
    h = c = ps.zeros([rows, width])
    for step in range(steps):
        gates = ps.matmul(ps.concat([x[step], h], 1), kernel) + bias
        i, j, f, o = ps.split(gates, 4, 1)
        c = c * ps.sigmoid(f + 1.0) + ps.sigmoid(i) * ps.tanh(j)
        h = ps.tanh(c) * ps.sigmoid(o)
    return _trained(ps.reduce_mean(h * h), wish, {x: normal(steps, rows, width)})


def embedding(wish: Wish, words: int = 200, rows: int = 256, width: int = 32) -> Built:
    """Return looked up rows through a few layers; the table's gradient is sparse."""
    ids = ps.placeholder(ps.int32, [rows])
    h = ps.nn.embedding_lookup(_weights(words, width), ids)
    for _ in range(5):
        h = ps.tanh(ps.exp(ps.matmul(h, _weights(width, width)) * 0.2))
    feed = {ids: np.arange(rows, dtype=np.int32) * 7 % words}
    return _trained(ps.reduce_sum(h * h), wish, feed)


NETWORKS: dict[str, Callable[..., Built]] = {
    network.__name__: network
    for network in (mlp, convnet, resnet, unet, transformer, lstm, embedding)
}
