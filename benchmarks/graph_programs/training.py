"""Training steps: perceptron, convolutional network, ResNet, skip-gram, transformer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import models
from benchmarks.graph_programs.bench import Bench
from benchmarks.graph_programs.normalisation import layer_normalised
from benchmarks.models import Start
from benchmarks.programs import Job, implements

Parameters = dict[str, Any]


def _mean_loss(tf: Any, labels: Any, logits: Any) -> Any:
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(losses)


def _trained(
    tf: Any,
    start: Start,
    loss_of: Callable[[Parameters, Parameters], Any],
    optimizer: Any,
) -> Job:
    """Return the job that trains on the one batch; `loss_of` gets variables and placeholders."""
    bench = Bench(tf)
    variables = {name: bench.variable(value) for name, value in start.parameters.items()}
    placeholders = {name: bench.placeholder(value) for name, value in start.batch.items()}
    feeds = {placeholders[name]: value for name, value in start.batch.items()}
    return bench.training(feeds, loss_of(variables, placeholders), optimizer)


@implements("graph", "training/mlp")
def mlp(tf: Any, subject: str, batch: int, widths: tuple[int, ...]) -> Job:
    def loss(p: Parameters, feeds: Parameters) -> Any:
        hidden = feeds["images"]
        for i in range(len(widths) - 1):
            hidden = tf.matmul(hidden, p[f"w{i}"]) + p[f"b{i}"]
            if i < len(widths) - 2:
                hidden = tf.nn.relu(hidden)
        return _mean_loss(tf, feeds["labels"], hidden)

    return _trained(tf, models.mlp(batch, widths), loss, tf.train.AdamOptimizer(1e-3))


@implements("graph", "training/convnet")
def convnet(
    tf: Any, subject: str, batch: int, side: int, filters: tuple[int, int], units: int
) -> Job:
    def loss(p: Parameters, feeds: Parameters) -> Any:
        hidden = feeds["images"]
        for i in range(2):
            hidden = tf.nn.conv2d(hidden, p[f"k{i}"], strides=[1, 1, 1, 1], padding="SAME")
            hidden = tf.nn.relu(tf.nn.bias_add(hidden, p[f"c{i}"]))
            hidden = tf.nn.max_pool(hidden, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        hidden = tf.reshape(hidden, [batch, -1])
        hidden = tf.nn.relu(tf.matmul(hidden, p["w0"]) + p["b0"])
        return _mean_loss(tf, feeds["labels"], tf.matmul(hidden, p["w1"]) + p["b1"])

    start = models.convnet(batch, side, filters, units)
    return _trained(tf, start, loss, tf.train.AdamOptimizer(1e-3))


@implements("graph", "training/resnet20")
def resnet20(tf: Any, subject: str, batch: int, side: int, width: int, blocks: int) -> Job:
    def normalised(p: Parameters, name: str, x: Any, stride: int = 1) -> Any:
        strides = [1, stride, stride, 1]
        y = tf.nn.conv2d(x, p[f"{name}/k"], strides=strides, padding="SAME")
        return tf.nn.fused_batch_norm(y, p[f"{name}/s"], p[f"{name}/o"], epsilon=1e-3)[0]

    def loss(p: Parameters, feeds: Parameters) -> Any:
        hidden = tf.nn.relu(normalised(p, "stem", feeds["images"]))
        for stage in range(3):
            for block in range(blocks):
                name = f"{stage}/{block}"
                stride = 2 if stage and not block else 1
                inner = tf.nn.relu(normalised(p, f"{name}/a", hidden, stride))
                inner = normalised(p, f"{name}/b", inner)
                if f"{name}/short/k" in p:
                    hidden = normalised(p, f"{name}/short", hidden, stride)
                hidden = tf.nn.relu(inner + hidden)
        pooled = tf.reduce_mean(hidden, [1, 2])
        return _mean_loss(tf, feeds["labels"], tf.matmul(pooled, p["w"]) + p["b"])

    start = models.resnet(batch, side, width, blocks)
    return _trained(tf, start, loss, tf.train.MomentumOptimizer(0.01, 0.9))


@implements("graph", "training/word2vec")
def word2vec(tf: Any, subject: str, words: int, width: int, batch: int, sampled: int) -> Job:
    """Noise-contrastive estimation, written out: one lookup of labels and candidates."""

    def loss(p: Parameters, feeds: Parameters) -> Any:
        embedded = tf.nn.embedding_lookup(p["embeddings"], feeds["inputs"])
        ids = tf.concat([feeds["labels"], feeds["candidates"]], 0)
        rows = tf.nn.embedding_lookup(p["weights"], ids)
        biases = tf.nn.embedding_lookup(p["biases"], ids)
        true = tf.reduce_sum(embedded * rows[:batch], 1) + biases[:batch]
        noise = tf.matmul(embedded, rows[batch:], transpose_b=True) + biases[batch:]
        true -= feeds["labels_expected"]
        noise -= feeds["candidates_expected"]
        cross = tf.nn.sigmoid_cross_entropy_with_logits
        total = tf.reduce_sum(cross(labels=tf.ones_like(true), logits=true))
        total += tf.reduce_sum(cross(labels=tf.zeros_like(noise), logits=noise))
        return total / float(batch)

    start = models.word2vec(words, width, batch, sampled)
    return _trained(tf, start, loss, tf.train.GradientDescentOptimizer(0.1))


@implements("graph", "training/transformer")
def transformer(
    tf: Any,
    subject: str,
    layers: int,
    width: int,
    heads: int,
    length: int,
    batch: int,
    words: int,
) -> Job:
    def dense(p: Parameters, name: str, x: Any) -> Any:
        return tf.matmul(x, p[name]) + p[f"{name}/b"]

    def split(x: Any) -> Any:
        return tf.transpose(tf.reshape(x, [batch, length, heads, width // heads]), [0, 2, 1, 3])

    def attention(p: Parameters, layer: int, x: Any) -> Any:
        q, k, v = (split(dense(p, f"{layer}/{name}", x)) for name in "qkv")
        scores = tf.matmul(q, k, transpose_b=True) * (width // heads) ** -0.5
        mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores), v), [0, 2, 1, 3])
        return dense(p, f"{layer}/p", tf.reshape(mixed, [batch * length, width]))

    def norm(p: Parameters, name: str, x: Any) -> Any:
        return layer_normalised(tf, x, p[f"{name}/s"], p[f"{name}/o"])

    def loss(p: Parameters, feeds: Parameters) -> Any:
        x = tf.nn.embedding_lookup(p["words"], feeds["ids"]) + p["places"]
        x = tf.reshape(x, [batch * length, width])
        for layer in range(layers):
            x = norm(p, f"{layer}/n1", x + attention(p, layer, x))
            inner = tf.nn.relu(dense(p, f"{layer}/u", x))
            x = norm(p, f"{layer}/n2", x + dense(p, f"{layer}/d", inner))
        return _mean_loss(tf, feeds["labels"], tf.matmul(x, p["out"]))

    start = models.transformer(layers, width, heads, length, batch, words)
    return _trained(tf, start, loss, tf.train.AdamOptimizer(1e-3))
