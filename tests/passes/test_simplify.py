"""simplify never changes a bit: signs of zero, NaN and infinities included."""

import numpy as np
import pytest

import penstock as ps

ODD = np.array([0.0, -0.0, 1.5, -2.0, np.inf, -np.inf, np.nan, 1e-45], np.float32)

SAME = {
    "x * 1": lambda x: x * 1.0,
    "1 * x": lambda x: 1.0 * x,
    "x / 1": lambda x: x / 1.0,
    "x - 0": lambda x: x - 0.0,
    "- - x": lambda x: ps.negative(-x),
    "x ** 1": lambda x: x**1.0,
    "identity": lambda x: ps.identity(x),
    "reshape": lambda x: ps.reshape(x, [8]),
    "transpose": lambda x: ps.transpose(ps.transpose(ps.reshape(x, [2, 4]), [1, 0]), [1, 0]),
    "cast": lambda x: ps.raw_ops.Cast(x, DstT=ps.float32),
    "tile": lambda x: ps.tile(x, [1]),
    "pad": lambda x: ps.pad(x, [[0, 0]]),
    "add_n": lambda x: ps.add_n([x]),
    "sum over nothing": lambda x: ps.reduce_sum(x, []),
}
KEPT = {
    "x + 0": lambda x: x + 0.0,
    "0 - x": lambda x: 0.0 - x,
    "x * 0": lambda x: x * 0.0,
    "x - x": lambda x: x - x,
    "x / x": lambda x: x / x,
    "x - -0": lambda x: x - np.float32(-0.0),
    "widening": lambda x: x * np.ones((2, 1), np.float32),
}


def run(build):
    x = ps.placeholder(ps.float32, [8], name="x")
    y = build(x)
    with ps.Session() as session:
        nodes = [n.op for n in session.explain_plan(y, [x]).ir]
        return session.run(y, {x: ODD}), nodes


@pytest.mark.parametrize("name", SAME)
def test_what_changes_nothing_disappears(name):
    value, nodes = run(SAME[name])
    assert value.ravel().tobytes() == ODD.tobytes()
    assert set(nodes) <= {"_Arg", "_Retval", "Reshape", "Const"}


@pytest.mark.parametrize("name", KEPT)
def test_what_could_change_a_bit_stays(name):
    value, nodes = run(KEPT[name])
    with np.errstate(all="ignore"):
        wanted = KEPT[name](ODD)
    assert len(set(nodes) - {"_Arg", "_Retval", "Const"}) == 1
    np.testing.assert_array_equal(value, wanted)
    np.testing.assert_array_equal(np.signbit(value), np.signbit(wanted) | np.isnan(wanted) * 0)


def test_random_nodes_are_neither_folded_nor_merged():
    a, b = ps.random_uniform([3], seed=1), ps.random_uniform([3], seed=1)
    with ps.Session() as session:
        explanation = session.explain_plan([a, b])
        assert [n.op for n in explanation.ir].count("RandomUniform") == 2
        first, second = session.run(a), session.run(a)
    assert not np.array_equal(first, second)


def test_control_dependencies_survive():
    v = ps.Variable(1.0)
    with ps.control_dependencies([ps.assign(v, 5.0)]):
        after = ps.identity(ps.constant(2.0))
    with ps.Session() as session:
        session.run(v.initializer)
        assert session.run(after) == 2.0
        assert session.run(v) == 5.0
