"""Constants are in memory once: programs read the arrays of the graph, which nobody can write."""

import gc

import numpy as np
import pytest

import penstock as ps

ONE = ps.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1)
SIDE = 256
BYTES = SIDE * SIDE * 4


def value() -> np.ndarray:
    """A matrix of some numbers."""
    return np.arange(SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE) / BYTES


def live(session: ps.Session) -> int:
    """The bytes that the host's tensors take now."""
    gc.collect()
    return session.memory_stats()["live"]


def test_a_large_constant_is_read_where_the_graph_has_it():
    given = value()
    constant = ps.constant(given)
    x = ps.placeholder(ps.float32, [SIDE, SIDE])
    y = ps.reduce_sum(x * constant)
    feed = {x: np.ones((SIDE, SIDE), np.float32)}
    with ps.Session(config=ONE) as session:
        before = live(session)
        first = session.run(y, feed)
        assert live(session) - before < BYTES // 2
        memory = session.explain_memory(y, feed).devices["CPU:0"]
        assert memory.outside == {"constants": BYTES, "feeds": BYTES}
        given[:] = 0  # the user's array was copied when the graph was built
        assert session.run(y, feed) == first


def test_a_folded_constant_is_in_memory_once():
    x = ps.placeholder(ps.float32, [SIDE, SIDE])
    y = ps.reduce_sum(x * ps.tanh(ps.constant(value()), name="folded"))
    feed = {x: np.ones((SIDE, SIDE), np.float32)}
    with ps.Session(config=ONE) as session:
        before = live(session)
        session.run(y, feed)
        assert BYTES <= live(session) - before < 1.5 * BYTES
        memory = session.explain_memory(y, feed).devices["CPU:0"]
        assert memory.groups["constants"] >= BYTES and "elsewhere" not in memory.groups
        (folded,) = [n for n in session.explain_plan(y, [x]).ir if n.name == "folded"]
        assert folded.op == "Const" and not folded.attrs["value"].flags.writeable


@pytest.mark.parametrize("folds", [False, True])
def test_what_a_user_gets_is_theirs(folds):
    constant = ps.constant(value())
    wanted = ps.tanh(constant) if folds else constant
    with ps.Session() as session:
        expected = session.run(wanted).copy()
        for _ in range(2):
            fetched = session.run(wanted)
            np.testing.assert_array_equal(fetched, expected)
            fetched[:] = -1
        variable = ps.Variable(wanted)
        session.run(variable.initializer)
        session.run(variable.assign_add(wanted))
        np.testing.assert_array_equal(session.run(wanted), expected)


@pytest.mark.parametrize("imported", [False, True])
def test_the_array_of_a_constant_is_read_only(imported):
    constant = ps.constant(value(), name="c")
    filled = ps.constant(2.0, shape=[SIDE, SIDE], name="f")
    if imported:
        graph_def = ps.get_default_graph().as_graph_def()
        constant, filled = ps.import_graph_def(graph_def, return_elements=["c:0", "f:0"])
    for tensor in (constant, filled):
        array = tensor.op.get_attr("value")
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 7
    with ps.Session() as session:
        before = live(session)
        session.run(ps.reduce_sum(constant + filled))
        assert live(session) - before < 1.5 * BYTES  # what the sum folds to


def test_a_constant_outlives_its_graph_and_plans():
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [])
        y = ps.tanh(ps.constant(value())) * x
        session = ps.Session(graph=graph)
        step = session.make_callable(y, [x])
    expected = step(2.0)
    del graph, x, y
    gc.collect()
    np.testing.assert_array_equal(step(2.0), expected)
    np.testing.assert_allclose(expected, np.tanh(value()) * 2, rtol=1e-5)
    session.close()


def test_an_array_that_somebody_may_write_is_copied():
    owner = value()
    view = owner[:]
    view.flags.writeable = False
    constant = ps.raw_ops.Const(value=view, dtype=ps.float32)
    with ps.Session() as session:
        y = ps.reduce_sum(constant * ps.placeholder_with_default(1.0, []))
        first = session.run(y)
        owner[:] = 0
        assert session.run(y) == first
