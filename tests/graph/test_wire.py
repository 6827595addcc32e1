"""as_graph_def and back: what is written, that it survives, every way it can be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import penstock as ps
from penstock import errors, protos
from penstock.graph import codec
from penstock.graph.ir import Func
from penstock.graph.tensor_codec import decode_tensor, encode_tensor
from penstock.shapes import TensorShape

DTYPE_NAMES = (
    *("float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128"),
)
NUMPY_DTYPES = [ps.as_dtype(name).numpy_dtype for name in DTYPE_NAMES]


def round_trip(value: Any) -> Any:
    message = protos.AttrValue()
    codec.encode_attr(value, message)
    again = protos.AttrValue.FromString(message.SerializeToString())
    return codec.decode_attr(again)


ATTRS = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(width=32, allow_nan=False),
        st.binary(),
        st.sampled_from([ps.float32, ps.int64, ps.bfloat16, ps.resource, ps.string]),
        st.builds(TensorShape, st.none() | st.lists(st.none() | st.integers(0, 2**40))),
    ),
    lambda inner: st.builds(Func, st.text(max_size=5), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)


@given(ATTRS)
def test_attributes_survive(value: Any) -> None:
    again = round_trip(value)
    assert again == value
    assert type(again) is type(value)


@given(st.one_of([st.lists(s, min_size=1) for s in (st.booleans(), st.integers(-9, 9))]))
def test_lists_survive(values: list[Any]) -> None:
    assert round_trip(values) == values


def test_mixed_lists_survive() -> None:
    for values in ([b"a", b""], [ps.int32], [TensorShape([2]), TensorShape(None)], [1.5, -0.0]):
        assert round_trip(values) == values
    assert round_trip([]) == []
    (array,) = round_trip([np.array([1, 2])])
    assert array.tolist() == [1, 2]


def test_what_is_no_attribute_is_refused() -> None:
    for value in (object(), [object()]):
        with pytest.raises(TypeError, match="attribute"):
            round_trip(value)


def random_bits(dtype: np.dtype[Any], shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    """Return an array of any bits whatever: NaNs, denormals, infinities."""
    high = 2 if dtype == np.bool_ else 256
    shape = (*shape, dtype.itemsize)
    octets = np.random.default_rng(seed).integers(0, high, shape).astype(np.uint8)
    return octets.view(dtype).reshape(shape[:-1])


ARRAYS = st.builds(
    random_bits,
    st.sampled_from(NUMPY_DTYPES),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
    st.integers(0, 999),
)


@given(ARRAYS)
def test_arrays_survive_to_the_last_bit(array: np.ndarray[Any, Any]) -> None:
    again = decode_tensor(protos.TensorProto.FromString(encode_tensor(array).SerializeToString()))
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    assert again.tobytes() == array.tobytes()


def test_strings_survive() -> None:
    array = np.array([[b"a", b"\xff\x00"], [b"", b"long" * 99]], dtype=object)
    assert decode_tensor(encode_tensor(array)).tolist() == array.tolist()


@pytest.mark.parametrize("dtype", NUMPY_DTYPES, ids=str)
def test_big_endian_and_strided_arrays(dtype: np.dtype[Any]) -> None:
    array = np.arange(12).astype(dtype).reshape(3, 4)[:, ::-2]
    assert decode_tensor(encode_tensor(array)).tolist() == array.tolist()


def test_short_lists_repeat_their_last_value() -> None:
    proto = protos.TensorProto(dtype=1, float_val=[1.0, 2.0])
    proto.tensor_shape.dim.add().size = 4
    assert decode_tensor(proto).tolist() == [1, 2, 2, 2]
    proto = protos.TensorProto(dtype=3)
    proto.tensor_shape.dim.add().size = 2
    assert decode_tensor(proto).tolist() == [0, 0]


def tensor_proto(**fields: Any) -> Any:
    sizes = fields.pop("sizes", [2])
    proto = protos.TensorProto(**fields)
    for size in sizes:
        proto.tensor_shape.dim.add().size = size
    return proto


@pytest.mark.parametrize(
    ("proto", "kind"),
    [
        (tensor_proto(dtype=1, tensor_content=b"1234567"), errors.DataLossError),
        (tensor_proto(dtype=1, float_val=[1, 2, 3]), errors.InvalidArgumentError),
        (tensor_proto(dtype=1, sizes=[-1]), errors.InvalidArgumentError),
        (tensor_proto(dtype=1, sizes=[2**62, 2**62]), errors.InvalidArgumentError),
        (tensor_proto(dtype=1, sizes=[2**40]), errors.InvalidArgumentError),
        (tensor_proto(dtype=7, tensor_content=b"ab"), errors.InvalidArgumentError),
        (tensor_proto(dtype=0), errors.InvalidArgumentError),
        (tensor_proto(dtype=20), errors.InvalidArgumentError),
        (tensor_proto(dtype=101, float_val=[1]), errors.InvalidArgumentError),
        (tensor_proto(dtype=4, int_val=[300], sizes=[1]), errors.InvalidArgumentError),
        (tensor_proto(dtype=8, scomplex_val=[1], sizes=[1]), errors.InvalidArgumentError),
    ],
)
def test_damaged_tensors_are_refused(proto: Any, kind: type[errors.OpError]) -> None:
    with pytest.raises(kind):
        decode_tensor(proto)


# ---- graphs


def wire(*nodes: tuple[Any, ...], **versions: int) -> Any:
    """Return a GraphDef of (name, op, inputs, attributes)."""
    message = protos.GraphDef()
    message.versions.producer = versions.get("producer", 100)
    message.versions.min_consumer = versions.get("min_consumer", 0)
    for name, op, inputs, attrs in nodes:
        node = message.node.add(name=name, op=op, input=inputs)
        for key, value in attrs.items():
            codec.encode_attr(value, node.attr[key])
    return message


def constant(name: str, value: Any = 1.0) -> tuple[Any, ...]:
    array = np.array(value, np.float32)
    return (name, "Const", [], {"value": array, "dtype": ps.float32})


def identity(name: str, *inputs: str) -> tuple[Any, ...]:
    return (name, "Identity", list(inputs), {"T": ps.float32})


def imported(message: Any, **arguments: Any) -> Any:
    return ps.import_graph_def(message, name="", **arguments)


def test_a_graph_survives(graph: ps.Graph) -> None:
    x = ps.placeholder(ps.float32, [None, 2], name="x")
    with ps.name_scope("s"), ps.device("/cpu:0"), ps.control_dependencies([x]):
        c = ps.constant([[1.0, 2.0]], name="c")
    ps.raw_ops.Identity(c, name="y")
    message = graph.as_graph_def()
    assert [n.name for n in message.node] == ["x", "s/c", "y"]
    assert list(message.node[1].input) == ["^x"]
    assert list(message.node[2].input) == ["s/c"]
    assert message.node[1].device == "/device:CPU:0"
    assert message.versions.producer == codec.PRODUCER
    with ps.Graph().as_default() as other:
        imported(message)
        assert other.as_graph_def() == message
        assert other.get_tensor_by_name("x:0").shape.as_list() == [None, 2]
        assert other.get_tensor_by_name("y:0").shape.as_list() == [1, 2]
    with ps.Graph().as_default() as third:
        imported(message.SerializeToString())
        assert third.as_graph_def() == message


def test_from_version_and_add_shapes(graph: ps.Graph) -> None:
    ps.constant(1, name="a")
    version = graph.version
    ps.constant([1, 2], name="b")
    (node,) = graph.as_graph_def(from_version=version, add_shapes=True).node
    assert node.name == "b"
    assert node.attr["_output_shapes"].list.shape[0].dim[0].size == 2


def test_import_under_a_prefix(graph: ps.Graph) -> None:
    message = wire(constant("c"), identity("y", "c", "^c"))
    message.node[1].attr["_class"].list.s.append(b"loc:@c")
    ps.import_graph_def(message)
    ps.import_graph_def(message)
    ps.import_graph_def(message, name="mine")
    names = [op.name for op in graph.get_operations()]
    assert names == ["import/c", "import/y", "import_1/c", "import_1/y", "mine/c", "mine/y"]
    y = graph.get_operation_by_name("mine/y")
    assert y.inputs[0].name == "mine/c:0"
    assert y.get_attr("_class") == [b"loc:@mine/c"]


def test_nodes_may_come_in_any_order(graph: ps.Graph) -> None:
    imported(wire(identity("z", "y"), identity("y", "c:0"), constant("c", 5.0)))
    with ps.Session() as session:
        assert session.run("z:0") == 5.0


def test_input_map_and_return_elements() -> None:
    mine = ps.placeholder(ps.float32, [], name="mine")
    message = wire(constant("c"), identity("y", "c"), identity("z", "y:0"))
    z, y, c = imported(message, input_map={"c:0": mine}, return_elements=["z:0", "y", "c:0"])
    assert z.name == "z:0"
    assert isinstance(y, ps.Operation)
    assert y.inputs == (mine,)
    assert c is mine
    with ps.Session() as session:
        assert session.run(z, {mine: 3.0}) == 3.0


def test_wrong_input_map_and_return_elements() -> None:
    message = wire(constant("c"), identity("y", "c"))
    with pytest.raises(ValueError, match="does not read: nothing:0"):
        ps.import_graph_def(message, input_map={"nothing": ps.constant(1.0)})
    with pytest.raises(errors.DTypeError, match="is int32"):
        ps.import_graph_def(message, input_map={"c": ps.constant(1)})
    for wrong in ("q", "q:0", "y:1"):
        with pytest.raises(ValueError, match="return_elements"):
            ps.import_graph_def(message, return_elements=[wrong])


def test_what_is_no_graph_def_is_refused() -> None:
    for wrong in (None, 3, "text", protos.NodeDef()):
        with pytest.raises(TypeError, match="must be a GraphDef"):
            ps.import_graph_def(wrong)


def test_importing_twice_under_one_name_is_refused() -> None:
    imported(wire(constant("c")))
    with pytest.raises(errors.GraphError, match='has a node "c" already'):
        imported(wire(constant("c")))


def test_unknown_private_attributes_pass_through(graph: ps.Graph) -> None:
    message = wire((*constant("c")[:3], {**constant("c")[3], "_mine": b"x"}))
    imported(message)
    assert graph.as_graph_def().node[0].attr["_mine"].s == b"x"


FLOAT = {"T": ps.float32}
WRONG_GRAPHS = {  # what is wrong with it → the graph, the error, a piece of its text
    "duplicate name": (wire(constant("c"), constant("c")), errors.GraphError, '"c" appears twice'),
    "empty name": (wire(constant("")), errors.GraphError, "not a valid node name"),
    "bad name": (wire(constant("a b")), errors.GraphError, "'a b' is not a valid node name"),
    "unknown op": (
        wire(("n", "MatMull", [], {}), producer=9999),
        errors.UnimplementedError,
        f"'MatMull'.*producer version 9999, this consumer is version {codec.PRODUCER}",
    ),
    "newer producer": (
        wire(constant("c"), min_consumer=99999, producer=100000),
        errors.UnimplementedError,
        f"version 99999.*producer 100000.*{codec.PRODUCER}",
    ),
    "missing node": (
        wire(identity("y", "nowhere")),
        errors.GraphError,
        'node "y" .Identity.: input "nowhere" names no node',
    ),
    "missing control": (wire(identity("y", "^nowhere")), errors.GraphError, "names no node"),
    "missing output": (
        wire(constant("c"), identity("y", "c:1")),
        errors.GraphError,
        'input "c:1" does not exist, "c" has 1 outputs',
    ),
    "cycle": (
        wire(identity("a", "c"), identity("b", "a"), identity("c", "b")),
        errors.GraphError,
        "cycle: a -> c -> b -> a",
    ),
    "self loop": (wire(identity("a", "a")), errors.GraphError, "cycle: a -> a"),
    "control cycle": (
        wire(identity("a", "k", "^b"), identity("b", "k", "^a"), constant("k")),
        errors.GraphError,
        "cycle",
    ),
    "too few inputs": (wire(identity("y")), errors.GraphError, "needs 1 inputs, has 0"),
    "too many inputs": (
        wire(constant("c"), identity("y", "c", "c")),
        errors.GraphError,
        "needs 1 inputs, has 2",
    ),
    "data after control": (
        wire(constant("c"), identity("y", "^c", "c")),
        errors.GraphError,
        "control inputs must come after",
    ),
    "dtype of input": (
        wire(constant("c"), ("y", "Identity", ["c"], {"T": ps.int32})),
        errors.DTypeError,
        '"y" .Identity.: input .* is float32 from "c", its attributes say int32',
    ),
    "missing attribute": (
        wire(("p", "Placeholder", [], {})),
        errors.InvalidArgumentError,
        "missing attribute 'dtype'",
    ),
    "kind of attribute": (
        wire(("p", "Placeholder", [], {"dtype": 3})),
        errors.InvalidArgumentError,
        "attribute dtype",
    ),
    "unknown attribute": (
        wire((*constant("c")[:3], {**constant("c")[3], "colour": 3})),
        errors.UnimplementedError,
        "no attribute 'colour'.*producer version 100",
    ),
    "value of another dtype": (
        wire(("c", "Const", [], {"value": np.array(1), "dtype": ps.float32})),
        errors.DTypeError,
        "float32",
    ),
    "no value": (
        wire(("c", "Const", [], {"dtype": ps.float32})),
        errors.InvalidArgumentError,
        "missing attribute 'value'",
    ),
    "bad device": (wire(constant("c")), errors.GraphError, "is not a device name"),
    "negative dimension": (wire(constant("c")), errors.InvalidArgumentError, "negative dimension"),
}
WRONG_GRAPHS["bad device"][0].node[0].device = "nonsense::"
_shape = WRONG_GRAPHS["negative dimension"][0].node[0].attr["_output_shapes"].list.shape.add()
_shape.dim.add().size = -2


@pytest.mark.parametrize("what", WRONG_GRAPHS)
def test_wrong_graphs_are_refused(what: str) -> None:
    message, kind, text = WRONG_GRAPHS[what]
    with pytest.raises(kind, match=text):
        imported(message)
