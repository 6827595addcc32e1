"""What may be fetched, in which nesting, and what comes back."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import penstock as ps

Pair = namedtuple("Pair", "a b")


@pytest.fixture
def session():
    with ps.Session() as s:
        yield s


def test_one_tensor_gives_a_scalar_or_an_array(session):
    assert isinstance(session.run(ps.constant(2.0)), np.float32)
    assert session.run(ps.constant([1, 2])).tolist() == [1, 2]


def test_nesting_is_kept(session):
    a, b = ps.constant(1), ps.constant(2)
    result = session.run({"x": [a, (b,)], "y": Pair(a, {"z": b}), "op": a.op})
    assert result == {"x": [1, (2,)], "y": Pair(1, {"z": 2}), "op": None}
    assert isinstance(result["y"], Pair)
    ordered = session.run(OrderedDict([("b", b), ("a", a)]))
    assert isinstance(ordered, OrderedDict) and list(ordered) == ["b", "a"]


def test_list_and_tuple_of_the_same_fetches_stay_what_they_are(session):
    a = ps.constant(1)
    assert session.run([a]) == [1]
    assert session.run((a,)) == (1,)
    assert session.run([a]) == [1]
    assert session.run([]) == [] and session.run(()) == () and session.run({}) == {}


def test_same_tensor_twice(session):
    a = ps.constant([1.0, 2.0]) * 2.0
    first, second, inner = session.run([a, a, a.op.inputs[0]])
    assert first.tolist() == second.tolist() == [2.0, 4.0] and inner.tolist() == [1.0, 2.0]


def test_a_fed_placeholder_has_nothing_to_run(session):
    x = ps.placeholder(ps.float32, [])
    assert session.run(x.op, {x: 1.0}) is None
    assert session.run([x.op, x * 2.0], {x: 1.0}) == [None, 2.0]


def test_names(session):
    ps.constant(5, name="five")
    assert session.run("five:0") == 5
    assert session.run("five") is None


def test_a_fetched_array_is_the_callers(session):
    x = ps.placeholder(ps.float32, [200])
    fed = np.zeros(200, np.float32)
    same, doubled = session.run([ps.identity(x), x * 2.0], {x: fed})
    same[:] = 7
    doubled[:] = 7
    assert not fed.any()
    constant = ps.constant(np.ones(300, np.float32))
    session.run(constant)[:] = 5
    assert (session.run(constant) == 1).all()


@pytest.mark.parametrize(
    ("fetch", "text"),
    [
        (3.0, "expected a Tensor or Operation"),
        ("nothing", "no operation 'nothing'"),
        ("nothing:0", "no operation 'nothing'"),
        (None, "expected a Tensor or Operation"),
        ([[object()]], "expected a Tensor or Operation"),
    ],
)
def test_what_cannot_be_fetched(session, fetch, text):
    with pytest.raises(ps.errors.FetchError, match=text):
        session.run(fetch)


def test_a_tensor_of_another_graph_is_refused(session):
    with ps.Graph().as_default():
        other = ps.constant(1)
    with pytest.raises(ValueError, match="not an element of this graph"):
        session.run(other)


def test_make_callable_of_everything(session):
    x, y = ps.placeholder(ps.float32, []), ps.placeholder(ps.float32, [])
    swapped = session.make_callable([x - y, {"d": y}], [y, x])
    assert swapped(1.0, 3.0) == [2.0, {"d": 1.0}]
    single = session.make_callable(x - y, [x, y])
    assert single(5, 3) == 2.0
    with pytest.raises(TypeError, match="takes 2 values, got 1"):
        single(5)
    nothing = session.make_callable(ps.no_op())
    assert nothing() is None
    timed = session.make_callable(x + y, [x, y], accept_options=True)
    assert timed(1, 2, options=ps.RunOptions(timeout_in_ms=10000)) == 3.0
