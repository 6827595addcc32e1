"""Nested `device` and `colocate_with` blocks: devices and classes as TensorFlow 2.21 recorded them.

Blocks stand outermost first. ("set", d) is a function that returns d, ("keep",) one that returns
what the node asks for by then, ("spec", d) a DeviceSpec, ("asked", d) a function that returns one;
("beside", d) is colocate_with a node made on d, ("only", d) the same with `ignore_existing`.
"""

from contextlib import ExitStack
from typing import Any

import pytest

import penstock as ps

NESTINGS: list[tuple[list[Any], tuple[str, list[str]]]] = [
    (["/cpu:0"], ("/device:CPU:0", [])),
    (["/job:worker/task:1", "/gpu:0"], ("/job:worker/task:1/device:GPU:0", [])),
    (["/gpu:0", "/cpu:0"], ("/device:CPU:0", [])),
    (["/gpu:1", "/cpu"], ("/device:CPU:1", [])),
    (["/gpu:1", "/gpu"], ("/device:GPU:1", [])),
    (["/job:a", "/job:b"], ("/job:b", [])),
    (["/job:a/cpu:1", "/task:2"], ("/job:a/task:2/device:CPU:1", [])),
    (["/gpu:0", None], ("", [])),
    (["/gpu:0", None, "/job:x"], ("/job:x", [])),
    ([None], ("", [])),
    ([""], ("", [])),
    (["/gpu:0", ""], ("/device:GPU:0", [])),
    (["/cpu:0", ("set", "/gpu:1")], ("/device:GPU:1", [])),
    ([("set", "/gpu:1"), "/cpu:0"], ("/device:GPU:1", [])),  # there as the function wrote it
    ([("keep",), "/cpu:0"], ("/device:CPU:0", [])),
    (["/job:a", ("keep",), "/cpu:0"], ("/job:a/device:CPU:0", [])),
    (["/job:a", ("set", "/gpu:1"), "/cpu:0"], ("/job:a/device:GPU:1", [])),
    (["/job:a", ("set", "")], ("/job:a", [])),
    ([("spec", "/job:q/gpu:1")], ("/job:q/device:GPU:1", [])),
    (["/task:3", ("spec", "/job:q/gpu:1")], ("/job:q/task:3/device:GPU:1", [])),
    ([("spec", "/job:q/gpu:1"), "/cpu:0"], ("/job:q/device:CPU:0", [])),
    ([("asked", "/job:q/gpu:1"), "/cpu:0"], ("/job:q/device:GPU:1", [])),
    (["/device:SIM_GPU:1", "/job:j"], ("/job:j/device:SIM_GPU:1", [])),
    (["/replica:1/task:2", "/replica:3"], ("/replica:3/task:2", [])),
    (
        ["/job:a/replica:0/task:0/device:CPU:0", "/job:b"],
        ("/job:b/replica:0/task:0/device:CPU:0", []),
    ),
    (["/cpu:0", ("beside", "/gpu:3")], ("/device:GPU:3", ["loc:@o1"])),
    ([("beside", "/gpu:3"), "/cpu:1"], ("/device:GPU:3", ["loc:@o0"])),
    (["/job:a", ("beside", "")], ("", ["loc:@o1"])),
    ([("beside", ""), "/cpu:1"], ("/device:CPU:1", ["loc:@o0"])),
    ([("beside", "/gpu:3"), ("beside", "/gpu:4")], ("/device:GPU:4", ["loc:@o0", "loc:@o1"])),
    ([("beside", "/gpu:3"), ("beside", "")], ("/device:GPU:3", ["loc:@o0", "loc:@o1"])),
    (
        ["/cpu:2", ("beside", "/gpu:3"), "/cpu:1", ("beside", "/gpu:4")],
        ("/device:GPU:4", ["loc:@o1", "loc:@o3"]),
    ),
    ([("beside", "/gpu:3"), ("only", "/gpu:4")], ("/device:GPU:4", ["loc:@o1"])),
    ([("beside", "/gpu:3"), ("only", None)], ("", [])),
    (["/cpu:1", ("only", None)], ("", [])),
    (["/cpu:1", ("only", None), "/job:a"], ("/job:a", [])),
]


