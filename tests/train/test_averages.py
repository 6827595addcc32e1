"""Exponential moving averages against NumPy."""

from typing import Any

import numpy as np
import pytest

import penstock as ps

EMA = ps.train.ExponentialMovingAverage


def test_the_average_of_a_variable_starts_at_its_initial_value() -> None:
    v = ps.Variable([1.0, 2.0], name="v")
    ema = EMA(0.9)
    update = ema.apply([v])
    average = ema.average(v)
    assert average.op.name == ema.average_name(v) == "v/ExponentialMovingAverage"
    assert (average.trainable, ps.moving_average_variables()) == (False, [v])
    expected, value = np.array([1.0, 2.0]), np.array([1.0, 2.0])
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        for _ in range(4):
            value = value + 1
            sess.run(v.assign_add([1.0, 1.0]).op)
            sess.run(update)
            expected = 0.9 * expected + 0.1 * value
        np.testing.assert_allclose(sess.run(average), expected, rtol=1e-6)


def test_early_averages_follow_the_step_count() -> None:
    v, step = ps.Variable(1.0), ps.Variable(3)
    ema = EMA(0.99, num_updates=step)
    update = ema.apply([v])
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        sess.run(v.assign(14.0).op)
        sess.run(update)
        np.testing.assert_allclose(sess.run(ema.average(v)), 1 + 13 * (1 - 4 / 13), rtol=1e-6)


@pytest.mark.parametrize("debias", [False, True])
def test_the_average_of_a_tensor(debias: bool) -> None:
    x = ps.placeholder(ps.float32, [2])
    ema = EMA(0.8, zero_debias=debias)
    update = ema.apply([x])
    values = np.random.default_rng(1).normal(size=(5, 2))
    total = np.zeros(2)
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        for n, value in enumerate(values, 1):
            sess.run(update, {x: value})
            total = 0.8 * total + 0.2 * value
            expected = total / (1 - 0.8**n) if debias else total
            np.testing.assert_allclose(sess.run(ema.average(x)), expected, rtol=2e-5, atol=1e-6)


def test_all_trainable_variables_by_default() -> None:
    v = ps.Variable(1.0, name="v")
    ps.Variable(1.0, name="other", trainable=False)
    ema = EMA(0.5, name="mean")
    ema.apply()
    assert ema.average(v).op.name == "v/mean"
    names: dict[str, Any] = ema.variables_to_restore()
    assert names["v/mean"] is v
    assert "other" in names
    assert "v" not in names


def test_apply_again_keeps_the_average() -> None:
    v = ps.Variable(1.0)
    ema = EMA(0.5)
    ema.apply([v])
    first = ema.average(v)
    ema.apply([v])
    assert ema.average(v) is first


def test_messages() -> None:
    with pytest.raises(TypeError, match="moving averages are of floats; 'n:0' is int32"):
        EMA(0.5).apply([ps.Variable(1, name="n")])
    with pytest.raises(ValueError, match="needs a known shape"):
        EMA(0.5).apply([ps.placeholder(ps.float32)])
    assert EMA(0.5).average(ps.Variable(1.0)) is None
