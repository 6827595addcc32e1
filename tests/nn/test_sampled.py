"""Sampled losses: against all logits in NumPy, with accidental hits, and word2vec learns."""

from typing import Any

import numpy as np
import pytest

import penstock as ps

Array = np.ndarray[Any, Any]


def inputs(rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Return weights [7, 3], biases, labels [4, 2], rows [4, 3]."""
    weights, biases = rng.normal(size=(7, 3)), rng.normal(size=7)
    labels = rng.integers(0, 7, (4, 2))
    return weights, biases, labels, rng.normal(size=(4, 3))


def reference(
    data: tuple[Array, Array, Array, Array], drawn: Array, counts: tuple[Array, Array], hits: bool
) -> tuple[Array, Array]:
    """Return logits and labels as the paper has them."""
    weights, biases, labels, rows = data
    logits = rows @ weights.T + biases
    true = np.take_along_axis(logits, labels, 1) - np.log(counts[0])
    others = logits[:, drawn] - np.log(counts[1])
    if hits:
        others[(labels[:, :, None] == drawn).any(1)] = -np.inf
    truth = np.concatenate([np.full(true.shape, 1 / labels.shape[1]), np.zeros(others.shape)], 1)
    return np.concatenate([true, others], 1), truth


@pytest.mark.parametrize("hits", [False, True])
def test_losses_are_those_of_the_formula(hits: bool, rng: np.random.Generator) -> None:
    data = inputs(rng)
    drawn = np.array([1, 5, 3], np.int64)
    counts = rng.uniform(0.1, 1, (4, 2)), rng.uniform(0.1, 1, 3)
    given = [ps.constant(a) for a in (drawn, *counts)]
    weights, biases, labels, rows = (ps.constant(a) for a in data)
    sampled: Any = {"sampled_values": given, "remove_accidental_hits": hits, "num_true": 2}
    nce = ps.nn.nce_loss(weights, biases, labels, rows, 3, 7, **sampled)
    softmax = ps.nn.sampled_softmax_loss(weights, biases, labels, rows, 3, 7, **sampled)
    logits, truth = reference(data, drawn, counts, hits)
    finite = np.where(np.isinf(logits), -1e30, logits)
    wanted_nce = (np.logaddexp(0, finite) - finite * truth).sum(1)
    total = np.log(np.exp(finite).sum(1, keepdims=True))
    wanted_softmax = -(truth * (finite - total)).sum(1)
    with ps.Session() as session:
        np.testing.assert_allclose(session.run(nce), wanted_nce, rtol=1e-10)
        np.testing.assert_allclose(session.run(softmax), wanted_softmax, rtol=1e-10)
        for slope in ps.gradients([nce, softmax], [weights, rows]):
            assert np.isfinite(session.run(ps.convert_to_tensor(slope))).all()


def test_shards_are_looked_up(rng: np.random.Generator) -> None:
    weights, biases, labels, rows = inputs(rng)
    given = [ps.constant(v) for v in (np.array([1, 5]), np.full((4, 2), 0.5), np.full(2, 0.5))]
    whole = ps.nn.nce_loss(weights, biases, labels, rows, 2, 7, 2, given)
    shards = [weights[0::2], weights[1::2]], [biases[0::2], biases[1::2]]
    cut = ps.nn.nce_loss(*shards, labels, rows, 2, 7, 2, given)
    with ps.Session() as session:
        np.testing.assert_allclose(session.run(cut), session.run(whole), rtol=1e-12)


@pytest.mark.parametrize("loss_of", [ps.nn.nce_loss, ps.nn.sampled_softmax_loss])
def test_word2vec_learns(loss_of: Any) -> None:
    """Words come in pairs (0, 1), (2, 3), …: a skip-gram model learns who stands beside whom."""
    ps.set_random_seed(3)
    vocabulary, size = 40, 16
    centre = ps.placeholder(ps.int32, [None])
    context = ps.placeholder(ps.int64, [None, 1])
    embeddings = ps.Variable(ps.random_uniform([vocabulary, size], -1.0, 1.0, seed=1))
    weights = ps.Variable(ps.truncated_normal([vocabulary, size], stddev=0.2, seed=2))
    biases = ps.Variable(ps.zeros([vocabulary]))
    vectors = ps.nn.embedding_lookup(embeddings, centre)
    loss = ps.reduce_mean(loss_of(weights, biases, context, vectors, 8, vocabulary))
    step = ps.train.AdagradOptimizer(0.5).minimize(loss)
    words = np.arange(vocabulary)
    feeds = {centre: words, context: (words ^ 1)[:, None]}
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        losses = [session.run([loss, step], feeds)[0] for _ in range(60)]
        logits = session.run(ps.matmul(vectors, weights, transpose_b=True) + biases, feeds)
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert (logits.argmax(1) == words ^ 1).mean() > 0.8
