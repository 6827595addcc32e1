"""What becomes a tensor, of which dtype; and what is refused, with the reason."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import penstock as ps
from penstock import errors
from penstock.shapes import Dimension, TensorShape


def value(tensor: ps.Tensor) -> Any:
    with ps.Session(graph=tensor.graph) as session:
        return session.run(tensor)


@pytest.mark.parametrize(
    ("given", "dtype", "shape"),
    [
        (1, "int32", []),
        (2**31 - 1, "int32", []),
        (2**31, "int64", []),
        (-(2**31) - 1, "int64", []),
        (1.0, "float32", []),
        (True, "bool", []),
        (1j, "complex128", []),
        ("text", "string", []),
        (b"bytes", "string", []),
        ([1, 2], "int32", [2]),
        ([1, 2.5], "float32", [2]),
        ([[True], [False]], "bool", [2, 1]),
        ([2**40], "int64", [1]),
        ([], "float32", [0]),
        ([[], []], "float32", [2, 0]),
        ((1, 2), "int32", [2]),
        (["a", b"b"], "string", [2]),
        (range(3), "int32", [3]),
        (np.int64(3), "int64", []),
        (np.float64(3), "float64", []),
        (np.arange(3), "int64", [3]),
        (np.zeros((2, 3), np.float16), "float16", [2, 3]),
        (np.array(["a", "bc"]), "string", [2]),
        (np.array([b"a"]), "string", [1]),
        (ml_dtypes.bfloat16(1), "bfloat16", []),
        (TensorShape([2, 3]), "int32", [2]),
        (Dimension(7), "int32", []),
        ([Dimension(7), 3], "int32", [2]),
        (ps.float32, "int32", []),
    ],
)
def test_python_values(given: Any, dtype: str, shape: list[int]) -> None:
    tensor = ps.convert_to_tensor(given)
    assert tensor.dtype.name == dtype
    assert tensor.shape.as_list() == shape


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        (1, ps.float32, 1.0),
        (1, ps.uint8, 1),
        (1, ps.complex64, 1 + 0j),
        ([1, 2], ps.float64, [1.0, 2.0]),
        (1.5, ps.float16, 1.5),
        (1.5, ps.bfloat16, 1.5),
        (1.5, ps.complex128, 1.5 + 0j),
        (np.arange(3), ps.int32, [0, 1, 2]),
        (np.arange(3.0), ps.float32, [0.0, 1.0, 2.0]),
        (TensorShape([2]), ps.int64, [2]),
        ([], ps.int32, []),
    ],
)
def test_a_dtype_that_fits(given: Any, dtype: Any, expected: Any) -> None:
    tensor = ps.convert_to_tensor(given, dtype)
    assert tensor.dtype is dtype
    assert value(tensor).tolist() == expected


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (1.5, ps.int32),
        ([1, 2.5], ps.int64),
        (300, ps.uint8),
        (-1, ps.uint32),
        (2**40, ps.int32),
        ([2**40], ps.int32),
        (np.array([300]), ps.uint8),
        (1j, ps.float32),
        ("text", ps.float32),
        (1, ps.string),
        (True, ps.int32),
        (1, ps.bool),
        (np.array([1.5]), ps.int32),
    ],
)
def test_a_dtype_that_does_not_fit(given: Any, dtype: Any, graph: ps.Graph) -> None:
    with pytest.raises(TypeError, match="cannot convert") as raised:
        ps.convert_to_tensor(given, dtype)
    assert isinstance(raised.value, errors.DTypeError)
    assert dtype.name in str(raised.value)
    assert graph.get_operations() == []


@pytest.mark.parametrize("given", [None, object(), [[1], [2, 3]], [1, "a"], {"a": 1}, {1}, print])
def test_what_is_no_tensor(given: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        ps.convert_to_tensor(given)
    assert isinstance(raised.value, errors.OpError)


def test_a_tensor_passes_as_it_is(graph: ps.Graph) -> None:
    x = ps.placeholder(ps.float32)
    assert ps.convert_to_tensor(x) is x
    assert ps.convert_to_tensor(x, ps.float32) is x
    assert ps.convert_to_tensor(x, preferred_dtype=ps.int32) is x
    with pytest.raises(errors.DTypeError, match="has dtype float32, int32 is needed"):
        ps.convert_to_tensor(x, ps.int32)
    assert graph.version == 1


def test_a_preferred_dtype_is_used_where_it_fits() -> None:
    assert ps.convert_to_tensor(1, preferred_dtype=ps.float64).dtype is ps.float64
    assert ps.convert_to_tensor(1.5, preferred_dtype=ps.int32).dtype is ps.float32
    assert ps.convert_to_tensor(1, dtype_hint=ps.int64).dtype is ps.int64
    assert ps.convert_to_tensor(1, ps.int32, preferred_dtype=ps.int64).dtype is ps.int32


def test_an_operation_has_no_value() -> None:
    with pytest.raises(TypeError, match="has no value"):
        ps.convert_to_tensor(ps.no_op())


def test_lists_of_tensors_are_packed() -> None:
    x = ps.constant(1.0)
    packed = ps.convert_to_tensor([x, 2, [3.0][0]])
    assert packed.op.type == "Pack"
    assert packed.shape.as_list() == [3]
    assert value(packed).tolist() == [1, 2, 3]
    nested = ps.convert_to_tensor([[x, 2], [3, x]])
    assert value(nested).tolist() == [[1, 2], [3, 1]]
    with pytest.raises(errors.DTypeError):
        ps.convert_to_tensor([x, ps.constant(1)])


def test_arrays_in_any_layout() -> None:
    array = np.arange(12, dtype=">f4").reshape(3, 4).T[::-1]
    assert value(ps.convert_to_tensor(array)).tolist() == array.tolist()
    assert ps.convert_to_tensor(array).dtype is ps.float32


def test_unknown_shapes_are_no_tensors() -> None:
    with pytest.raises(ValueError, match="not fully known"):
        ps.convert_to_tensor(TensorShape([None, 2]))
    with pytest.raises((TypeError, ValueError)):
        ps.convert_to_tensor(TensorShape(None))


# ---- constant


def test_constant_fills_its_shape() -> None:
    assert value(ps.constant(7, shape=[2, 2])).tolist() == [[7, 7], [7, 7]]
    assert value(ps.constant([1, 2], shape=[3])).tolist() == [1, 2, 2]
    assert value(ps.constant([1, 2, 3, 4], shape=[2, 2])).tolist() == [[1, 2], [3, 4]]
    assert ps.constant(1.0, ps.float64, [0, 3]).shape.as_list() == [0, 3]


def test_constant_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        ps.constant([1, 2, 3], shape=[2])
    with pytest.raises(ValueError, match="does not fit"):
        ps.constant(1, shape=[2], verify_shape=True)
    with pytest.raises(ValueError, match="fully known"):
        ps.constant(1, shape=[None])
    with pytest.raises(ValueError, match="empty"):
        ps.constant([], shape=[2])
    with pytest.raises(TypeError, match="not tensors"):
        ps.constant(ps.constant(1))


# ---- arguments of ops


def test_constants_take_the_dtype_of_the_tensor_beside_them() -> None:
    x = ps.placeholder(ps.float64)
    assert (x + 1).dtype is ps.float64
    assert (1 + x).dtype is ps.float64
    assert ps.add(1, x).dtype is ps.float64
    assert (x * np.float64(2)).dtype is ps.float64
    with pytest.raises(errors.DTypeError, match="float would be cut off"):
        ps.placeholder(ps.int32) + 1.5


def test_tensors_are_never_converted() -> None:
    x, y = ps.placeholder(ps.float32, name="x"), ps.placeholder(ps.float64, name="y")
    with pytest.raises(errors.DTypeError) as raised:
        ps.add(x, y, name="sum")
    assert 'AddV2 "sum": input' in str(raised.value)
    assert "has dtype float64, expected float32" in str(raised.value)
    assert "use tf.cast" in str(raised.value)


def test_tensors_of_two_graphs_do_not_meet() -> None:
    x = ps.constant(1.0, name="mine")
    with ps.Graph().as_default():
        y = ps.constant(1.0, name="theirs")
        with pytest.raises(errors.GraphError, match='"mine:0" and "theirs:0" belong to different'):
            ps.add(x, y)
        with pytest.raises(errors.GraphError, match="different graphs"):
            ps.raw_ops.AddN([y, x])


def test_a_node_is_built_in_the_graph_of_its_inputs(graph: ps.Graph) -> None:
    x = ps.constant(1.0)
    with ps.Graph().as_default() as other:
        y = ps.negative(x)
        assert other.version == 0
    assert y.graph is graph
