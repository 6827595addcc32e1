"""Metrics over several batches, weighted and not."""

import numpy as np
import pytest

import penstock as ps


def test_mean_of_weighted_batches() -> None:
    x, w = ps.placeholder(ps.float32), ps.placeholder(ps.float32)
    value, update = ps.metrics.mean(x, w, metrics_collections=["m"], updates_collections=["u"])
    assert ps.get_collection("m") == [value]
    assert ps.get_collection("u") == [update]
    assert len(ps.get_collection(ps.GraphKeys.METRIC_VARIABLES)) == 2
    with ps.Session() as session:
        session.run(ps.local_variables_initializer())
        assert session.run(value) == 0
        session.run(update, {x: [[1.0, 2.0], [3.0, 4.0]], w: [[1.0], [0.0]]})
        last = session.run(update, {x: [10.0], w: 2.0})
        np.testing.assert_allclose([last, session.run(value)], (3 + 20) / 4)
        session.run(ps.local_variables_initializer())
        assert session.run(value) == 0


def test_accuracy_and_squared_error() -> None:
    labels = ps.placeholder(ps.int64, [None, 1])
    found = ps.placeholder(ps.int64, [None])
    share, update = ps.metrics.accuracy(labels, found)
    error, update_error = ps.metrics.mean_squared_error(ps.cast(labels, ps.float32), [[0.0]])
    with ps.Session() as session:
        session.run(ps.local_variables_initializer())
        session.run([update, update_error], {labels: [[1], [2]], found: [1, 3]})
        session.run([update, update_error], {labels: [[4]], found: [4]})
        np.testing.assert_allclose(session.run([share, error]), [2 / 3, (1 + 4 + 16) / 3])
    assert share.op.name == "accuracy/value"


LABELS = np.array([[1, 0, 1, 1], [0, 0, 1, 0]])
GUESSES = np.array([[1, 1, 0, 1], [0, 1, 1, 0]])


def run_twice(pair: tuple[ps.Tensor, ps.Tensor], feeds: list[dict[ps.Tensor, np.ndarray]]) -> float:
    """Return the value after both batches, which the last update has given too."""
    value, update = pair
    with ps.Session() as session:
        session.run(ps.local_variables_initializer())
        last = [session.run(update, feed) for feed in feeds][-1]
        result = session.run(value)
    np.testing.assert_array_equal(last, result)
    return float(result) if np.ndim(result) == 0 else result


@pytest.mark.parametrize(
    ("name", "plain", "weighted"),
    [
        ("true_positives", 3, 4),
        ("false_positives", 2, 3),
        ("true_negatives", 2, 4),
        ("false_negatives", 1, 1),
        ("precision", 3 / 5, 4 / 7),
        ("recall", 3 / 4, 4 / 5),
    ],
)
def test_counts(name: str, plain: float, weighted: float) -> None:
    y, p = ps.placeholder(ps.int32, [4]), ps.placeholder(ps.int32, [4])
    w = ps.placeholder(ps.float32, [])
    feeds = [{y: a, p: b, w: c} for a, b, c in zip(LABELS, GUESSES, (1.0, 2.0), strict=True)]
    metric = getattr(ps.metrics, name)
    np.testing.assert_allclose(run_twice(metric(y, p), feeds), plain, rtol=1e-6)
    np.testing.assert_allclose(run_twice(metric(y, p, w), feeds), weighted, rtol=1e-6)
    with ps.Session() as session:
        nothing = metric([0], [0])[0]
        session.run(ps.local_variables_initializer())
        assert session.run(nothing) == 0


def test_errors_and_shares() -> None:
    labels = np.array([[1.0, 2.0], [0.0, 4.0]], np.float32)
    guesses = np.array([[2.0, 2.0], [1.0, 1.0]], np.float32)
    y, p = ps.placeholder(ps.float32, [2]), ps.placeholder(ps.float32, [2])
    feeds = [{y: a, p: b} for a, b in zip(labels, guesses, strict=True)]
    gaps = np.abs(labels - guesses)
    wanted = {
        "mean_absolute_error": gaps.mean(),
        "root_mean_squared_error": np.sqrt((gaps**2).mean()),
        "mean_squared_error": (gaps**2).mean(),
    }
    for name, value in wanted.items():
        found = run_twice(getattr(ps.metrics, name)(y, p), feeds)
        np.testing.assert_allclose(found, value, rtol=1e-6)
    relative = run_twice(ps.metrics.mean_relative_error(y, p, y), feeds)
    np.testing.assert_allclose(relative, (1 + 0 + 0 + 0.75) / 4, rtol=1e-6)
    distance = run_twice(ps.metrics.mean_cosine_distance(y, p, 0), feeds)
    np.testing.assert_allclose(distance, 1 - (labels * guesses).sum(1).mean(), rtol=1e-6)
    assert run_twice(ps.metrics.percentage_below(y, 2.0), feeds) == 0.5
    mean = run_twice(ps.metrics.mean_tensor(y, [1.0, 3.0]), feeds)
    np.testing.assert_allclose(mean, labels.mean(0))
