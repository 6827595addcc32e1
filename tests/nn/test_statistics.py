"""Sums before moments, weighted moments, the Poisson loss: against NumPy."""

import numpy as np
import pytest

import penstock as ps


@pytest.mark.parametrize("shift", [None, 0.5])
@pytest.mark.parametrize("known", [True, False])
def test_moments_from_sums(shift: float | None, known: bool, rng: np.random.Generator) -> None:
    data = rng.normal(size=(4, 5, 3))
    x = ps.placeholder(ps.float64, data.shape if known else None)
    count, total, squares, moved = ps.nn.sufficient_statistics(x, [0, 1], shift, keepdims=True)
    mean, variance = ps.nn.normalize_moments(count, total, squares, moved)
    with ps.Session() as session:
        values = session.run([count, mean, variance], {x: data})
    assert values[0] == 20
    np.testing.assert_allclose(values[1], data.mean((0, 1), keepdims=True))
    np.testing.assert_allclose(values[2], data.var((0, 1), keepdims=True))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_weighted_moments(keep: bool, dtype: str, rng: np.random.Generator) -> None:
    data = rng.normal(size=(6, 3)).astype(dtype)
    weights = rng.integers(0, 4, (6, 1))
    mean, variance = ps.nn.weighted_moments(ps.constant(data), [0], weights, keepdims=keep)
    repeated = np.repeat(data.astype(np.float64), weights[:, 0], axis=0)
    with ps.Session() as session:
        values = session.run([mean, variance])
    tolerance = 1e-9 if dtype == "float64" else 2e-2
    np.testing.assert_allclose(values[0], repeated.mean(0, keepdims=keep), tolerance, tolerance)
    np.testing.assert_allclose(values[1], repeated.var(0, keepdims=keep), tolerance, tolerance)


def test_global_normalization(rng: np.random.Generator) -> None:
    t = rng.normal(size=(2, 3))
    m, v, beta, gamma = rng.uniform(0.5, 1, (4, 3))
    old = ps.nn.batch_norm_with_global_normalization(t, m, v, beta, gamma, 1e-3, True)
    plain = ps.nn.batch_norm_with_global_normalization(
        beta=beta, gamma=gamma, variance_epsilon=1e-3, input=t, mean=m, variance=v
    )
    with ps.Session() as session:
        normal = (t - m) / np.sqrt(v + 1e-3)
        np.testing.assert_allclose(session.run(old), normal * gamma + beta)
        np.testing.assert_allclose(session.run(plain), normal + beta)


def test_log_poisson_loss() -> None:
    targets, rates = np.array([0.0, 1.0, 2.0, 5.0]), np.array([0.1, -0.2, 0.3, 1.0])
    short = ps.nn.log_poisson_loss(targets, rates)
    full = ps.nn.log_poisson_loss(targets, rates, compute_full_loss=True)
    plain = np.exp(rates) - rates * targets
    t = targets[2:]
    stirling = np.concatenate([[0, 0], t * np.log(t) - t + 0.5 * np.log(2 * np.pi * t)])
    with ps.Session() as session:
        np.testing.assert_allclose(session.run(short), plain)
        np.testing.assert_allclose(session.run(full), plain + stirling)


def test_mean_pairwise_squared_error() -> None:
    """A mean over all pairs of different elements, added over the rows."""
    labels = np.array([[1.0, 9.0, 2.0], [-5.0, -2.0, 6.0]])
    predictions = np.array([[4.0, 8.0, 12.0], [8.0, 1.0, 3.0]])
    weights = np.array([[1.2], [3.4]])
    losses = [
        ps.losses.mean_pairwise_squared_error(labels, predictions),
        ps.losses.mean_pairwise_squared_error(labels, predictions, weights),
        ps.losses.mean_pairwise_squared_error(labels, predictions, 0.0),
    ]
    gaps = predictions - labels
    pairs = [[(a - b) ** 2 for a in row for b in row] for row in gaps]
    means = np.sum(pairs, 1) / 6
    with ps.Session() as session:
        values = session.run(losses)
    np.testing.assert_allclose(values, [means.sum(), means @ weights[:, 0], 0], rtol=1e-6)
    assert ps.losses.get_losses() == losses
