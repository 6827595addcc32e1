"""Training steps: the networks of graph_programs/training.py, with fused optimizers."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from benchmarks import models
from benchmarks.programs import Job, implements
from benchmarks.torch_programs.convolutions import convolve
from benchmarks.torch_programs.eager import channels_last, channels_second, trained

Tensors = dict[str, Any]


def _adam(parameters: list[Any]) -> Any:
    return torch.optim.Adam(parameters, 1e-3, fused=True)


def _mean_loss(labels: Any, logits: Any) -> Any:
    return functional.cross_entropy(logits, labels.long())


@implements("torch", "training/mlp")
def mlp(module: Any, subject: str, batch: int, widths: tuple[int, ...]) -> Job:
    def loss(p: Tensors, feeds: Tensors) -> Any:
        hidden = feeds["images"]
        for i in range(len(widths) - 1):
            hidden = torch.addmm(p[f"b{i}"], hidden, p[f"w{i}"])
            if i < len(widths) - 2:
                hidden = torch.relu(hidden)
        return _mean_loss(feeds["labels"], hidden)

    return trained(models.mlp(batch, widths), loss, _adam)


@implements("torch", "training/convnet")
def convnet(
    module: Any, subject: str, batch: int, side: int, filters: tuple[int, int], units: int
) -> Job:
    def loss(p: Tensors, feeds: Tensors) -> Any:
        hidden = channels_second(feeds["images"])
        for i in range(2):
            hidden = functional.conv2d(hidden, p[f"k{i}"], p[f"c{i}"], padding=2)
            hidden = functional.max_pool2d(torch.relu(hidden), 2)
        hidden = channels_last(hidden).reshape(batch, -1)
        hidden = torch.relu(torch.addmm(p["b0"], hidden, p["w0"]))
        return _mean_loss(feeds["labels"], torch.addmm(p["b1"], hidden, p["w1"]))

    return trained(models.convnet(batch, side, filters, units), loss, _adam)


@implements("torch", "training/resnet20")
def resnet20(module: Any, subject: str, batch: int, side: int, width: int, blocks: int) -> Job:
    def normalised(p: Tensors, name: str, x: Any, stride: int = 1) -> Any:
        y = convolve(x, p[f"{name}/k"], stride)
        scale, offset = p[f"{name}/s"], p[f"{name}/o"]
        return functional.batch_norm(y, None, None, scale, offset, training=True, eps=1e-3)

    def loss(p: Tensors, feeds: Tensors) -> Any:
        hidden = torch.relu(normalised(p, "stem", channels_second(feeds["images"])))
        for stage in range(3):
            for block in range(blocks):
                name = f"{stage}/{block}"
                stride = 2 if stage and not block else 1
                inner = torch.relu(normalised(p, f"{name}/a", hidden, stride))
                inner = normalised(p, f"{name}/b", inner)
                if f"{name}/short/k" in p:
                    hidden = normalised(p, f"{name}/short", hidden, stride)
                hidden = torch.relu(inner + hidden)
        return _mean_loss(feeds["labels"], torch.addmm(p["b"], hidden.mean((2, 3)), p["w"]))

    def momentum(parameters: list[Any]) -> Any:
        return torch.optim.SGD(parameters, 0.01, 0.9, fused=True)

    return trained(models.resnet(batch, side, width, blocks), loss, momentum)


@implements("torch", "training/word2vec")
def word2vec(module: Any, subject: str, words: int, width: int, batch: int, sampled: int) -> Job:
    """Its tables get sparse gradients, as `nn.Embedding(sparse=True)` gives them."""

    def loss(p: Tensors, feeds: Tensors) -> Any:
        embedded = functional.embedding(feeds["inputs"], p["embeddings"], sparse=True)
        ids = torch.cat([feeds["labels"], feeds["candidates"]])
        rows = functional.embedding(ids, p["weights"], sparse=True)
        biases = p["biases"][ids]
        true = (embedded * rows[:batch]).sum(1) + biases[:batch]
        noise = embedded @ rows[batch:].T + biases[batch:]
        true = true - feeds["labels_expected"]
        noise = noise - feeds["candidates_expected"]
        return (functional.softplus(-true).sum() + functional.softplus(noise).sum()) / batch

    def descent(parameters: list[Any]) -> Any:
        return torch.optim.SGD(parameters, 0.1)

    return trained(models.word2vec(words, width, batch, sampled), loss, descent)


@implements("torch", "training/transformer")
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
    def dense(p: Tensors, name: str, x: Any) -> Any:
        return torch.addmm(p[f"{name}/b"], x, p[name])

    def split(x: Any) -> Any:
        return x.view(batch, length, heads, width // heads).transpose(1, 2)

    def attention(p: Tensors, layer: int, x: Any) -> Any:
        q, k, v = (split(dense(p, f"{layer}/{name}", x)) for name in "qkv")
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return dense(p, f"{layer}/p", mixed.reshape(batch * length, width))

    def norm(p: Tensors, name: str, x: Any) -> Any:
        return functional.layer_norm(x, (width,), p[f"{name}/s"], p[f"{name}/o"], 1e-5)

    def loss(p: Tensors, feeds: Tensors) -> Any:
        x = functional.embedding(feeds["ids"], p["words"]) + p["places"]
        x = x.view(batch * length, width)
        for layer in range(layers):
            x = norm(p, f"{layer}/n1", x + attention(p, layer, x))
            inner = torch.relu(dense(p, f"{layer}/u", x))
            x = norm(p, f"{layer}/n2", x + dense(p, f"{layer}/d", inner))
        return _mean_loss(feeds["labels"], x @ p["out"])

    start = models.transformer(layers, width, heads, length, batch, words)
    return trained(start, loss, _adam)
