"""Metrics over several batches, weighted and not."""

import numpy as np

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
