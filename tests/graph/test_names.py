"""Names of nodes and scopes: unique, case-blind, nested, re-entered; and look-up by name."""

import threading

import pytest

import penstock as ps
from penstock import errors


def name(**arguments: object) -> str:
    return ps.constant(0, **arguments).op.name  # type: ignore[no-any-return]


def test_repeated_names_get_numbers() -> None:
    assert [name(name="c") for _ in range(3)] == ["c", "c_1", "c_2"]


def test_a_number_that_is_taken_is_skipped() -> None:
    assert [name(name=n) for n in ("c", "c_1", "c", "c_1")] == ["c", "c_1", "c_2", "c_1_1"]


def test_names_differ_by_more_than_case() -> None:
    assert [name(name=n) for n in ("Weight", "weight", "WEIGHT")] == [
        "Weight",
        "weight_1",
        "WEIGHT_2",
    ]


def test_default_name_is_the_op() -> None:
    assert ps.constant(1).op.name == "Const"
    assert ps.no_op().name == "NoOp"
    assert ps.placeholder(ps.float32).op.name == "Placeholder"


def test_scopes_nest_and_are_unique() -> None:
    with ps.name_scope("layer") as outer:
        assert outer == "layer/"
        with ps.name_scope("inner") as inner:
            assert inner == "layer/inner/"
            assert name(name="c") == "layer/inner/c"
    with ps.name_scope("layer") as again:
        assert again == "layer_1/"
        assert name(name="c") == "layer_1/c"


def test_a_scope_and_a_node_do_not_share_a_name() -> None:
    assert name(name="a") == "a"
    with ps.name_scope("a") as scope:
        assert scope == "a_1/"


def test_a_scope_is_re_entered_by_its_slash() -> None:
    with ps.name_scope("layer") as scope:
        assert name(name="c") == "layer/c"
    with ps.name_scope("other"), ps.name_scope(scope) as again:
        assert again == "layer/"
        assert name(name="c") == "layer/c_1"


def test_a_name_with_a_slash_is_taken_as_it_is() -> None:
    with ps.name_scope("layer") as scope:
        assert name(name=scope) == "layer", "an operation may have the name of its scope"
        assert name(name=scope) == "layer_1"
        assert [name(name="free/c/") for _ in range(3)] == ["free/c", "free/c_1", "free/c_2"]


def test_constants_among_arguments_are_named_for_them(graph: ps.Graph) -> None:
    x = ps.placeholder(ps.float32, name="x")
    with ps.name_scope("layer"):
        ps.add_n([x, 1.0, 2.0], name="sum")
        ps.raw_ops.AddV2(x, 1.0, name="sum")
    assert [op.name for op in graph.get_operations() if op.type == "Const"] == [
        *("layer/sum/inputs", "layer/sum/inputs_1", "layer/sum_1/y")
    ]


def test_none_returns_to_the_top() -> None:
    with ps.name_scope("layer"), ps.get_default_graph().name_scope(None) as top:
        assert top == ""
        assert name(name="c") == "c"


def test_scope_is_left_when_an_error_passes() -> None:
    with pytest.raises(KeyError), ps.name_scope("layer"):
        raise KeyError
    assert name(name="c") == "c"


def test_default_name_of_a_scope() -> None:
    with ps.name_scope(None, "fallback", [ps.constant(1)]) as scope:
        assert scope == "fallback/"
    with pytest.raises(TypeError), ps.name_scope(None, None, []):
        pass


def test_name_scope_follows_the_graph_of_its_values(graph: ps.Graph) -> None:
    other = ps.Graph()
    with other.as_default():
        value = ps.constant(1)
    with ps.name_scope("s", values=[value]):
        assert ps.get_default_graph() is other
    assert ps.get_default_graph() is graph


@pytest.mark.parametrize("wrong", ["", "_a", "a b", "-a", "/a", "a:0", "a^", "é", "a\n"])
def test_invalid_names_are_refused(wrong: str, graph: ps.Graph) -> None:
    with pytest.raises(ValueError, match="not a valid"):
        graph.name_for(wrong) if wrong else graph.name_for("^")
    if wrong:
        with pytest.raises(ValueError, match="not a valid scope name"), ps.name_scope(wrong):
            pass
    assert graph.get_operations() == []


def test_inside_a_scope_a_name_may_begin_with_an_underscore() -> None:
    with ps.name_scope("s"):
        assert name(name="_c") == "s/_c"


def test_unique_name_can_be_asked_without_taking_it(graph: ps.Graph) -> None:
    assert graph.unique_name("c", mark_as_used=False) == "c"
    assert graph.unique_name("c") == "c"
    assert graph.unique_name("c") == "c_1"


def test_look_up_by_name(graph: ps.Graph) -> None:
    c = ps.constant(1, name="c")
    assert graph.get_operation_by_name("c") is c.op
    assert graph.get_tensor_by_name("c:0") is c
    assert graph.as_graph_element("c:0") is c
    assert graph.as_graph_element("c") is c.op
    assert graph.as_graph_element(c) is c
    assert graph.get_operations() == [c.op]


def test_look_up_of_what_is_not_there(graph: ps.Graph) -> None:
    ps.constant(1, name="c")
    with pytest.raises(KeyError, match="no operation 'd'"):
        graph.get_operation_by_name("d")
    with pytest.raises(KeyError, match="form of a tensor's name"):
        graph.get_operation_by_name("c:0")
    with pytest.raises(KeyError, match="has 1 outputs"):
        graph.get_tensor_by_name("c:1")
    with pytest.raises(KeyError, match="no operation 'd'"):
        graph.get_tensor_by_name("d:0")
    with pytest.raises(ValueError, match="expected '<op>:<number>'"):
        graph.get_tensor_by_name("c")
    with pytest.raises(TypeError):
        graph.get_tensor_by_name(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        graph.get_operation_by_name(None)  # type: ignore[arg-type]


def test_elements_of_another_graph_are_refused(graph: ps.Graph) -> None:
    with ps.Graph().as_default():
        foreign = ps.constant(1)
    with pytest.raises(errors.GraphError, match="not an element of this graph"):
        graph.as_graph_element(foreign)
    with pytest.raises(TypeError, match="expected a Tensor"):
        graph.as_graph_element(3.0, allow_operation=False)


def test_threads_have_scopes_of_their_own(graph: ps.Graph) -> None:
    """A scope open in one thread does not name what another thread builds; names stay unique."""
    seen: list[str] = []

    def work() -> None:
        with graph.as_default():
            seen.extend(name(name="c") for _ in range(50))

    with ps.name_scope("main"):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(set(seen)) == 200
    assert all(n.startswith("c") for n in seen)
