"""Graph: versions, finalize, collections, default graphs, and what a handle says of itself."""

import numpy as np
import pytest

import penstock as ps
from penstock import errors


def test_version_grows_with_every_operation(graph: ps.Graph) -> None:
    assert graph.version == 0
    ps.constant(1)
    assert graph.version == 1
    ps.no_op()
    assert graph.version == 2


def test_a_finalized_graph_takes_no_nodes(graph: ps.Graph) -> None:
    c = ps.constant(1)
    graph.finalize()
    assert graph.finalized
    with pytest.raises(RuntimeError, match="finalized"):
        ps.constant(2)
    with pytest.raises(RuntimeError, match="finalized"):
        c.set_shape([])
    assert graph.version == 1
    assert graph.get_operations() == [c.op]
    with ps.Session() as session:
        assert session.run(c) == 1


def test_default_graphs_nest() -> None:
    outer, inner = ps.Graph(), ps.Graph()
    with outer.as_default() as entered:
        assert entered is outer
        with inner.as_default():
            assert ps.get_default_graph() is inner
            assert ps.constant(1).graph is inner
        assert ps.get_default_graph() is outer


def test_reset_is_refused_inside_as_default() -> None:
    with pytest.raises(AssertionError, match="reset_default_graph"):
        ps.reset_default_graph()


def test_collections(graph: ps.Graph) -> None:
    graph.add_to_collection("losses", 1)
    graph.add_to_collections(["losses", "metrics", "losses"], 2)
    graph.add_to_collections("metrics", 3)
    assert graph.get_collection("losses") == [1, 2]
    assert graph.get_collection("metrics") == [2, 3]
    assert sorted(graph.get_all_collection_keys()) == ["losses", "metrics"]
    graph.get_collection("losses").append(9)
    assert graph.get_collection("losses") == [1, 2], "a copy"
    graph.get_collection_ref("losses").append(4)
    assert graph.get_collection("losses") == [1, 2, 4]
    graph.clear_collection("losses")
    assert graph.get_collection("losses") == []
    assert graph.get_collection("never") == []


def test_collections_are_filtered_by_scope(graph: ps.Graph) -> None:
    with ps.name_scope("a"):
        inside = ps.constant(1)
    outside = ps.constant(1)
    for item in (inside, outside, "no name"):
        graph.add_to_collection("c", item)
    assert graph.get_collection("c", scope="a/") == [inside]
    assert graph.get_collection("c", scope="Const") == [outside]


def test_seeds_are_counted_per_graph(graph: ps.Graph) -> None:
    assert [graph.next_op_seed() for _ in range(3)] == [0, 1, 2]
    assert ps.Graph().next_op_seed() == 0


def test_tensor_handles() -> None:
    x = ps.placeholder(ps.float32, [None, 3], name="x")
    assert x.name == "x:0"
    assert x.op.name == "x"
    assert x.op.type == "Placeholder"
    assert x.dtype is ps.float32
    assert x.shape.as_list() == [None, 3]
    assert x.get_shape() == x.shape
    assert x.value_index == 0
    assert x.op.outputs == [x]
    assert x.op.values() == (x,)
    assert x.device == ""
    assert str(x) == 'Tensor("x:0", shape=(?, 3), dtype=float32)'
    assert repr(x) == "<ps.Tensor 'x:0' shape=(?, 3) dtype=float32>"
    assert repr(x.op) == "<ps.Operation 'x' type=Placeholder>"
    assert str(ps.placeholder(ps.int32, name="y")) == 'Tensor("y:0", dtype=int32)'


def test_handles_compare_by_identity() -> None:
    x, y = ps.constant(1), ps.constant(1)
    assert x == x
    assert x != y
    assert len({x: 0, y: 1}) == 2
    assert x in [x]
    assert y not in [x]


def test_what_a_tensor_cannot_do() -> None:
    x = ps.constant([1, 2])
    with pytest.raises(TypeError, match="known only in a session"):
        bool(x)
    with pytest.raises(TypeError, match="not iterable"):
        list(x)
    with pytest.raises(TypeError, match="len"):
        len(x)
    with pytest.raises(NotImplementedError, match="NumPy"):
        np.asarray(x)


def test_set_shape_adds_knowledge() -> None:
    x = ps.placeholder(ps.float32)
    x.set_shape([None, 3])
    x.set_shape([2, None])
    assert x.shape.as_list() == [2, 3]
    with pytest.raises(ValueError):
        x.set_shape([5, 3])
    with pytest.raises(ValueError):
        x.set_shape([2])
    assert x.shape.as_list() == [2, 3]


def test_consumers_and_inputs() -> None:
    x = ps.constant(1.0)
    y = ps.get_default_graph()
    assert x.consumers() == []
    with ps.control_dependencies([x]):
        ps.no_op()
    assert x.consumers() == [], "control edges do not read"
    assert x.op.inputs == ()
    assert y.get_operations()[-1].control_inputs == [x.op]


def test_attributes() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    assert x.op.get_attr("dtype") is ps.float32
    assert x.op.get_attr("shape").as_list() == [2]
    with pytest.raises(ValueError, match="has no attribute 'T'"):
        x.op.get_attr("T")
    with pytest.raises(errors.GraphError):
        x.op.get_attr("nothing")


def test_node_def_is_the_wire_form() -> None:
    node = ps.constant([1, 2], name="c").op.node_def
    assert (node.name, node.op) == ("c", "Const")
    assert node.attr["dtype"].type == 3
    assert node.attr["value"].tensor.tensor_shape.dim[0].size == 2


def test_a_node_remembers_the_line_that_made_it() -> None:
    x = ps.constant(1)
    assert x.op.traceback is not None
    assert x.op.traceback.filename == __file__
    assert "x = ps.constant(1)" in x.op.traceback.render()


def test_eval_and_run_need_a_session() -> None:
    x = ps.constant(3)
    with pytest.raises(ValueError, match="needs a session"):
        x.eval()
    with pytest.raises(ValueError, match="needs a session"):
        x.op.run()
    with ps.Session() as session:
        assert x.eval() == 3
        assert x.eval(session=session) == 3
        assert x.op.run() is None


def test_an_array_given_to_a_constant_is_copied() -> None:
    array = np.arange(3)
    c = ps.constant(array)
    array[:] = 7
    with ps.Session() as session:
        assert session.run(c).tolist() == [0, 1, 2]


def test_messages_are_copies(graph: ps.Graph) -> None:
    ps.constant([1.0, 2.0], name="c")
    message = graph.as_graph_def()
    message.node[0].name = "changed"
    assert graph.get_operation_by_name("c").node_def.name == "c"
