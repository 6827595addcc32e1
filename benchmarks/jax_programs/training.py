"""Training steps: the networks of graph_programs/training.py as functions of their parameters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import models
from benchmarks.jax_programs import updates
from benchmarks.jax_programs.compiled import advanced, trained
from benchmarks.jax_programs.convolutions import convolve, max_pool
from benchmarks.jax_programs.kernels import batch_normalised, layer_normalised
from benchmarks.programs import Job, implements

Arrays = dict[str, Any]


def _mean_loss(labels: Any, logits: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1))


@implements("jax", "training/mlp")
def mlp(module: Any, subject: str, batch: int, widths: tuple[int, ...]) -> Job:
    def loss(p: Arrays, feeds: Arrays) -> Any:
        hidden = feeds["images"]
        for i in range(len(widths) - 1):
            hidden = hidden @ p[f"w{i}"] + p[f"b{i}"]
            if i < len(widths) - 2:
                hidden = jax.nn.relu(hidden)
        return _mean_loss(feeds["labels"], hidden)

    return trained(models.mlp(batch, widths), loss, updates.adam(1e-3))


@implements("jax", "training/convnet")
def convnet(
    module: Any, subject: str, batch: int, side: int, filters: tuple[int, int], units: int
) -> Job:
    def loss(p: Arrays, feeds: Arrays) -> Any:
        hidden = feeds["images"]
        for i in range(2):
            hidden = max_pool(jax.nn.relu(convolve(hidden, p[f"k{i}"]) + p[f"c{i}"]))
        hidden = jax.nn.relu(hidden.reshape(batch, -1) @ p["w0"] + p["b0"])
        return _mean_loss(feeds["labels"], hidden @ p["w1"] + p["b1"])

    return trained(models.convnet(batch, side, filters, units), loss, updates.adam(1e-3))


@implements("jax", "training/resnet20")
def resnet20(module: Any, subject: str, batch: int, side: int, width: int, blocks: int) -> Job:
    def normalised(p: Arrays, name: str, x: Any, stride: int = 1) -> Any:
        y = convolve(x, p[f"{name}/k"], stride)
        return batch_normalised(y, p[f"{name}/s"], p[f"{name}/o"])

    def loss(p: Arrays, feeds: Arrays) -> Any:
        hidden = jax.nn.relu(normalised(p, "stem", feeds["images"]))
        for stage in range(3):
            for block in range(blocks):
                name = f"{stage}/{block}"
                stride = 2 if stage and not block else 1
                inner = jax.nn.relu(normalised(p, f"{name}/a", hidden, stride))
                inner = normalised(p, f"{name}/b", inner)
                if f"{name}/short/k" in p:
                    hidden = normalised(p, f"{name}/short", hidden, stride)
                hidden = jax.nn.relu(inner + hidden)
        return _mean_loss(feeds["labels"], jnp.mean(hidden, (1, 2)) @ p["w"] + p["b"])

    return trained(models.resnet(batch, side, width, blocks), loss, updates.momentum(0.01, 0.9))


@implements("jax", "training/word2vec")
def word2vec(module: Any, subject: str, words: int, width: int, batch: int, sampled: int) -> Job:
    """Differentiates by the gathered rows, so that only these are updated."""

    def loss(embedded: Any, rows: Any, biases: Any, feeds: Arrays) -> Any:
        true = jnp.sum(embedded * rows[:batch], 1) + biases[:batch]
        noise = embedded @ rows[batch:].T + biases[batch:]
        true -= feeds["labels_expected"]
        noise -= feeds["candidates_expected"]
        return (jnp.sum(jax.nn.softplus(-true)) + jnp.sum(jax.nn.softplus(noise))) / batch

    def advance(p: Arrays, slots: Any, feeds: Arrays) -> Any:
        ids = jnp.concatenate([feeds["labels"], feeds["candidates"]])
        used = {"embeddings": feeds["inputs"], "weights": ids, "biases": ids}
        rows = [p[name][at] for name, at in used.items()]
        value, gradients = jax.value_and_grad(loss, argnums=(0, 1, 2))(*rows, feeds)
        pairs = zip(used.items(), gradients, strict=True)
        return {name: p[name].at[at].add(-0.1 * g) for (name, at), g in pairs}, slots, value

    return advanced(models.word2vec(words, width, batch, sampled), advance, lambda p: ())


@implements("jax", "training/transformer")
def transformer(
    module: Any,
    subject: str,
    layers: int,
    width: int,
    heads: int,
    length: int,
    batch: int,
    words: int,
) -> Job:
    def dense(p: Arrays, name: str, x: Any) -> Any:
        return x @ p[name] + p[f"{name}/b"]

    def split(x: Any) -> Any:
        return x.reshape(batch, length, heads, width // heads).transpose(0, 2, 1, 3)

    def attention(p: Arrays, layer: int, x: Any) -> Any:
        q, k, v = (split(dense(p, f"{layer}/{name}", x)) for name in "qkv")
        scores = q @ k.swapaxes(2, 3) * (width // heads) ** -0.5
        mixed = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3)
        return dense(p, f"{layer}/p", mixed.reshape(batch * length, width))

    def norm(p: Arrays, name: str, x: Any) -> Any:
        return layer_normalised(x, p[f"{name}/s"], p[f"{name}/o"])

    def loss(p: Arrays, feeds: Arrays) -> Any:
        x = (p["words"][feeds["ids"]] + p["places"]).reshape(batch * length, width)
        for layer in range(layers):
            x = norm(p, f"{layer}/n1", x + attention(p, layer, x))
            inner = jax.nn.relu(dense(p, f"{layer}/u", x))
            x = norm(p, f"{layer}/n2", x + dense(p, f"{layer}/d", inner))
        return _mean_loss(feeds["labels"], x @ p["out"])

    start = models.transformer(layers, width, heads, length, batch, words)
    return trained(start, loss, updates.adam(1e-3))