def block(graph: ps.Graph, item: Any, number: int) -> Any:
    """Return the `with` block that an entry of the table stands for."""
    if item is None or isinstance(item, str):
        return ps.device(item)
    kind, *rest = item
    if kind == "keep":
        return ps.device(lambda op: op.device)
    if kind == "set":
        return ps.device(lambda op: rest[0])
    if kind in ("spec", "asked"):
        spec = ps.DeviceSpec.from_string(rest[0])
        return ps.device(spec if kind == "spec" else lambda op: spec)
    partner = None
    if rest[0] is not None:
        with ps.colocate_with(None, ignore_existing=True), ps.device(rest[0]):
            partner = ps.constant(0.0, name=f"o{number}")
    return ps.colocate_with(partner, ignore_existing=kind == "only")


@pytest.mark.parametrize(("blocks", "expected"), NESTINGS, ids=lambda v: str(v)[:60])
def test_nesting(blocks: list[Any], expected: tuple[str, list[str]]) -> None:
    graph = ps.get_default_graph()
    with ExitStack() as stack:
        for number, item in enumerate(blocks):
            stack.enter_context(block(graph, item, number))
        op = ps.constant(1.0, name="n").op
    classes = [c.decode() for c in op._attrs.get("_class", ())]
    assert (op.device, classes) == expected


def test_what_is_no_device() -> None:
    with pytest.raises(TypeError, match="not 3"):
        ps.device(3)
    with pytest.raises(ValueError, match="ignore_existing"):
        ps.colocate_with(None)


def test_a_function_that_says_nothing_leaves_the_node_alone() -> None:
    with ps.device("/job:a"), ps.device(lambda op: None), ps.device("/cpu:1"):
        assert ps.constant(1).device == "/job:a/device:CPU:1"


def test_reads_of_a_variable_ask_for_nothing_and_updates_do() -> None:
    """As TensorFlow: the value of a variable is read where the variable is."""
    with ps.device("/cpu:1"):
        v = ps.Variable(lambda: ps.zeros([2]), name="v")
    assert v.device == v.op.device == "/device:CPU:1"
    assert v.initializer.device == "/device:CPU:1"
    assert (v.initial_value.device, v.initial_value.op.get_attr("_class")) == ("", [b"loc:@v"])
    with ps.device("/gpu:0"):
        total = v + 1.0
        assert total.device == "/device:GPU:0"
        assert total.op.inputs[0].device == ""
        assert v.read_value().device == "/device:GPU:0"
        assert v.assign([1.0, 2.0]).op.device == "/device:GPU:0"


def test_slots_and_updates_are_beside_their_variable() -> None:
    with ps.device("/cpu:1"):
        v = ps.Variable([1.0, 2.0], name="v")
    with ps.device("/gpu:1"):
        train = ps.train.MomentumOptimizer(0.1, 0.9).minimize(ps.reduce_sum(v * v))
    graph = ps.get_default_graph()
    for name in ("v/Momentum", "Momentum/update_v/ResourceApplyMomentum", "v/Momentum/Assign"):
        assert graph.get_operation_by_name(name).device == "/device:CPU:1", name
    assert graph.get_operation_by_name("gradients/mul_grad/Mul").device == "/device:GPU:1"
    assert train.graph is graph


def test_gradients_are_beside_their_ops_when_asked() -> None:
    x = ps.placeholder(ps.float32, [2])
    with ps.device("/cpu:1"):
        y = ps.sin(x, name="y")
    for colocate, device in ((False, ""), (True, "/device:CPU:1")):
        (grad,) = ps.gradients(y, x, colocate_gradients_with_ops=colocate)
        assert grad.device == device
        assert (b"loc:@y" in grad.op._attrs.get("_class", ())) is colocate


def test_import_under_a_device_block() -> None:
    """Blocks fill in what nodes leave open; colocated nodes ask for what their partner asks."""
    with ps.Graph().as_default() as origin:
        with ps.device("/cpu:1"):
            a = ps.constant(1.0, name="a")
        with ps.colocate_with(a):
            ps.constant(2.0, name="b")
        ps.constant(3.0, name="c")
        definition = origin.as_graph_def()
    definition.node[1].device = "/device:GPU:7"
    with ps.device("/job:w"):
        ps.import_graph_def(definition, name="in")
    devices = {op.name: op.device for op in ps.get_default_graph().get_operations()}
    assert devices["in/a"] == devices["in/b"] == "/job:w/device:CPU:1"
    assert devices["in/c"] == "/job:w"
