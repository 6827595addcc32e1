"""The global step of a graph."""

import pytest

import penstock as ps

T = ps.train


def test_made_once_and_found() -> None:
    assert T.get_global_step() is None
    with ps.name_scope("anywhere"):
        step = T.create_global_step()
    assert (step.name, step.dtype, step.trainable) == ("global_step:0", ps.int64, False)
    assert T.get_global_step() is T.get_or_create_global_step() is step
    assert ps.global_variables() == [step]
    with ps.Session() as sess:
        sess.run(step.initializer)
        sess.run(step.assign_add(2).op)
        assert T.global_step(sess, step) == 2


def test_every_graph_has_its_own() -> None:
    other = ps.Graph()
    step = T.create_global_step(other)
    assert step.graph is other
    assert T.get_global_step() is None


def test_messages() -> None:
    T.create_global_step()
    with pytest.raises(ValueError, match="has a global step already"):
        T.create_global_step()
    ps.add_to_collection(ps.GraphKeys.GLOBAL_STEP, ps.Variable(1))
    with pytest.raises(TypeError, match="has 2 global steps"):
        T.get_global_step()
    with pytest.raises(TypeError, match="must be an integer, not float32"):
        T.assert_global_step(ps.Variable(1.0))
    with pytest.raises(TypeError, match="must be a scalar"):
        T.assert_global_step(ps.Variable([1]))
