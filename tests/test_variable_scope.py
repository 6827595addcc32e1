"""variable_scope and get_variable: names, sharing, defaults, messages.

The names were compared with TensorFlow 1's rules: a variable's name comes from variable scopes
alone, other nodes get the name scopes that those open, made unique.
"""

import threading
from typing import Any

import numpy as np
import pytest

import penstock as ps


def names() -> list[str]:
    return [v.op.name for v in ps.global_variables()]


def test_names_come_from_variable_scopes_not_name_scopes() -> None:
    with ps.variable_scope("a"):
        with ps.name_scope("hidden"):
            ps.get_variable("v", [1])
            x = ps.constant(1.0, name="x")
        with ps.variable_scope("b"):
            ps.get_variable("v", [1])
    assert names() == ["a/v", "a/b/v"]
    assert x.op.name == "a/hidden/x"


def test_a_scope_entered_again_gets_a_new_name_scope() -> None:
    with ps.variable_scope("a") as scope:
        first = ps.constant(1.0, name="x")
    with ps.variable_scope("a"):
        second = ps.constant(1.0, name="x")
    with ps.variable_scope(scope):
        third = ps.constant(1.0, name="x")
    with ps.variable_scope(scope, auxiliary_name_scope=False):
        fourth = ps.constant(1.0, name="x")
    with ps.name_scope(scope.original_name_scope):
        fifth = ps.constant(1.0, name="y")
    made = [t.op.name for t in (first, second, third, fourth, fifth)]
    assert made == ["a/x", "a_1/x", "a_2/x", "x", "a/y"]
    assert scope.original_name_scope == "a/"


def test_an_entered_scope_object_ignores_where_it_is_entered() -> None:
    with ps.variable_scope("a") as scope:
        pass
    with ps.variable_scope("other"), ps.variable_scope(scope):
        assert ps.get_variable_scope().name == "a"
        ps.get_variable("v", [1])
    assert names() == ["a/v"]
    assert ps.get_variable_scope().name == ""


def test_default_names_are_made_unique() -> None:
    for _ in range(3):
        with ps.variable_scope(None, "layer"):
            ps.get_variable("w", [1])
    with ps.variable_scope("outer"):
        for _ in range(2):
            with ps.variable_scope(None, "layer"):
                ps.get_variable("w", [1])
    assert names() == ["layer/w", "layer_1/w", "layer_2/w", "outer/layer/w", "outer/layer_1/w"]


def test_default_names_start_afresh_in_a_scope_opened_again() -> None:
    """So the same code, run again under reuse, finds its variables."""

    def model() -> Any:
        with ps.variable_scope(None, "layer"):
            first = ps.get_variable("w", [1])
        with ps.variable_scope(None, "layer"):
            return first, ps.get_variable("w", [1])

    with ps.variable_scope("model"):
        made = model()
    with ps.variable_scope("model", reuse=True):
        assert model() == made
    assert names() == ["model/layer/w", "model/layer_1/w"]


def test_a_given_name_stands_before_a_default_name() -> None:
    with ps.variable_scope("mine", "layer") as scope:
        assert scope.name == "mine"


def test_the_root_scope() -> None:
    with ps.variable_scope("") as scope:
        assert scope.name == ""
        assert ps.constant(1.0, name="x").op.name == "x"
    with ps.variable_scope("a"), ps.variable_scope(""):
        ps.get_variable("v", [1])
    assert names() == ["a//v"]


def test_sharing() -> None:
    with ps.variable_scope("s"):
        v = ps.get_variable("v", [2])
        with pytest.raises(ValueError, match=r"'s/v' exists already(.|\n)*test_variable_scope"):
            ps.get_variable("v", [2])
        ps.get_variable_scope().reuse_variables()
        assert ps.get_variable("v", [2]) is v
    with ps.variable_scope("s", reuse=True):
        assert ps.get_variable("v") is v
        with ps.variable_scope("inner"), pytest.raises(ValueError, match="'s/inner/v' does not"):
            ps.get_variable("v", [2])
    with ps.variable_scope("s", reuse=ps.AUTO_REUSE):
        assert ps.get_variable("v") is v
        w = ps.get_variable("w", [1])
        with ps.variable_scope("deep", reuse=False):  # False is: as outside
            assert ps.get_variable("u", [1]) is ps.get_variable("u", [1])
    with ps.variable_scope("s", reuse=True):
        assert ps.get_variable("w") is w


