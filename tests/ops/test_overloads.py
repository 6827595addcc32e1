"""Python's operators on tensors: each against NumPy, both ways round, and slices in every form."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock as ps
from penstock import errors

X = np.array([[1.5, -2.0, 4.0], [0.5, 3.0, -1.0]], np.float32)


def run(tensor: Any, feeds: Any = None) -> Any:
    with ps.Session() as session:
        return session.run(tensor, feeds)


@pytest.mark.parametrize(
    "function",
    [
        *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv),
        *(operator.mod, operator.lt, operator.le, operator.gt, operator.ge),
    ],
    ids=lambda f: f.__name__,
)
def test_binary_operators(function: Callable[[Any, Any], Any]) -> None:
    x = ps.constant(X)
    for y in (2.0, np.array([1.0, 2.0, 4.0], np.float32), ps.constant(X + 0.25)):
        known = X + 0.25 if isinstance(y, ps.Tensor) else np.asarray(y, np.float32)
        both = run([function(x, y), function(y, x)])
        np.testing.assert_allclose(both[0], function(X, known), rtol=1e-6)
        np.testing.assert_allclose(both[1], function(known, X), rtol=1e-6)


def test_powers_and_matrix_products() -> None:
    x = ps.constant(np.abs(X))
    np.testing.assert_allclose(run([x**2.0, 2.0**x]), [X**2, 2.0 ** np.abs(X)], rtol=1e-6)
    w = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_allclose(run(ps.constant(X) @ w), X @ w)
    np.testing.assert_allclose(run(w @ ps.constant(X)), w @ X)
    batch = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    np.testing.assert_allclose(run(ps.constant(batch) @ w), batch @ w)


def test_unary_operators() -> None:
    x, b, i = ps.constant(X), ps.constant([True, False]), ps.constant([1, -2])
    assert run(-x).tolist() == (-X).tolist()
    assert run(abs(x)).tolist() == np.abs(X).tolist()
    assert run(~b).tolist() == [False, True]
    assert run(abs(ps.constant(3 - 4j))) == 5.0
    assert run(abs(i)).tolist() == [1, 2]


def test_logical_operators() -> None:
    a, b = ps.constant([True, True, False, False]), ps.constant([True, False, True, False])
    assert run(a & b).tolist() == [True, False, False, False]
    assert run(a | b).tolist() == [True, True, True, False]
    assert run(a ^ b).tolist() == [False, True, True, False]
    assert run(a & True).tolist() == [True, True, False, False]
    assert run(False | b).tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("dtype", "result"),
    [("int8", "float32"), ("uint16", "float32"), ("int32", "float64"), ("float16", "float16")],
)
def test_true_division_of_integers(dtype: str, result: str) -> None:
    x = ps.constant(np.array([7, 1]), dtype)
    assert (x / 2).dtype.name == result
    assert run(x / 2).tolist() == [3.5, 0.5]
    assert run(14 / x).tolist() == [2.0, 14.0]
    assert run(x // 2).tolist() == [3, 0]


def test_division_of_two_dtypes_is_refused() -> None:
    with pytest.raises(TypeError):
        ps.constant(1) / ps.constant(1, ps.int64)


def test_names_of_operators() -> None:
    x = ps.placeholder(ps.float32, name="x")
    built = [x + x, x - x, x * x, x / x, x // x, x % x, x**x, -x, x < x, x[0]]
    assert [t.op.name for t in built] == [
        *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "Neg", "Less"),
        "strided_slice",
    ]


def test_array_on_the_left() -> None:
    """NumPy must not take the tensor for an object to be added element by element."""
    x = ps.constant([1.0, 2.0])
    total = np.array([10.0, 20.0], np.float32) + x
    assert isinstance(total, ps.Tensor)
    assert run(total).tolist() == [11.0, 22.0]


# ---- slices

ARRAY = np.arange(60).reshape(3, 4, 5)
ENDS = st.none() | st.integers(-6, 6)
ITEMS = st.one_of(
    st.builds(slice, ENDS, ENDS, st.sampled_from([None, 1, 2, -1, -3])),
    st.integers(-3, 2),
    st.none(),
)


@given(st.lists(ITEMS, max_size=5), st.booleans(), st.integers(0, 5))
def test_slices_are_those_of_numpy(items: list[Any], dots: bool, place: int) -> None:
    if dots:
        items.insert(place, Ellipsis)
    key = tuple(items)
    if sum(i is not None and i is not Ellipsis for i in key) > ARRAY.ndim:
        return
    with ps.Graph().as_default(), ps.Session() as session:
        known, unknown = ps.constant(ARRAY), ps.placeholder(ps.int64)
        wanted = ARRAY[key]
        static = known[key]
        assert static.shape.as_list() == list(wanted.shape)
        np.testing.assert_array_equal(session.run(static), wanted)
        dynamic = unknown[key]
        np.testing.assert_array_equal(session.run(dynamic, {unknown: ARRAY}), wanted)


def test_slices_by_tensors() -> None:
    x = ps.constant(ARRAY)
    i = ps.placeholder(ps.int32, [])
    picked = [x[i], x[i, 1], x[:i], x[i:], x[..., i], x[0, i : i + 2], x[:: i + 1]]
    wanted = [
        *(ARRAY[1], ARRAY[1, 1], ARRAY[:1], ARRAY[1:], ARRAY[..., 1], ARRAY[0, 1:3], ARRAY[::2])
    ]
    for result, expected in zip(run(picked, {i: 1}), wanted, strict=True):
        np.testing.assert_array_equal(result, expected)
    assert x[i].shape.as_list() == [4, 5]
    assert x[:i].shape.as_list()[1:] == [4, 5]


def test_newaxis_and_index_types() -> None:
    x = ps.constant(ARRAY)
    assert x[ps.newaxis, ..., None].shape.as_list() == [1, 3, 4, 5, 1]
    assert x[np.int64(1)].shape.as_list() == [4, 5]
    assert x[: 2**40].shape.as_list() == [3, 4, 5]
    assert run(x[-(2**31) - 1 :]).shape == (3, 4, 5)
    assert x[()].shape.as_list() == [3, 4, 5]
    assert x[ps.constant(1, ps.int64)].shape.as_list() == [4, 5]


@pytest.mark.parametrize("key", [1.0, "a", [0, 1], True, np.array([0, 1]), slice(0.5), object()])
def test_what_is_no_index(key: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        ps.constant(ARRAY)[key]


@pytest.mark.parametrize("key", [3, -4, (0, 0, 0, 0), (Ellipsis, Ellipsis), slice(None, None, 0)])
def test_indices_out_of_range(key: Any) -> None:
    unknown = ps.placeholder(ps.int64)
    with pytest.raises(errors.InvalidArgumentError):
        ps.constant(ARRAY)[key]
    with pytest.raises(errors.InvalidArgumentError):
        run(unknown[key], {unknown: ARRAY})


def test_gradient_of_a_slice() -> None:
    x = ps.placeholder(ps.float32, [3, 4])
    (g,) = ps.gradients(x[1:, ::-2] * 2.0 + x[0, 1], x)
    wanted = np.zeros((3, 4))
    wanted[1:, ::-2] += 2.0
    wanted[0, 1] += 4.0
    np.testing.assert_array_equal(run(g, {x: np.zeros((3, 4))}), wanted)
