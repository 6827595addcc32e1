"""Each optimizer against an independent NumPy reference in float64, over several steps.

The references are written from the published rules; gradients are given, so that nothing but
the rule is compared. Sparse gradients must move variables as the rule says row by row.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps

Array = np.ndarray[Any, Any]
Rule = Callable[[Array, list[Array]], Array]
STEPS = 5


def gradient_descent(lr: float) -> Rule:
    def run(w: Array, grads: list[Array]) -> Array:
        for g in grads:
            w = w - lr * g
        return w

    return run


def momentum(lr: float, decay: float, nesterov: bool) -> Rule:
    def run(w: Array, grads: list[Array]) -> Array:
        speed = np.zeros_like(w)
        for g in grads:
            speed = decay * speed + g
            w = w - lr * (g + decay * speed if nesterov else speed)
        return w

    return run


def adagrad(lr: float, start: float) -> Rule:
    def run(w: Array, grads: list[Array]) -> Array:
        total = np.full_like(w, start)
        for g in grads:
            total = total + g**2
            w = w - lr * g / np.sqrt(total)
        return w

    return run


def rmsprop(lr: float, decay: float, drag: float, epsilon: float, centered: bool) -> Rule:
    def run(w: Array, grads: list[Array]) -> Array:
        square, mean, step = np.ones_like(w), np.zeros_like(w), np.zeros_like(w)
        for g in grads:
            square = decay * square + (1 - decay) * g**2
            mean = decay * mean + (1 - decay) * g
            spread = square - mean**2 if centered else square
            step = drag * step + lr * g / np.sqrt(spread + epsilon)
            w = w - step
        return w

    return run


def adam(lr: float, beta1: float, beta2: float, epsilon: float) -> Rule:
    def run(w: Array, grads: list[Array]) -> Array:
        m, v = np.zeros_like(w), np.zeros_like(w)
        for t, g in enumerate(grads, 1):
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g**2
            rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
            w = w - rate * m / (np.sqrt(v) + epsilon)
        return w

    return run


def adadelta(lr: float, rho: float, epsilon: float) -> Rule:
    def run(w: Array, grads: list[Array]) -> Array:
        seen, moved = np.zeros_like(w), np.zeros_like(w)
        for g in grads:
            seen = rho * seen + (1 - rho) * g**2
            step = np.sqrt(moved + epsilon) / np.sqrt(seen + epsilon) * g
            moved = rho * moved + (1 - rho) * step**2
            w = w - lr * step
        return w

    return run


def ftrl(lr: float, power: float, start: float, l1: float, l2: float) -> Rule:
    def run(w: Array, grads: list[Array]) -> Array:
        total, linear = np.full_like(w, start), np.zeros_like(w)
        for g in grads:
            new = total + g**2
            linear = linear + g - (new**-power - total**-power) / lr * w
            total = new
            quadratic = total**-power / lr + 2 * l2
            shrunk = (np.sign(linear) * l1 - linear) / quadratic
            w = np.where(np.abs(linear) > l1, shrunk, 0.0)
        return w

    return run


def shrunk(x: Array, amount: Any) -> Array:
    return np.sign(x) * np.maximum(np.abs(x) - amount, 0)


def proximal(lr: float, l1: float, l2: float, start: float | None) -> Rule:
    """Return the rule at a fixed rate, or at Adagrad's when its accumulator starts somewhere."""

    def run(w: Array, grads: list[Array]) -> Array:
        total = np.full_like(w, start or 0.0)
        for g in grads:
            total = total + g**2
            rate = lr if start is None else lr / np.sqrt(total)
            w = shrunk(w - rate * g, rate * l1) / (1 + rate * l2)
        return w

    return run


