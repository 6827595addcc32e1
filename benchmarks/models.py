"""The starting parameters and the batch of each training program, the same for every peer.

A function gets the sizes of the catalogue and returns a `Start`; the dialects write the network
around it. Layouts are those of graph programs: images NHWC, filters HWIO, dense weights in x out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import data
from benchmarks.data import Array

CLASSES = 10


@dataclass(frozen=True)
class Start:
    """Parameters by name, in the order of their use, and the arrays of the one batch."""

    parameters: dict[str, Array]
    batch: dict[str, Array]


def _zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


def _ones(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def _labelled(batch: int, *shape: int) -> dict[str, Array]:
    return {
        "images": data.normal("images", batch, *shape),
        "labels": data.integers("labels", CLASSES, batch),
    }


def mlp(batch: int, widths: Sequence[int]) -> Start:
    """Dense layers `w0, b0, w1, …`, with rectifiers between."""
    parameters: dict[str, Array] = {}
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
        parameters[f"w{i}"] = data.weights(f"w{i}", fan_in, fan_out)
        parameters[f"b{i}"] = _zeros(fan_out)
    return Start(parameters, _labelled(batch, widths[0]))


def convnet(batch: int, side: int, filters: Sequence[int], units: int) -> Start:
    """Two 5x5 convolutions `k, c`, each halved by a pool, then two dense layers `w, b`."""
    first, second = filters
    flat = (side // 4) ** 2 * second
    parameters = {
        "k0": data.weights("k0", 5, 5, 3, first),
        "c0": _zeros(first),
        "k1": data.weights("k1", 5, 5, first, second),
        "c1": _zeros(second),
        "w0": data.weights("w0", flat, units),
        "b0": _zeros(units),
        "w1": data.weights("w1", units, CLASSES),
        "b1": _zeros(CLASSES),
    }
    return Start(parameters, _labelled(batch, side, side, 3))


def resnet(batch: int, side: int, width: int, blocks: int) -> Start:
    """A convolution, three stages of blocks of two, a dense layer; `s/o` belong to the norms."""
    parameters: dict[str, Array] = {}

    def convolution(name: str, window: int, channels: int, filters: int) -> None:
        parameters[f"{name}/k"] = data.weights(name, window, window, channels, filters)
        parameters[f"{name}/s"] = _ones(filters)
        parameters[f"{name}/o"] = _zeros(filters)

    convolution("stem", 3, 3, width)
    channels = width
    for stage in range(3):
        filters = width << stage
        for block in range(blocks):
            name = f"{stage}/{block}"
            convolution(f"{name}/a", 3, channels, filters)
            convolution(f"{name}/b", 3, filters, filters)
            if channels != filters:
                convolution(f"{name}/short", 1, channels, filters)
            channels = filters
    parameters["w"] = data.weights("w", channels, CLASSES)
    parameters["b"] = _zeros(CLASSES)
    return Start(parameters, _labelled(batch, side, side, 3))


def word2vec(words: int, width: int, batch: int, sampled: int) -> Start:
    """Embeddings, the NCE layer, and log-uniform candidates with their expected counts."""
    parameters = {
        "embeddings": data.normal("embeddings", words, width) * np.float32(0.1),
        "weights": data.normal("weights", words, width) * np.float32(width**-0.5),
        "biases": _zeros(words),
    }
    draws = np.random.default_rng(7).random(sampled)
    candidates = np.minimum(np.exp(draws * np.log(words + 1)) - 1, words - 1).astype(np.int32)
    labels = data.integers("labels", words, batch)

    def log_expected(ids: Array) -> Array:
        share = np.log((ids + 2.0) / (ids + 1.0)) / np.log(words + 1.0)
        logarithms: Array = np.log(share * sampled).astype(np.float32)
        return logarithms

    return Start(
        parameters,
        {
            "inputs": data.integers("inputs", words, batch),
            "labels": labels,
            "candidates": candidates,
            "labels_expected": log_expected(labels),
            "candidates_expected": log_expected(candidates),
        },
    )


def transformer(layers: int, width: int, heads: int, length: int, batch: int, words: int) -> Start:
    """Embeddings, then layers of attention and of a fourfold perceptron, norms behind each."""
    if width % heads:
        raise ValueError(f"width {width} is no multiple of {heads} heads")
    parameters = {
        "words": data.normal("words", words, width) * np.float32(0.1),
        "places": data.normal("places", length, width) * np.float32(0.1),
    }
    shapes = {
        "q": (width, width),
        "k": (width, width),
        "v": (width, width),
        "p": (width, width),
        "u": (width, 4 * width),
        "d": (4 * width, width),
    }
    for layer in range(layers):
        for name, shape in shapes.items():
            parameters[f"{layer}/{name}"] = data.weights(f"{layer}/{name}", *shape)
            parameters[f"{layer}/{name}/b"] = _zeros(shape[1])
        for name in ("n1", "n2"):
            parameters[f"{layer}/{name}/s"] = _ones(width)
            parameters[f"{layer}/{name}/o"] = _zeros(width)
    parameters["out"] = data.weights("out", width, words)
    batch_arrays = {
        "ids": data.integers("ids", words, batch, length),
        "labels": data.integers("labels", words, batch * length),
    }
    return Start(parameters, batch_arrays)
