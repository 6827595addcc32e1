"""What all optimizers share: gradients, skipping, the global step, constraints, messages."""

from typing import Any

import numpy as np
import pytest

import penstock as ps

T = ps.train


def descent(rate: Any = 0.5) -> Any:
    return T.GradientDescentOptimizer(rate)


def steps(train_op: Any, *fetches: Any, count: int = 1, feed: Any = None) -> Any:
    with ps.Session() as sess:
        sess.run([ps.global_variables_initializer(), ps.local_variables_initializer()])
        for _ in range(count):
            sess.run(train_op, feed)
        return sess.run(fetches[0] if len(fetches) == 1 else list(fetches))


def test_compute_gradients_pairs_them_with_variables() -> None:
    a, b, c = ps.Variable(2.0), ps.Variable(3.0), ps.Variable(1.0, trainable=False)
    pairs = descent().compute_gradients(a * a * c)
    assert [v for _, v in pairs] == [a, b]
    assert pairs[1][0] is None
    assert steps(ps.no_op(), pairs[0][0]) == 4


def test_var_list_may_nest_and_name_untrained_variables() -> None:
    a, b = ps.Variable(2.0), ps.Variable(3.0, trainable=False)
    train_op = descent().minimize(a * b, var_list=[[b]])
    assert steps(train_op, a, b) == [2, 2]


def test_gradients_may_be_changed_between() -> None:
    w = ps.Variable([3.0, 4.0])
    optimizer = descent(1.0)
    pairs = optimizer.compute_gradients(ps.reduce_sum(w * w))
    clipped, _ = ps.clip_by_global_norm([g for g, _ in pairs], 5.0)
    train_op = optimizer.apply_gradients(zip(clipped, [w], strict=True))
    np.testing.assert_allclose(steps(train_op, w), [0, 0], atol=1e-6)


def test_pairs_without_a_gradient_are_skipped() -> None:
    a, b = ps.Variable(2.0), ps.Variable(3.0)
    train_op = descent().apply_gradients([(None, b), (1.0, a)])
    assert steps(train_op, a, b) == [1.5, 3]


def test_the_global_step_counts_after_the_updates() -> None:
    w, step = ps.Variable(1.0), T.get_or_create_global_step()
    train_op = descent().minimize(w * w, global_step=step)
    assert train_op.type == "AssignAddVariableOp"
    assert any(op.name == "GradientDescent/update" for op in train_op.control_inputs)
    assert steps(train_op, step, count=3) == 3
    assert ps.get_collection(ps.GraphKeys.TRAIN_OP) == [train_op]


@pytest.mark.parametrize("rate", [0.5, ps.constant, lambda: 0.5], ids=["number", "t", "function"])
def test_the_rate_may_be_a_tensor_or_a_function(rate: Any) -> None:
    value = rate(0.5) if rate is ps.constant else rate
    w = ps.Variable(4.0)
    assert steps(descent(value).minimize(w * w), w) == 0


def test_the_rate_may_be_fed_or_follow_the_step() -> None:
    w, rate = ps.Variable(4.0), ps.placeholder(ps.float32, [])
    train_op = descent(rate).minimize(w)
    assert steps(train_op, w, feed={rate: 3.0}) == 1
    step = T.get_or_create_global_step()
    v = ps.Variable(1.0)
    decayed = T.exponential_decay(1.0, step, 1, 0.5)
    train_op = descent(decayed).minimize(v, global_step=step, var_list=[v])
    assert steps(train_op, v, count=3) == 1 - (1 + 0.5 + 0.25)


def test_constraints_hold_after_each_step() -> None:
    w = ps.Variable([1.0, -1.0], constraint=lambda v: ps.clip_by_value(v, -0.5, 0.75))
    train_op = descent(0.1).minimize(ps.reduce_sum(w))
    np.testing.assert_allclose(steps(train_op, w), [0.75, -0.5])


def test_mixed_dtypes_train_together() -> None:
    a, b = ps.Variable(2.0), ps.Variable(2.0, dtype=ps.float64)
    loss = ps.cast(a, ps.float64) * b
    for optimizer in (descent(), T.AdamOptimizer(0.1), T.RMSPropOptimizer(0.1)):
        x, y = steps(optimizer.minimize(loss), a, b, count=3)
        np.testing.assert_allclose(x, y, rtol=1e-6)
        assert (x.dtype, y.dtype) == (np.float32, np.float64)