T = ps.train
RULES: dict[str, tuple[Callable[[], Any], Rule]] = {
    "gradient_descent": (lambda: T.GradientDescentOptimizer(0.1), gradient_descent(0.1)),
    "momentum": (lambda: T.MomentumOptimizer(0.1, 0.9), momentum(0.1, 0.9, False)),
    "nesterov": (
        lambda: T.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
        momentum(0.1, 0.9, True),
    ),
    "adagrad": (lambda: T.AdagradOptimizer(0.1, 0.2), adagrad(0.1, 0.2)),
    "rmsprop": (
        lambda: T.RMSPropOptimizer(0.1, 0.8, 0.5, 1e-3),
        rmsprop(0.1, 0.8, 0.5, 1e-3, False),
    ),
    "rmsprop_centered": (
        lambda: T.RMSPropOptimizer(0.1, 0.8, 0.5, 1e-3, centered=True),
        rmsprop(0.1, 0.8, 0.5, 1e-3, True),
    ),
    "adam": (lambda: T.AdamOptimizer(0.1, 0.8, 0.95, 1e-4), adam(0.1, 0.8, 0.95, 1e-4)),
    "adadelta": (lambda: T.AdadeltaOptimizer(0.5, 0.9, 1e-3), adadelta(0.5, 0.9, 1e-3)),
    "ftrl": (
        lambda: T.FtrlOptimizer(
            0.1, -0.5, 0.2, l1_regularization_strength=0.05, l2_regularization_strength=0.1
        ),
        ftrl(0.1, -0.5, 0.2, 0.05, 0.1),
    ),
}
PENALTIES = {"l1_regularization_strength": 0.05, "l2_regularization_strength": 0.1}
RULES["proximal_gradient_descent"] = (
    lambda: T.ProximalGradientDescentOptimizer(0.1, **PENALTIES),
    proximal(0.1, 0.05, 0.1, None),
)
RULES["proximal_adagrad"] = (
    lambda: T.ProximalAdagradOptimizer(0.1, 0.2, **PENALTIES),
    proximal(0.1, 0.05, 0.1, 0.2),
)
RULES_OF_ROWS = {k: v for k, v in RULES.items() if k != "adam"}


