"""The same graphs in TensorFlow: ours load there, theirs load here, and the values agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import penstock as ps
from penstock.demo import load_digits
from penstock.demo.train import Network
from tests.random_graphs import Grown, grown

tf = pytest.importorskip("tensorflow").compat.v1


@pytest.fixture(autouse=True, scope="module")
def graph_mode() -> Iterator[None]:
    tf.disable_eager_execution()
    yield


def in_tensorflow(graph: ps.Graph, fetches: list[str], feeds: dict[str, Any]) -> list[Any]:
    """Run one of our graphs there."""
    message = tf.GraphDef.FromString(graph.as_graph_def().SerializeToString())
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(message, name="")
        return list(session.run(fetches, feeds))


def in_penstock(graph: Any, fetches: list[str], feeds: dict[str, Any]) -> list[Any]:
    """Run one of their graphs here."""
    with ps.Graph().as_default(), ps.Session() as session:
        ps.import_graph_def(graph.as_graph_def().SerializeToString(), name="")
        return list(session.run(fetches, feeds))


def assert_same(ours: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    if ours.dtype.kind in "fc":
        np.testing.assert_allclose(ours, theirs, tolerance, tolerance)
    else:
        np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=15)
@given(grown())
def test_random_graphs_have_the_same_values_there(program: Grown) -> None:
    fetches = [v.tensor.name for v in program.fetches]
    feeds = {t.name: a for t, a in program.feeds.items()}
    with ps.Session(graph=program.graph) as session:
        ours = session.run(fetches, feeds)
    for mine, theirs in zip(ours, in_tensorflow(program.graph, fetches, feeds), strict=True):
        assert_same(mine, theirs, 1e-3)


def test_gradients_load_there() -> None:
    x = ps.placeholder(ps.float32, [None, 3], name="x")
    w = ps.constant(np.arange(12, dtype=np.float32).reshape(3, 4) / 10, name="w")
    y = ps.reduce_mean(ps.nn.softmax(ps.tanh(ps.matmul(x, w))) ** 2.0, axis=0)
    (dx,) = ps.gradients(y, x)
    (dw,) = ps.gradients(ps.reduce_sum(dx), w)
    feed = {"x:0": np.linspace(-1, 1, 6).reshape(2, 3).astype(np.float32)}
    names = [dx.name, dw.name]
    with ps.Session() as session:
        ours = session.run(names, feed)
    theirs = in_tensorflow(x.graph, names, feed)
    for mine, other in zip(ours, theirs, strict=True):
        assert_same(mine, other)


def train(module: Any, optimizer: str, steps: int = 5) -> tuple[Any, Any, list[Any]]:
    """Build and run a small training program written once for both modules."""
    with module.Graph().as_default() as graph:
        module.set_random_seed(7)
        x = module.placeholder(module.float32, [None, 4], name="x")
        labels = module.placeholder(module.int32, [None], name="labels")
        w1 = module.Variable(module.random_normal([4, 8], seed=1), name="w1", use_resource=True)
        b1 = module.Variable(module.zeros([8]), name="b1", use_resource=True)
        w2 = module.Variable(module.random_uniform([8, 3], seed=2), name="w2", use_resource=True)
        hidden = module.nn.relu(module.matmul(x, w1) + b1)
        loss = module.reduce_mean(
            module.nn.sparse_softmax_cross_entropy_with_logits(
                labels=labels, logits=module.matmul(hidden, w2)
            ),
            name="loss",
        )
        step = getattr(module.train, optimizer)(0.1).minimize(loss, name="step")
        init = module.global_variables_initializer()
        rng = np.random.default_rng(0)
        feed = {x: rng.normal(size=(16, 4)).astype(np.float32), labels: rng.integers(0, 3, 16)}
        with module.Session() as session:
            session.run(init)
            losses = [session.run([loss, step], feed)[0] for _ in range(steps)]
            return graph, {t.name: v for t, v in feed.items()}, [*losses, session.run(w1)]


@pytest.mark.parametrize("optimizer", ["GradientDescentOptimizer", "AdamOptimizer"])
def test_training_gives_the_same_losses(optimizer: str) -> None:
    _, _, ours = train(ps, optimizer)
    _, _, theirs = train(tf, optimizer)
    for mine, other in zip(ours, theirs, strict=True):
        assert_same(mine, other, 1e-4)


def test_their_training_program_runs_here() -> None:
    graph, feed, recorded = train(tf, "AdamOptimizer")
    with ps.Graph().as_default(), ps.Session() as session:
        ps.import_graph_def(graph.as_graph_def().SerializeToString(), name="")
        session.run("init")
        losses = [session.run(["loss:0", "step"], feed)[0] for _ in range(5)]
    for mine, other in zip(losses, recorded[:-1], strict=True):
        assert_same(mine, other, 1e-4)


def test_our_training_program_runs_there() -> None:
    graph, feed, recorded = train(ps, "AdamOptimizer")
    message = tf.GraphDef.FromString(graph.as_graph_def().SerializeToString())
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(message, name="")
        session.run("init")
        losses = [session.run(["loss:0", "step"], feed)[0] for _ in range(5)]
    for mine, other in zip(recorded[:-1], losses, strict=True):
        assert_same(mine, other, 1e-4)


def test_reference_variables_of_theirs_run_here() -> None:
    with tf.Graph().as_default() as graph:
        v = tf.Variable([1.0, 2.0], use_resource=False, name="v")
        tf.assign_add(v, [10.0, 10.0], name="more")
        tf.global_variables_initializer()
    with ps.Graph().as_default(), ps.Session() as session:
        ps.import_graph_def(graph.as_graph_def().SerializeToString(), name="")
        session.run("init")
        session.run("more")
        assert session.run("v/read:0").tolist() == [11.0, 12.0]


def names_of(module: Any) -> list[tuple[str, str]]:
    with module.Graph().as_default() as graph:
        x = module.placeholder(module.float32, [2, 3], name="x")
        with module.name_scope("layer"):
            y = module.matmul(x, module.transpose(x)) + 1.0
            z = module.reduce_sum(y[0] * 2.0 - y[1], name="total")
        module.identity(-z / 3.0)
        return [(op.name, op.type) for op in graph.get_operations() if op.type != "Const"]


def test_nodes_have_the_names_they_have_there() -> None:
    assert names_of(ps) == names_of(tf)


def test_the_demo_computes_the_same_there() -> None:
    """Trained weights, read from our session, give the same logits in TensorFlow."""
    images, _ = load_digits()
    with ps.Graph().as_default() as graph:
        network = Network()
        with ps.Session() as session:
            session.run(network.init)
            for start in range(0, 640, 64):
                rows = slice(start, start + 64)
                labels = np.arange(64, dtype=np.int32) % 10
                session.run(network.train, {network.images: images[rows], network.labels: labels})
            ours = session.run(network.logits, {network.images: images[:100]})
            weights = session.run({v.name: v for v in ps.global_variables()})
        message = tf.GraphDef.FromString(graph.as_graph_def().SerializeToString())
    with tf.Graph().as_default() as copy, tf.Session() as session:
        tf.import_graph_def(message, name="")
        for name, value in weights.items():
            assign = copy.get_operation_by_name(name[:-2] + "/Assign")
            session.run(assign, {assign.inputs[1]: value})
        theirs = session.run(network.logits.name, {network.images.name: images[:100]})
    assert_same(ours, theirs, 1e-4)
