"""GraphDef bytes that nobody wrote on purpose: cut, random, mutated, deeply nested, enormous.

Whatever arrives, the answer is a graph or a typed error: no crash, no recursion, no memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock as ps
from penstock import errors, protos

REFUSALS = (errors.InvalidArgumentError, errors.DataLossError, errors.UnimplementedError)


def sample() -> bytes:
    """Return a graph with attributes of many kinds."""
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [None, 2], name="x")
        with ps.control_dependencies([x]), ps.device("/cpu:0"), ps.colocate_with(x):
            y = ps.raw_ops.Identity(ps.constant([[1.0, 2.0]]))
        ps.raw_ops.IdentityN([x, y], name="both")
        ps.constant([b"text", b"more"])
        data: bytes = graph.as_graph_def().SerializeToString()
        return data


SAMPLE = sample()


def feed(data: bytes) -> None:
    """Import bytes, alone in a graph; only typed errors may come out."""
    with ps.Graph().as_default() as graph:
        try:
            ps.import_graph_def(data, name="")
        except REFUSALS as error:
            assert str(error)
        else:
            graph.as_graph_def()


def test_the_sample_is_good() -> None:
    with ps.Graph().as_default() as graph:
        ps.import_graph_def(SAMPLE, name="")
        assert len(graph.get_operations()) == 5


def test_cut_at_every_byte() -> None:
    for length in range(len(SAMPLE)):
        feed(SAMPLE[:length])


@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    feed(data)


@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), max_size=6))
def test_changed_bytes(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SAMPLE)
    for place, value in changes:
        data[place] = value
    feed(bytes(data))


@given(st.integers(0, len(SAMPLE)), st.integers(0, len(SAMPLE)), st.binary(max_size=12))
def test_spliced_bytes(start: int, end: int, middle: bytes) -> None:
    feed(SAMPLE[:start] + middle + SAMPLE[end:])


def nested_function(depth: int) -> bytes:
    """Return a GraphDef whose only attribute nests functions, written by hand, inside out."""

    def field(number: int, body: bytes) -> bytes:
        size, length = len(body), b""
        while size > 127:
            length += bytes([size & 127 | 128])
            size >>= 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + body

    body = field(1, b"f")  # NameAttrList.name
    for _ in range(depth):
        value = field(10, body)  # AttrValue.func
        body = field(1, b"f") + field(2, field(1, b"a") + field(2, value))
    node = (
        field(1, b"n") + field(2, b"NoOp") + field(5, field(1, b"_a") + field(2, field(10, body)))
    )
    return field(1, node)


@pytest.mark.parametrize("depth", [1, 20, 1000, 20000])
def test_deep_nesting(depth: int) -> None:
    feed(nested_function(depth))


def test_deep_message_object() -> None:
    """A message built in memory is not depth-checked by a parser."""
    message = protos.GraphDef()
    func = message.node.add(name="n", op="NoOp").attr["_a"].func
    for _ in range(3000):
        func.name = "f"
        func = func.attr["a"].func
    with pytest.raises(REFUSALS):
        ps.import_graph_def(message, name="")


def test_a_long_chain_needs_no_recursion() -> None:
    message = protos.GraphDef()
    node = message.node.add(name="n0", op="Const")
    node.attr["dtype"].type = 1
    node.attr["value"].tensor.dtype = 1
    node.attr["value"].tensor.float_val.append(4.0)
    for i in range(5000, 0, -1):  # consumers first: the worst order
        node = message.node.add(name=f"n{i}", op="Identity", input=[f"n{i - 1}"])
        node.attr["T"].type = 1
    (last,) = ps.import_graph_def(message, return_elements=["n5000:0"]) or []
    with ps.Session() as session:
        assert session.run(last) == 4.0


def test_a_constant_of_terabytes_is_refused() -> None:
    message = protos.GraphDef()
    node = message.node.add(name="c", op="Const")
    node.attr["dtype"].type = 1
    tensor: Any = node.attr["value"].tensor
    tensor.dtype = 1
    tensor.float_val.append(1.0)
    for _ in range(4):
        tensor.tensor_shape.dim.add().size = 1 << 16
    with pytest.raises(errors.InvalidArgumentError, match="larger than"):
        ps.import_graph_def(message)


def test_constants_do_not_share_the_message() -> None:
    """Changing a message after its import changes nothing in the graph."""
    message = protos.GraphDef.FromString(SAMPLE)
    ps.import_graph_def(message, name="")
    for node in message.node:
        node.Clear()
    (constant,) = [o for o in ps.get_default_graph().get_operations() if o.name == "Const"]
    assert np.array_equal(constant.get_attr("value"), [[1.0, 2.0]])


@pytest.mark.parametrize("value", [{"s": [b"loc:@\x80"]}, {"i": [7]}])
def test_colocation_groups_that_are_no_names(value: dict[str, list[object]]) -> None:
    node = protos.NodeDef(name="x", op="NoOp")
    for field, items in value.items():
        getattr(node.attr["_class"].list, field).extend(items)
    with (
        ps.Graph().as_default(),
        pytest.raises(ps.errors.InvalidArgumentError, match=r'"x" \(NoOp\): attribute _class'),
    ):
        ps.import_graph_def(protos.GraphDef(node=[node]), name="")