def train(optimizer: Any, start: Array, make_grad: Any, feeds: list[dict[Any, Any]]) -> Array:
    w = ps.Variable(start, name="w")
    step = optimizer.apply_gradients([(make_grad(), w)])
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        for feed in feeds:
            sess.run(step, feed)
        result: Array = sess.run(w)
    return result


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", RULES)
def test_dense_steps_follow_the_rule(name: str, dtype: str) -> None:
    make, rule = RULES[name]
    rng = np.random.default_rng(3)
    start = rng.normal(size=(3, 5))
    grads = [rng.normal(size=(3, 5)) for _ in range(STEPS)]
    g = ps.placeholder(dtype, [3, 5])
    got = train(make(), start.astype(dtype), lambda: g, [{g: x} for x in grads])
    assert got.dtype == dtype
    # Hyperparameters are float32 tensors, also for float64 variables.
    np.testing.assert_allclose(got, rule(start, grads), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", RULES_OF_ROWS)
def test_sparse_steps_move_only_their_rows(name: str) -> None:
    """A repeated row counts once, with the sum; untouched rows keep value and slots."""
    make, rule = RULES_OF_ROWS[name]
    rng = np.random.default_rng(4)
    start = rng.normal(size=(4, 3))
    values = [rng.normal(size=(3, 3)) for _ in range(STEPS)]
    g = ps.placeholder(ps.float32, [None, 3])
    indices = [2, 0, 2]
    got = train(
        make(),
        start.astype(np.float32),
        lambda: ps.IndexedSlices(g, ps.constant(indices)),
        [{g: v} for v in values],
    )
    expected = start.copy()
    expected[0] = rule(start[0], [v[1] for v in values])
    expected[2] = rule(start[2], [v[0] + v[2] for v in values])
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


def test_sparse_adam_is_dense_adam_with_zeros() -> None:
    make, rule = RULES["adam"]
    rng = np.random.default_rng(5)
    start = rng.normal(size=(4, 3))
    values = [rng.normal(size=(2, 3)) for _ in range(STEPS)]
    g = ps.placeholder(ps.float32, [None, 3])
    got = train(
        make(),
        start.astype(np.float32),
        lambda: ps.IndexedSlices(g, ps.constant([1, 1], ps.int64)),
        [{g: v} for v in values],
    )
    dense = [np.zeros((4, 3)) for _ in values]
    for d, v in zip(dense, values, strict=True):
        d[1] = v.sum(0)
    np.testing.assert_allclose(got, rule(start, dense), rtol=2e-5, atol=2e-6)


def test_ftrl_with_shrinkage_penalises_the_weight() -> None:
    shrinkage, l2 = 0.3, 0.1
    rng = np.random.default_rng(6)
    start, grads = rng.normal(size=4), [rng.normal(size=4) for _ in range(STEPS)]
    optimizer = T.FtrlOptimizer(
        0.1, l2_regularization_strength=l2, l2_shrinkage_regularization_strength=shrinkage
    )
    g = ps.placeholder(ps.float32, [4])
    got = train(optimizer, start.astype(np.float32), lambda: g, [{g: x} for x in grads])
    w, total, linear = start, np.full(4, 0.1), np.zeros(4)
    for x in grads:
        new = total + x**2
        linear = linear + x + 2 * shrinkage * w - (np.sqrt(new) - np.sqrt(total)) / 0.1 * w
        total = new
        w = -linear / (np.sqrt(total) / 0.1 + 2 * l2)
    np.testing.assert_allclose(got, w, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_adagrad_da_counts_the_steps(sparse: bool) -> None:
    """The values are TensorFlow's, of three steps on the squares' sum."""
    w = ps.Variable([1.0, -2.0, 0.01])
    count = ps.train.get_or_create_global_step()
    optimizer = T.AdagradDAOptimizer(0.1, count, l1_regularization_strength=0.01)
    values = ps.gather(w, [0, 1, 2]) if sparse else w
    step = optimizer.minimize(ps.reduce_sum(values * values), global_step=count)
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        for _ in range(3):
            sess.run(step)
        np.testing.assert_allclose(sess.run(w), [-0.07826564, 0.08908626, 0.0], rtol=1e-5)
    assert optimizer.get_slot_names() == ["gradient_accumulator", "gradient_squared_accumulator"]
    with pytest.raises(ValueError, match="positive"):
        T.AdagradDAOptimizer(0.1, count, 0.0)


def test_slots_have_the_names_of_checkpoints() -> None:
    with ps.variable_scope("layer"):
        w = ps.get_variable("w", [2])
    adam_optimizer = T.AdamOptimizer()
    adam_optimizer.minimize(ps.reduce_sum(w))
    centered = T.RMSPropOptimizer(0.1, centered=True)
    centered.minimize(ps.reduce_sum(w))
    assert [v.op.name for v in adam_optimizer.variables()] == [
        "beta1_power",
        "beta2_power",
        "layer/w/Adam",
        "layer/w/Adam_1",
    ]
    assert adam_optimizer.get_slot_names() == ["m", "v"]
    assert adam_optimizer.get_slot(w, "m").op.name == "layer/w/Adam"
    assert adam_optimizer.get_slot(w, "no such slot") is None
    assert centered.get_slot(w, "rms").op.name == "layer/w/RMSProp"
    assert centered.get_slot(w, "mg").op.name == "layer/w/RMSProp_1"
    assert centered.get_slot(w, "momentum").op.name == "layer/w/RMSProp_2"
    assert ps.trainable_variables() == [w]


@pytest.mark.parametrize("make", [v[0] for v in RULES.values()], ids=RULES)
def test_minimize_finds_the_minimum(make: Callable[[], Any]) -> None:
    w = ps.Variable([2.0, -3.0])
    target = ps.constant([0.5, 0.25])
    loss = ps.reduce_sum(ps.square(w - target))
    step = make().minimize(loss)
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        first = sess.run(loss)
        for _ in range(200):
            sess.run(step)
        assert sess.run(loss) < 0.25 * first