def test_a_plain_variable_is_not_shared() -> None:
    ps.Variable(1.0, name="v")
    match = "get_variable did not make it"
    with pytest.raises(ValueError, match=match), ps.variable_scope("", reuse=True):
        ps.get_variable("v", [])
    assert ps.get_variable("v", []).op.name == "v_1"


def test_sharing_checks_shape_and_dtype() -> None:
    with ps.variable_scope("s", reuse=ps.AUTO_REUSE):
        v = ps.get_variable("v", [2], ps.float64)
        assert ps.get_variable("v", [None], ps.float64) is v
        assert ps.get_variable("v") is v
        with pytest.raises(ValueError, match=r"with shape \[2\], shape \[3\] is asked for"):
            ps.get_variable("v", [3])
        with pytest.raises(ValueError, match="with dtype float64, float32 is asked for"):
            ps.get_variable("v", [2], ps.float32)


def test_defaults_of_scopes_are_inherited() -> None:
    cap = ps.nn.relu
    with (
        ps.variable_scope("a", initializer=ps.ones_initializer(), dtype=ps.float64) as outer,
        ps.variable_scope("b", constraint=cap) as inner,
    ):
        one = ps.get_variable("one", [2])
        two = ps.get_variable("two", [2], initializer=ps.zeros_initializer())
    assert (outer.constraint, inner.constraint) == (None, cap)
    assert (one.dtype, one.constraint) == (ps.float64, cap)
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        assert [x.tolist() for x in sess.run([one, two])] == [[1, 1], [0, 0]]


def test_defaults_can_be_set_inside() -> None:
    with ps.variable_scope("a"):
        scope = ps.get_variable_scope()
        scope.set_initializer(ps.ones_initializer())
        scope.set_dtype(ps.float64)
        scope.set_regularizer(ps.nn.l2_loss)
        scope.set_custom_getter(None)
        scope.set_caching_device("/cpu:0")
        scope.set_use_resource(True)
        v = ps.get_variable("v", [1])
        assert (scope.initializer is not None, scope.use_resource) == (True, True)
        assert scope.caching_device == "/cpu:0"
        assert v.dtype is ps.float64
    assert ps.get_variable_scope().initializer is None


def test_regularizers_join_a_collection_once() -> None:
    def penalty(v: Any) -> Any:
        return ps.reduce_sum(v * v, name="penalty")

    with ps.variable_scope("a", regularizer=penalty, reuse=ps.AUTO_REUSE):
        ps.get_variable("v", [2])
        ps.get_variable("v", [2])
        ps.get_variable("free", [2], regularizer=ps.no_regularizer)
    (loss,) = ps.get_collection(ps.GraphKeys.REGULARIZATION_LOSSES)
    assert loss.op.name == "a/v/Regularizer/penalty"


def test_values_as_initializers() -> None:
    a = ps.get_variable("a", initializer=[1, 2])
    b = ps.get_variable("b", initializer=ps.constant([1.5]))
    c = ps.get_variable("c", initializer=lambda: ps.fill([3], 2.0))
    d = ps.get_variable("d", [2], initializer=ps.ones_initializer)
    e = ps.get_variable("e", [2], initializer=lambda shape, dtype, partition_info: [0.0, 1.0])
    assert [v.dtype.name for v in (a, b, c, d, e)] == ["int32", *["float32"] * 4]
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        got = [x.tolist() for x in sess.run([a, b, c, d])]
    assert got == [[1, 2], [1.5], [2, 2, 2], [1, 1]]


