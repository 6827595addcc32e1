"""What is known while building: constants, and the integers that shapes are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.ops.static_values import constant_value, partial_ints


def x() -> ps.Tensor:
    return ps.placeholder(ps.float32, [None, 3, 4])


KNOWN: dict[str, tuple[Callable[[], ps.Tensor], list[Any] | None]] = {
    "constant": (lambda: ps.constant([1, 2]), [1, 2]),
    "scalar": (lambda: ps.constant(7), [7]),
    "shape": (lambda: ps.shape(x()), [None, 3, 4]),
    "long shape": (lambda: ps.shape(x(), out_type=ps.int64), [None, 3, 4]),
    "element": (lambda: ps.shape(x())[1], [3]),
    "unknown element": (lambda: ps.shape(x())[0], [None]),
    "last element": (lambda: ps.shape(x())[-1], [4]),
    "slice": (lambda: ps.shape(x())[1:], [3, 4]),
    "reversed": (lambda: ps.shape(x())[::-1], [4, 3, None]),
    "pack": (lambda: ps.stack([ps.shape(x())[0], 5]), [None, 5]),
    "list": (lambda: ps.convert_to_tensor([ps.shape(x())[0], 5]), [None, 5]),
    "concat": (lambda: ps.concat([ps.shape(x())[:1], [7, 8]], 0), [None, 7, 8]),
    "sum": (lambda: ps.shape(x()) + 1, [None, 4, 5]),
    "product": (lambda: ps.shape(x())[1] * ps.shape(x())[2], [12]),
    "division": (lambda: ps.shape(x())[2] // 2, [2]),
    "cast": (lambda: ps.cast(ps.shape(x()), ps.int64), [None, 3, 4]),
    "identity": (lambda: ps.identity(ps.shape(x())), [None, 3, 4]),
    "gather": (lambda: ps.gather(ps.shape(x()), [2, 0]), [4, None]),
    "rank": (lambda: ps.rank(x()), [3]),
    "size": (lambda: ps.size(ps.zeros([2, 5])), [10]),
    "size of unknown": (lambda: ps.size(x()), [None]),
    "range": (lambda: ps.range(1, 7, 2), [1, 3, 5]),
    "range of rank": (lambda: ps.range(ps.rank(x())), [0, 1, 2]),
    "placeholder": (lambda: ps.placeholder(ps.int32, [2]), [None, None]),
    "anything": (lambda: ps.placeholder(ps.int32), None),
    "matrix": (lambda: ps.constant([[1, 2]]), None),
}


@pytest.mark.parametrize("name", KNOWN)
def test_partial_ints(name: str) -> None:
    build, expected = KNOWN[name]
    assert partial_ints(build()) == expected


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_is_true(name: str) -> None:
    """A run gives the same numbers, and `constant_value` has the run's shape and dtype."""
    tensor = KNOWN[name][0]()
    feeds = {}
    for op in tensor.graph.get_operations():
        if op.type == "Placeholder":
            shape = [6 if d is None else d for d in op.outputs[0]._dims or (2,)]
            feeds[op.outputs[0]] = np.full(shape, 2, op.outputs[0].dtype.as_numpy_dtype)
    with ps.Session() as session:
        value = np.asarray(session.run(tensor, feeds))
    known = partial_ints(tensor)
    if known is not None:
        assert len(known) == value.size
        pairs = zip(known, value.ravel().tolist(), strict=True)
        assert all(k is None or k == v for k, v in pairs)
    exact = constant_value(tensor)
    if exact is not None:
        assert exact.dtype == value.dtype
        np.testing.assert_array_equal(exact, value)


def test_shapes_built_from_shapes_are_static() -> None:
    """The usual idiom: a batch of unknown size keeps its other dimensions."""
    batch = ps.shape(x())[0]
    assert ps.reshape(x(), [batch, 12]).shape.as_list() == [None, 12]
    assert ps.reshape(x(), [-1, 12]).shape.as_list() == [None, 12]
    assert ps.zeros(ps.stack([batch, 5])).shape.as_list() == [None, 5]
    assert ps.fill([batch, 2], 0.0).shape.as_list() == [None, 2]
    assert ps.tile(ps.ones([1, 2]), [batch, 3]).shape.as_list() == [None, 6]
    assert ps.reshape(x(), ps.concat([ps.shape(x())[:2], [2, 2]], 0)).shape.as_list() == [
        *(None, 3, 2, 2)
    ]


def test_constants_of_any_dtype_are_known() -> None:
    assert constant_value(ps.identity(ps.constant([1.5])))[0] == 1.5
    assert constant_value(ps.constant("text")) == b"text"
    assert constant_value(ps.placeholder(ps.float32)) is None
    assert constant_value(ps.constant(1.0) + 1.0) is None


def test_long_chains_are_not_followed_for_ever() -> None:
    tensor = ps.constant([1, 2])
    for _ in range(2000):
        tensor = tensor + 1
    assert partial_ints(tensor) in (None, [None, None])


def test_a_matrix_made_of_a_vector_is_not_taken_for_a_list() -> None:
    """Paddings computed by a reshape: the shape rule of Pad must not read them as pairs."""
    rows = ps.shape(ps.placeholder(ps.float32, [2, 3]))
    paddings = ps.reshape(ps.concat([rows, rows], 0), [2, 2])
    assert constant_value(paddings) is None
    padded = ps.pad(ps.ones([1, 1]), paddings)
    assert padded.shape.as_list() == [None, None]
    assert ps.Session().run(padded).shape == (6, 6)