def test_an_embedding_and_a_layer_train_together() -> None:
    table = ps.Variable(np.zeros((5, 2), np.float32))
    w = ps.Variable(np.ones((2, 1), np.float32))
    y = ps.matmul(ps.nn.embedding_lookup(table, [1, 3, 1]), w)
    train_op = descent(0.5).minimize(ps.reduce_sum(y))
    assert steps(train_op, table)[:, 0].tolist() == [0, -1, 0, -0.5, 0]


@pytest.mark.parametrize("gate", ["GATE_NONE", "GATE_OP", "GATE_GRAPH"])
def test_gates_change_no_result(gate: str) -> None:
    a, b = ps.Variable(2.0), ps.Variable(3.0)
    optimizer = descent(0.5)
    train_op = optimizer.minimize(a * b, gate_gradients=getattr(optimizer, gate))
    assert steps(train_op, a, b) == [0.5, 2]


def test_one_optimizer_serves_two_losses_and_graphs() -> None:
    optimizer = T.AdamOptimizer(0.1)
    for _ in range(2):
        with ps.Graph().as_default():
            w = ps.Variable(1.0)
            first, second = optimizer.minimize(w * w), optimizer.minimize(ps.abs(w))
            assert len([v for v in ps.global_variables() if "power" in v.name]) == 2
            assert len(ps.global_variables()) == 5
            assert steps([first, second], w) < 1


def test_names_of_training_nodes() -> None:
    w = ps.Variable(1.0, name="w")
    train_op = T.AdamOptimizer(0.1).minimize(w * w)
    graph = ps.get_default_graph()
    assert train_op.name == "Adam"
    assert graph.get_operation_by_name("Adam/update_w/ResourceApplyAdam")
    assert T.AdamOptimizer(0.1).minimize(w * w, name="again").name == "again"


def test_a_rule_of_ones_own() -> None:
    class SignDescent(T.Optimizer):  # type: ignore[misc, name-defined]
        def _apply_dense(self, grad: Any, var: Any) -> Any:
            return var.assign_sub(0.25 * ps.sign(grad), read_value=False)

    w = ps.Variable([1.0, -1.0])
    optimizer = SignDescent(False, "Sign")
    train_op = optimizer.minimize(ps.reduce_sum(w * w))
    assert steps(train_op, w).tolist() == [0.75, -0.75]
    sparse = ps.reduce_sum(ps.nn.embedding_lookup(w, [0]))
    with pytest.raises(NotImplementedError, match="SignDescent has no rule for sparse"):
        optimizer.minimize(sparse)


class TestMessages:
    """Mistakes name the variables and say what is missing."""

    def test_no_gradient(self) -> None:
        w = ps.Variable([1.0], name="w")
        with pytest.raises(
            ValueError, match=r"no gradients for any of the variables w:0: .*depend"
        ):
            descent().minimize(ps.constant(1.0))
        with pytest.raises(ValueError, match=r"GradientDescent: no gradients .* w:0"):
            descent().apply_gradients([(None, w)])
        with pytest.raises(ValueError, match="got no variables"):
            descent().apply_gradients([])

    def test_no_variables(self) -> None:
        with pytest.raises(ValueError, match="no variables to optimize"):
            descent().minimize(ps.constant(1.0))
        with pytest.raises(TypeError, match="optimizers change Variables, not"):
            descent().minimize(ps.constant(1.0), var_list=[ps.constant(1.0)])

    def test_arguments(self) -> None:
        w = ps.Variable(1.0)
        with pytest.raises(ValueError, match="gate_gradients is GATE_NONE"):
            descent().compute_gradients(w, gate_gradients=7)
        with pytest.raises(TypeError, match="not a function"):
            descent().compute_gradients(lambda: w)
        with pytest.raises(ValueError, match="needs a name"):
            T.GradientDescentOptimizer(0.1, name="")
        with pytest.raises(ValueError, match="initial_accumulator_value must be positive"):
            T.AdagradOptimizer(0.1, 0.0)
        with pytest.raises(ValueError, match="learning_rate_power must not be positive"):
            T.FtrlOptimizer(0.1, 0.5)

    def test_a_gradient_of_the_wrong_kind(self) -> None:
        w = ps.Variable(1.0)
        with pytest.raises(TypeError, match="int32"):
            descent().apply_gradients([(ps.constant(1), w)])
        with pytest.raises(
            TypeError, match=r"must be a tensor, IndexedSlices or None|cannot convert"
        ):
            descent().apply_gradients([(object(), w)])

    def test_a_gradient_of_the_wrong_shape(self) -> None:
        w = ps.Variable([1.0, 2.0], name="w")
        with pytest.raises(ValueError, match=r"\[3\]"):
            descent().apply_gradients([(ps.constant([1.0, 2.0, 3.0]), w)])