def test_the_default_initializer_depends_on_the_dtype() -> None:
    w = ps.get_variable("w", [100, 50])
    n = ps.get_variable("n", [2], ps.int32)
    s = ps.get_variable("s", [2], ps.string)
    with pytest.raises(ValueError, match="'r' of dtype resource needs an initializer"):
        ps.get_variable("r", [2], ps.resource)
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        weights, numbers, strings = sess.run([w, n, s])
    assert np.abs(weights).max() <= np.sqrt(6 / 150)
    assert (numbers.tolist(), strings.tolist()) == ([0, 0], [b"", b""])


def test_custom_getters_nest() -> None:
    calls = []

    def outer(getter: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        calls.append("outer")
        return getter(name + "_o", *args, **kwargs)

    def inner(getter: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append("inner")
        return ps.identity(getter(*args, **kwargs), name="seen")

    with ps.variable_scope("a", custom_getter=outer):
        with ps.variable_scope("b", custom_getter=inner):
            seen = ps.get_variable("v", [1])
        plain = ps.get_variable("w", [1])
    assert calls == ["inner", "outer", "outer"]
    assert names() == ["a/b/v_o", "a/w_o"]
    assert (seen.op.type, plain.op.name) == ("Identity", "a/w_o")


def test_collections_of_a_scope() -> None:
    with ps.variable_scope("a") as scope:
        v = ps.get_variable("v", [1])
        frozen = ps.get_variable("frozen", [1], trainable=False)
        local = ps.get_local_variable("local", [1])
    with ps.variable_scope("ab"):
        ps.get_variable("v", [1])
    assert scope.global_variables() == [v, frozen]
    assert scope.trainable_variables() == [v]
    assert scope.local_variables() == [local]
    assert ps.trainable_variables("a/") == [v]


def test_values_choose_the_graph() -> None:
    other = ps.Graph()
    with other.as_default():
        x = ps.constant(1.0)
    with ps.variable_scope("a", values=[x]):
        v = ps.get_variable("v", [1])
    assert v.graph is other


def test_graphs_and_threads_have_scopes_of_their_own() -> None:
    graph, seen = ps.get_default_graph(), []

    def look() -> None:
        with graph.as_default():
            seen.append(ps.get_variable_scope().name)

    with ps.variable_scope("a"):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        with ps.Graph().as_default():
            look_inside = ps.get_variable_scope().name
            ps.get_variable("v", [1])
        ps.get_variable("v", [1])
    assert (seen, look_inside) == ([""], "")


def test_an_error_inside_leaves_the_scope() -> None:
    with pytest.raises(RuntimeError, match="mine"), ps.variable_scope("a"):
        raise RuntimeError("mine")
    assert ps.get_variable_scope().name == ""
    other = ps.Graph()
    with other.as_default():
        x = ps.constant(1.0)
    with pytest.raises(ps.errors.GraphError), ps.variable_scope("not valid!", values=[x]):
        pass
    assert ps.get_default_graph() is not other


class TestMessages:
    """Contradictory or impossible wishes."""

    def test_scopes(self) -> None:
        with pytest.raises(TypeError, match="needs a name_or_scope or a default_name"):
            ps.variable_scope(None)
        with pytest.raises(TypeError, match="must be a string or a VariableScope, not 3"):
            ps.variable_scope(3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="cannot reuse variables under a default_name"):
            ps.variable_scope(None, "layer", reuse=True)
        with pytest.raises(ps.errors.UnimplementedError, match="leave out partitioner"):
            ps.variable_scope("a", partitioner=lambda **_: [1])

    def test_get_variable(self) -> None:
        with pytest.raises(TypeError, match="is a string, not 3"):
            ps.get_variable(3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"'v' must be fully known, not \[\?, 2\]"):
            ps.get_variable("v", [None, 2])
        with pytest.raises(ValueError, match="leave out shape"):
            ps.get_variable("v", [2], initializer=[1.0, 2.0])
        with pytest.raises(ValueError, match="has dtype int32, float32 is asked for"):
            ps.get_variable("v", dtype=ps.float32, initializer=ps.constant(1))
        with pytest.raises(ps.errors.UnimplementedError, match="leave out partitioner"):
            ps.get_variable("v", [2], partitioner=lambda **_: [1])
        assert names() == []
