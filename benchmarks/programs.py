"""The programs that are timed: TF-1-style code that runs on penstock and on TensorFlow.

Each takes the module and returns a function that is one step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]
PROGRAMS: dict[str, Callable[[Any], Step]] = {}


def program(fn: Callable[[Any], Step]) -> Callable[[Any], Step]:
    """Record a program under its function's name."""
    PROGRAMS[fn.__name__] = fn
    return fn


def _session(tf: Any) -> Any:
    config = tf.ConfigProto(intra_op_parallelism_threads=2, inter_op_parallelism_threads=2)
    session = tf.Session(config=config)
    session.run(tf.global_variables_initializer())
    return session


@program
def run_scalar(tf: Any) -> Step:
    """`Session.run` of one addition, fed a scalar."""
    x = tf.placeholder(tf.float32, [])
    y = x + 1.0
    session = _session(tf)
    return lambda: session.run(y, feed_dict={x: 2.0})


@program
def call_scalar(tf: Any) -> Step:
    """The same through `make_callable`."""
    x = tf.placeholder(tf.float32, [])
    run = _session(tf).make_callable(x + 1.0, [x])
    value = np.float32(2.0)
    return lambda: run(value)


def _chain(tf: Any) -> tuple[Any, Any]:
    x = tf.placeholder(tf.float32, [])
    y = x
    for _ in range(10_000):
        y = x - y
    return x, y


@program
def chain_10k(tf: Any) -> Step:
    """A chain of 10,000 scalar subtractions."""
    x, y = _chain(tf)
    run = _session(tf).make_callable(y, [x])
    value = np.float32(3.0)
    return lambda: run(value)


@program
def build_10k(tf: Any) -> Step:
    """Building that chain."""

    def step() -> None:
        with tf.Graph().as_default():
            _chain(tf)

    return step


@program
def first_run_10k(tf: Any) -> Step:
    """Planning and running that chain in a new session."""
    with tf.Graph().as_default() as graph:
        x, y = _chain(tf)

    def step() -> None:
        with tf.Session(graph=graph) as session:
            session.run(y, {x: 3.0})

    return step


def _variable(tf: Any, rng: np.random.Generator, *shape: int) -> Any:
    scale = (2.0 / max(1, int(np.prod(shape[:-1])))) ** 0.5
    value = rng.standard_normal(shape) * scale if len(shape) > 1 else np.zeros(shape)
    return tf.Variable(value.astype(np.float32))


def _training_step(tf: Any, x: Any, y: Any, logits: Any, shape: tuple[int, ...]) -> Step:
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
    loss = tf.reduce_mean(losses)
    train = tf.train.AdamOptimizer(1e-3).minimize(loss)
    session = _session(tf)
    rng = np.random.default_rng(1)
    images = rng.standard_normal(shape).astype(np.float32)
    labels = rng.integers(0, 10, shape[0]).astype(np.int32)
    return lambda: session.run([train, loss], {x: images, y: labels})


@program
def train_mlp(tf: Any) -> Step:
    """A training step of an MLP 784-512-512-10, batch 128, Adam."""
    rng = np.random.default_rng(0)
    x = tf.placeholder(tf.float32, [None, 784])
    y = tf.placeholder(tf.int32, [None])
    hidden = x
    for n, m in ((784, 512), (512, 512), (512, 10)):
        hidden = tf.matmul(hidden, _variable(tf, rng, n, m)) + _variable(tf, rng, m)
        if m != 10:
            hidden = tf.nn.relu(hidden)
    return _training_step(tf, x, y, hidden, (128, 784))


@program
def train_convnet(tf: Any) -> Step:
    """A training step of the demo's network on 8x8 images, batch 64, Adam."""
    return _convnet(tf, (64, 8, 8, 1), (3, 3), (32, 64), 128)


@program
def train_cifar(tf: Any) -> Step:
    """A training step of two 5x5 convolutions on 32x32x3 images, batch 64, Adam."""
    return _convnet(tf, (64, 32, 32, 3), (5, 5), (32, 64), 384)


def _convnet(
    tf: Any, shape: tuple[int, int, int, int], window: tuple[int, int], filters: Any, units: int
) -> Step:
    rng = np.random.default_rng(0)
    x = tf.placeholder(tf.float32, shape)
    y = tf.placeholder(tf.int32, [shape[0]])
    hidden, channels, size = x, shape[3], shape[1]
    for count in filters:
        kernel = _variable(tf, rng, *window, channels, count)
        hidden = tf.nn.conv2d(hidden, kernel, strides=[1, 1, 1, 1], padding="SAME")
        hidden = tf.nn.relu(tf.nn.bias_add(hidden, _variable(tf, rng, count)))
        hidden = tf.nn.max_pool(hidden, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        channels, size = count, size // 2
    flat = size * size * channels
    hidden = tf.reshape(hidden, [-1, flat])
    hidden = tf.nn.relu(tf.matmul(hidden, _variable(tf, rng, flat, units)))
    logits = tf.matmul(hidden, _variable(tf, rng, units, 10)) + _variable(tf, rng, 10)
    return _training_step(tf, x, y, logits, shape)
