"""The demo: train a small convolutional network on handwritten digits and tell about it.

Prints progress, the test accuracy, what the plan's passes did, time per step and peak
memory, and writes the graph as a GraphDef.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

import penstock as ps
from penstock.demo import load_digits
from penstock.graph.tensor import Operation, Tensor

BATCH = 64
TEST_IMAGES = 360


class Network:
    """The graph: two convolutions, two dense layers, Adam."""

    def __init__(self, seed: int = 7) -> None:
        """Build it in the default graph."""
        ps.set_random_seed(seed)
        self.images: Tensor = ps.placeholder(ps.float32, [None, 8, 8, 1], name="images")
        self.labels: Tensor = ps.placeholder(ps.int32, [None], name="labels")
        hidden = _conv(self.images, 1, 32, "conv1")
        hidden = _conv(hidden, 32, 64, "conv2")
        hidden = ps.nn.max_pool(hidden, [1, 2, 2, 1], [1, 2, 2, 1], "SAME", name="pool")
        hidden = ps.reshape(hidden, [-1, 4 * 4 * 64], name="flat")
        hidden = ps.nn.relu(_dense(hidden, 4 * 4 * 64, 128, "dense1"), name="relu")
        self.logits: Tensor = _dense(hidden, 128, 10, "dense2")
        losses = ps.nn.sparse_softmax_cross_entropy_with_logits(
            labels=self.labels, logits=self.logits
        )
        self.loss: Tensor = ps.reduce_mean(losses, name="loss")
        self.train: Operation = ps.train.AdamOptimizer(1e-3).minimize(self.loss)
        hits = ps.equal(ps.argmax(self.logits, 1, output_type=ps.int32), self.labels)
        self.accuracy: Tensor = ps.reduce_mean(ps.cast(hits, ps.float32), name="accuracy")
        self.init: Operation = ps.global_variables_initializer()


def _conv(x: Tensor, channels: int, filters: int, name: str) -> Tensor:
    with ps.variable_scope(name):
        w = ps.get_variable("w", [3, 3, channels, filters])
        b = ps.get_variable("b", [filters], initializer=ps.zeros_initializer())
        y = ps.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME")
        result: Tensor = ps.nn.relu(ps.nn.bias_add(y, b))
    return result


def _dense(x: Tensor, inputs: int, outputs: int, name: str) -> Tensor:
    with ps.variable_scope(name):
        w = ps.get_variable("w", [inputs, outputs])
        b = ps.get_variable("b", [outputs], initializer=ps.zeros_initializer())
        result: Tensor = ps.nn.bias_add(ps.matmul(x, w), b)
    return result


def main(epochs: int = 12, graph_path: str = "digits.pb") -> float:
    """Train, report, write the graph; returns the test accuracy."""
    images, labels = load_digits()
    shuffled = np.random.default_rng(0).permutation(len(images))
    images, labels = images[shuffled], labels[shuffled]
    split = len(images) - TEST_IMAGES
    test = (images[split:], labels[split:])
    print(f"{split} images to train on, {TEST_IMAGES} to test with, 10 classes")
    with ps.Graph().as_default() as graph:
        network = Network()
        with ps.Session() as session:
            session.run(network.init)
            _, seconds = _train(session, network, images[:split], labels[:split], epochs)
            accuracy = float(
                session.run(network.accuracy, {network.images: test[0], network.labels: test[1]})
            )
            _report(session, network, accuracy, seconds)
        with open(graph_path, "wb") as file:
            file.write(graph.as_graph_def().SerializeToString())
        print(f"graph: {len(graph.get_operations())} operations, written to {graph_path}")
    return accuracy


def _train(
    session: Any, network: Network, images: Any, labels: Any, epochs: int
) -> tuple[int, float]:
    """Run `epochs` passes over the images; returns steps and the median seconds of one."""
    step = session.make_callable([network.train, network.loss], [network.images, network.labels])
    rng = np.random.default_rng(1)
    times = []
    for epoch in range(1, epochs + 1):
        order = rng.permutation(len(images))
        losses = []
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            began = time.perf_counter()
            losses.append(step(images[rows], labels[rows])[1])
            times.append(time.perf_counter() - began)
        _show_progress(epoch, epochs, float(np.mean(losses)))
    return len(times), float(np.median(times))


def _show_progress(epoch: int, epochs: int, loss: float) -> None:
    bar = "#" * round(24 * epoch / epochs)
    line = f"epoch {epoch:2}/{epochs} [{bar:24}] loss {loss:.4f}"
    if sys.stdout.isatty():
        print("\r" + line, end="\n" if epoch == epochs else "", flush=True)
    else:
        print(line)


def _report(session: Any, network: Network, accuracy: float, seconds: float) -> None:
    print(f"test accuracy: {accuracy:.2%}")
    print(f"time per step: {seconds * 1e3:.2f} ms (median, batch {BATCH})")
    print(f"peak memory: {session.memory_stats()['peak'] / 2**20:.1f} MiB")
    explanation = session.explain_plan(network.train, [network.images, network.labels])
    print("plan of a training step:")
    for line in explanation.summary().splitlines():
        print("  " + line)
