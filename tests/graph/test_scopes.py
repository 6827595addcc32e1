"""What a `with` block adds to nodes: control inputs, devices, colocation, gradient overrides."""

from collections.abc import Iterator

import pytest

import penstock as ps
from penstock import errors
from penstock.graph.device_spec import DeviceSpec, merge_device


def controls(operation: ps.Operation) -> list[str]:
    return sorted(c.name for c in operation.control_inputs)


@pytest.fixture
def gates() -> Iterator[list[ps.Operation]]:
    yield [ps.no_op(name=f"gate{i}") for i in range(3)]


def test_control_dependencies_nest(gates: list[ps.Operation]) -> None:
    with ps.control_dependencies(gates[:1]):
        with ps.control_dependencies(gates[1:]):
            assert controls(ps.no_op()) == ["gate0", "gate1", "gate2"]
        assert controls(ps.no_op()) == ["gate0"]
    assert controls(ps.no_op()) == []


def test_none_clears_control_dependencies(gates: list[ps.Operation]) -> None:
    with ps.control_dependencies(gates[:1]), ps.control_dependencies(None):
        assert controls(ps.no_op()) == []
        with ps.control_dependencies(gates[1:2]):
            assert controls(ps.no_op()) == ["gate1"]


def test_control_inputs_are_listed_once(gates: list[ps.Operation]) -> None:
    with ps.control_dependencies([gates[0], gates[0]]), ps.control_dependencies(gates[:1]):
        assert controls(ps.no_op()) == ["gate0"]


def test_tensors_and_names_are_control_inputs() -> None:
    c = ps.constant(1, name="c")
    with ps.control_dependencies([c]):
        assert controls(ps.no_op()) == ["c"]
    with ps.control_dependencies(["c"]):
        assert controls(ps.no_op()) == ["c"]


def test_what_a_data_input_implies_is_left_out(gates: list[ps.Operation]) -> None:
    """A node that reads something made inside the block waits through it already."""
    with ps.control_dependencies(gates[:1]):
        x = ps.placeholder_with_default(ps.constant(1), [], name="x")
        assert controls(x.op) == []
        inside = ps.constant(2)
        assert controls(inside.op) == ["gate0"]
        y = ps.placeholder_with_default(inside, [])
        assert controls(y.op) == []


def test_a_producer_is_not_a_control_input_too() -> None:
    c = ps.constant(1)
    with ps.control_dependencies([c]):
        assert controls(ps.placeholder_with_default(c, []).op) == []


def test_control_input_of_another_graph_is_refused() -> None:
    with ps.Graph().as_default():
        foreign = ps.no_op()
    with pytest.raises(errors.GraphError), ps.control_dependencies([foreign]):
        pass
    with pytest.raises(errors.GraphError, match="another graph"):
        ps.no_op().add_control_inputs([foreign])


def test_control_edges_are_obeyed_and_pruned(gates: list[ps.Operation]) -> None:
    """A node waits for its control inputs; a failing one fails the run."""
    x = ps.placeholder(ps.float32, [], name="unfed")
    with ps.control_dependencies([x]):
        waiting = ps.constant(1)
    with ps.Session() as session:
        with pytest.raises(errors.InvalidArgumentError, match="unfed"):
            session.run(waiting)
        assert session.run(waiting, {x: 1.0}) == 1
        assert session.run(gates[0]) is None


def test_group_waits_for_all() -> None:
    c, n = ps.constant(1, name="c"), ps.no_op(name="n")
    both = ps.group(c, [n, None], name="both")
    assert both.name == "both"
    assert controls(both) == ["c", "n"]


# ---- devices


def test_device_blocks_merge_inner_over_outer() -> None:
    with ps.device("/job:worker/task:1"):
        with ps.device("/gpu:0"):
            assert ps.constant(1).device == "/job:worker/task:1/device:GPU:0"
            with ps.device("/cpu:0"):
                assert ps.constant(1).device == "/job:worker/task:1/device:CPU:0"
        with ps.device(None):
            assert ps.constant(1).device == ""
        assert ps.constant(1).device == "/job:worker/task:1"


def test_device_functions_are_asked_per_node() -> None:
    def choose(operation: ps.Operation) -> str:
        return "/cpu:1" if operation.type == "Const" else ""

    with ps.device(choose):
        assert ps.constant(1).device == "/device:CPU:1"
        assert ps.no_op().device == ""


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("/cpu:0", "/device:CPU:0"),
        ("cpu:0", "/device:CPU:0"),
        ("/device:GPU:*", "/device:GPU:*"),
        ("/gpu", "/device:GPU:*"),
        ("/job:ps/replica:0/task:3/device:CPU:0", "/job:ps/replica:0/task:3/device:CPU:0"),
        ("/task:1/job:ps", "/job:ps/task:1"),
        ("", ""),
    ],
)
def test_device_names(given: str, canonical: str) -> None:
    assert merge_device(given, "") == canonical
    assert DeviceSpec.from_string(canonical).to_string() == canonical


@pytest.mark.parametrize("wrong", ["/job:", "//", "/cpu:x", "/cpu:0:1", "/task:a", "/0", "/cpu:-1"])
def test_wrong_device_names_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not a device name"), ps.device(wrong):
        pass


# ---- colocation and marks


def test_colocation_is_an_attribute() -> None:
    a, b = ps.constant(1, name="a"), ps.constant(2, name="b")
    with ps.colocate_with(a):
        near = ps.constant(3)
        assert near.op.get_attr("_class") == [b"loc:@a"]
        with ps.colocate_with(b):
            assert ps.constant(4).op.get_attr("_class") == [b"loc:@a", b"loc:@b"]
        with ps.colocate_with(b, ignore_existing=True):
            assert ps.constant(4).op.get_attr("_class") == [b"loc:@b"]
        with ps.colocate_with(near):
            assert ps.constant(5).op.get_attr("_class") == [b"loc:@a"], "groups, not chains"
    assert a.op.colocation_groups() == [b"loc:@a"]
    assert near.op.colocation_groups() == [b"loc:@a"]


def test_gradient_override_is_recorded(graph: ps.Graph) -> None:
    with graph.gradient_override_map({"Const": "Mine"}):
        assert ps.constant(1).op.get_attr("_gradient_op_type") == b"Mine"
        assert "_gradient_op_type" not in ps.no_op()._attrs
    assert "_gradient_op_type" not in ps.constant(1).op._attrs


def test_marked_adds_private_attributes(graph: ps.Graph) -> None:
    with graph.marked(_stage=3):
        assert ps.constant(1).op.get_attr("_stage") == 3
