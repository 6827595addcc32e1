"""Makes docs/pictures/arena.svg: the memory plan of a training step of a small Transformer.

Run from the repository root with `python docs/pictures/arena.py`.
"""

from pathlib import Path

import numpy as np

import penstock as tf
from penstock.memory.arena_plan import ArenaPlan, plan_arena
from penstock.memory.picture import arena_svg

BATCH, LENGTH, WIDTH, HEADS, LAYERS = 8, 64, 64, 4, 3


def dense(x: tf.Tensor, units: int, name: str) -> tf.Tensor:
    """Multiply the last dimension with a matrix."""
    w = tf.get_variable(name, [int(x.shape[-1]), units])
    return tf.reshape(tf.matmul(tf.reshape(x, [-1, int(x.shape[-1])]), w), [BATCH, LENGTH, units])


def layer(x: tf.Tensor, name: str) -> tf.Tensor:
    """Attention and two dense maps, each beside its input."""
    heads = [BATCH, LENGTH, HEADS, WIDTH // HEADS]
    q, k, v = (
        tf.transpose(tf.reshape(dense(x, WIDTH, f"{name}_{part}"), heads), [0, 2, 1, 3])
        for part in "qkv"
    )
    weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * 0.25)
    mixed = tf.transpose(tf.matmul(weights, v), [0, 2, 1, 3])
    x = x + dense(tf.reshape(mixed, [BATCH, LENGTH, WIDTH]), WIDTH, f"{name}_o")
    return x + dense(tf.nn.relu(dense(x, 4 * WIDTH, f"{name}_up")), WIDTH, f"{name}_down")


def plan() -> ArenaPlan:
    """Return the plan of one step."""
    x = tf.placeholder(tf.float32, [BATCH, LENGTH, WIDTH])
    h = x
    for i in range(LAYERS):
        h = layer(h, f"layer{i}")
    loss = tf.reduce_mean(tf.square(h))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    with tf.Session() as session:
        found = session._find_call([loss, step], {x: np.zeros(x.shape.as_list(), np.float32)})
        (part,) = found.plan.partitions.values()
    made = plan_arena(part)
    assert made is not None
    return made


if __name__ == "__main__":
    picture = Path(__file__).with_name("arena.svg")
    picture.write_text(arena_svg(plan()), encoding="utf-8")
