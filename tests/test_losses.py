"""Losses against NumPy, their reductions, weights, collections and messages."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps

L = ps.losses
Array = np.ndarray[Any, Any]


def run(fetches: Any, feed: Any = None) -> Any:
    return ps.Session().run(fetches, feed)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    result: Array = e / e.sum(-1, keepdims=True)
    return result


def cross_entropy(y: Array, p: Array) -> Array:
    return -y * np.log(p) - (1 - y) * np.log(1 - p)


def huber(y: Array, p: Array) -> Array:
    size = np.abs(p - y)
    return np.where(size <= 0.5, size**2 / 2, 0.5 * size - 0.125)


def smoothed(y: Array, share: float) -> Array:
    return y * (1 - share) + share / y.shape[-1]


def rows(y: Array, x: Array) -> Array:
    result: Array = -(y * np.log(softmax(x))).sum(-1)
    return result


CASES: dict[str, tuple[Callable[..., Any], Callable[[Array, Array], Array]]] = {
    "absolute_difference": (L.absolute_difference, lambda y, p: np.abs(y - p)),
    "mean_squared_error": (L.mean_squared_error, lambda y, p: (y - p) ** 2),
    "log_loss": (L.log_loss, cross_entropy),
    "hinge_loss": (L.hinge_loss, lambda y, x: np.maximum(0, 1 - (2 * y - 1) * x)),
    "huber_loss": (lambda *a, **k: L.huber_loss(*a, delta=0.5, **k), huber),
    "cosine_distance": (
        lambda *a, **k: L.cosine_distance(*a, axis=1, **k),
        lambda y, p: 1 - (y * p).sum(1, keepdims=True),
    ),
    "sigmoid_cross_entropy": (
        L.sigmoid_cross_entropy,
        lambda y, x: cross_entropy(y, sigmoid(x)),
    ),
    "sigmoid_cross_entropy smoothed": (
        lambda *a, **k: L.sigmoid_cross_entropy(*a, label_smoothing=0.2, **k),
        lambda y, x: cross_entropy(y * 0.8 + 0.1, sigmoid(x)),
    ),
    "softmax_cross_entropy": (L.softmax_cross_entropy, rows),
    "softmax_cross_entropy smoothed": (
        lambda *a, **k: L.softmax_cross_entropy(*a, label_smoothing=0.2, **k),
        lambda y, x: rows(smoothed(y, 0.2), x),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values(name: str, rng: np.random.Generator) -> None:
    build, reference = CASES[name]
    y = np.eye(4)[rng.integers(0, 4, 6)].astype(np.float32)
    p = rng.uniform(0.1, 0.9, (6, 4)).astype(np.float32)
    expected = reference(y.astype(np.float64), p.astype(np.float64))
    got = run([build(y, p), build(y, p, reduction=L.Reduction.NONE)])
    np.testing.assert_allclose(got[0], expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(got[1], expected, rtol=2e-5, atol=1e-6)
    assert len(L.get_losses()) == 2


@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_sparse_labels_name_classes(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    labels, x = rng.integers(0, 3, 5), rng.normal(size=(5, 3))
    weights = rng.uniform(size=5)
    expected = rows(np.eye(3)[labels], x) * weights
    got = run(L.sparse_softmax_cross_entropy(labels.reshape(shape), x, weights.reshape(shape)))
    np.testing.assert_allclose(got, expected.mean(), rtol=1e-5)


@pytest.mark.parametrize("how", L.Reduction.all())
@pytest.mark.parametrize("weights", [2.0, [[1.0], [0.0]], [[1.0, 0.0, 2.0], [3.0, 0.0, 0.0]]])
def test_reductions(how: str, weights: Any) -> None:
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
    full = np.broadcast_to(np.asarray(weights, np.float32), values.shape)
    weighted = values * full
    expected = {
        "none": weighted,
        "weighted_sum": weighted.sum(),
        "weighted_mean": weighted.sum() / full.sum(),
        "weighted_sum_over_batch_size": weighted.mean(),
        "weighted_sum_by_nonzero_weights": weighted.sum() / (full != 0).sum(),
    }
    got = run(L.compute_weighted_loss(values, weights, reduction=how))
    np.testing.assert_allclose(got, expected[how], rtol=1e-6)


def test_no_weight_is_no_loss_and_no_nan() -> None:
    x = ps.constant([1.0, 2.0])
    loss = L.compute_weighted_loss(x, 0.0)
    assert run([loss, ps.gradients(loss, x)[0]])[0] == 0
    assert run(ps.gradients(loss, x)[0]).tolist() == [0, 0]


def test_integer_labels_and_other_floats() -> None:
    loss = L.mean_squared_error(ps.constant([1, 2]), ps.constant([1.0, 4.0], ps.float64))
    assert loss.dtype is ps.float64
    assert run(loss) == 2


def test_no_gradient_flows_into_labels() -> None:
    y, x = ps.constant([[0.0, 1.0]]), ps.constant([[1.0, 2.0]])
    loss = L.softmax_cross_entropy(y, x)
    assert ps.gradients(loss, [y]) == [None]
    assert ps.gradients(loss, [x])[0] is not None


def test_the_total_of_collections() -> None:
    with ps.name_scope("a"):
        L.compute_weighted_loss([1.0])
    L.compute_weighted_loss([10.0], loss_collection="mine")
    L.add_loss(ps.constant(2.0))
    L.add_loss(ps.constant(5.0), None)
    ps.add_to_collection(ps.GraphKeys.REGULARIZATION_LOSSES, ps.constant(4.0))
    totals = [
        L.get_total_loss(),
        L.get_total_loss(add_regularization_losses=False),
        L.get_total_loss(scope="a/"),
        L.get_regularization_loss(),
        L.get_regularization_loss("nothing"),
    ]
    assert run(totals) == [7, 3, 1, 4, 0]
    assert [len(L.get_losses()), len(L.get_losses("a/")), len(L.get_losses(None, "mine"))] == [
        2,
        1,
        1,
    ]


def test_a_regression_learns_from_losses() -> None:
    x = np.linspace(-1, 1, 20, dtype=np.float32).reshape(-1, 1)
    y = ps.layers.dense(x, 1, kernel_regularizer=lambda w: 1e-4 * ps.nn.l2_loss(w))
    L.mean_squared_error(3 * x + 1, y)
    total = L.get_total_loss()
    train_op = ps.train.GradientDescentOptimizer(0.5).minimize(total)
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        for _ in range(100):
            sess.run(train_op)
        kernel, bias = sess.run(ps.trainable_variables())
    np.testing.assert_allclose([kernel.item(), bias.item()], [3, 1], atol=1e-2)


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"labels have shape \[2\], predictions have \[3\]"):
        L.mean_squared_error([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="a loss needs labels, not None"):
        L.mean_squared_error(None, [1.0])
    with pytest.raises(ValueError, match=r"weights of shape \[3\] do not broadcast .* \[2\]"):
        L.compute_weighted_loss([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"reduction is one of none, .*, not 'mean'"):
        L.compute_weighted_loss([1.0], reduction="mean")
    with pytest.raises(ValueError, match="no losses to sum up"):
        L.get_total_loss()
    with pytest.raises(ValueError, match="needs an axis"):
        L.cosine_distance([1.0], [1.0])
