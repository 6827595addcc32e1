"""Static values, TensorProto, conversions that programs register, device specs."""

from typing import Any

import numpy as np
import pytest

import penstock as ps


def test_static_values() -> None:
    x = ps.placeholder(ps.float32, [None, 3])
    assert ps.get_static_value(x) is None
    assert ps.get_static_value(ps.shape(x)) is None
    assert ps.get_static_value(ps.shape(x), partial=True).tolist() == [None, 3]
    assert ps.get_static_value(ps.constant([1, 2])).tolist() == [1, 2]
    assert ps.get_static_value(5) == 5


def test_what_is_a_tensor() -> None:
    v = ps.Variable(1.0)
    assert ps.is_tensor(v)
    assert ps.is_tensor(ps.IndexedSlices(ps.constant([1.0]), ps.constant([0])))
    assert not ps.is_tensor(np.zeros(2))


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "bfloat16", "complex64"])
def test_tensor_protos_return(dtype: str) -> None:
    array = np.array([[1, 0, 1]]).astype(ps.as_dtype(dtype).numpy_dtype)
    back = ps.make_ndarray(ps.make_tensor_proto(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    back[0, 0] = 0


def test_tensor_protos_take_a_shape() -> None:
    make = ps.make_tensor_proto
    assert ps.make_ndarray(make([1, 2, 3, 4], shape=[2, 2])).tolist() == [[1, 2], [3, 4]]
    assert ps.make_ndarray(make(7, ps.int64, [3])).tolist() == [7, 7, 7]
    assert ps.make_ndarray(make(["a", b"b"])).tolist() == [b"a", b"b"]
    with pytest.raises(ValueError, match="do not fill"):
        make([1, 2, 3], shape=[2])
    with pytest.raises(TypeError, match="expected"):
        make([1, 2], shape=[2, 1], verify_shape=True)


class Money:
    """Something that a program teaches to be a tensor."""

    def __init__(self, cents: int) -> None:
        self.cents = cents


def to_cents(value: Any, dtype: Any = None, name: Any = None, as_ref: bool = False) -> Any:
    return ps.constant(value.cents, dtype=dtype, name=name or "money")


def test_registered_conversions() -> None:
    with pytest.raises(TypeError):
        ps.convert_to_tensor(Money(3))
    ps.register_tensor_conversion_function(Money, lambda *a, **k: NotImplemented, priority=10)
    ps.register_tensor_conversion_function((Money,), to_cents)
    assert ps.is_tensor(Money(3))
    with ps.Session() as session:
        assert session.run(ps.constant(4) + Money(3)) == 7
        assert session.run(ps.stack([Money(1), Money(2)])).tolist() == [1, 2]
        assert session.run(ps.convert_to_tensor([Money(1), 5])).tolist() == [1, 5]
    with pytest.raises(TypeError):
        ps.register_tensor_conversion_function(3, to_cents)
    with pytest.raises(TypeError):
        ps.register_tensor_conversion_function(Money, 3)


def test_slices_stay_slices() -> None:
    slices = ps.IndexedSlices(ps.constant([1.0]), ps.constant([0]))
    assert ps.convert_to_tensor_or_indexed_slices(slices) is slices
    assert isinstance(ps.convert_to_tensor_or_indexed_slices([1.0]), ps.Tensor)
    with pytest.raises(ValueError, match="float32"):
        ps.convert_to_tensor_or_indexed_slices(slices, ps.int32)


def test_device_specs() -> None:
    spec = ps.DeviceSpec(job="ps", task=1, device_type="CPU", device_index=0)
    assert spec.to_string() == "/job:ps/task:1/device:CPU:0"
    assert spec.replace(task=2).task == 2
    other = ps.DeviceSpec.from_string("/job:worker/device:GPU:1")
    assert spec.make_merged_spec(other).to_string() == "/job:worker/task:1/device:GPU:1"
