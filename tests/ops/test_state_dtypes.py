"""Variables of every dtype: assigning, adding, gathering and scattering rows against NumPy."""

from typing import Any

import numpy as np
import pytest

import penstock as ps
from tests.cases import NUMBERS, PLAIN, REALS, numpy_dtype, string_array

Array = np.ndarray[Any, Any]
ROWS = np.array([2, 0, 2])
RULES: dict[str, Any] = {
    "Update": lambda x, y: y,
    "Add": lambda x, y: x + y,
    "Sub": lambda x, y: x - y,
    "Mul": lambda x, y: x * y,
    "Div": lambda x, y: x / y,
    "Min": np.minimum,
    "Max": np.maximum,
}


def variable(value: Array) -> tuple[ps.Operation, ps.Tensor, ps.Tensor]:
    """Return the first assignment, the handle, and a read."""
    dtype = ps.string if value.dtype == object else ps.as_dtype(value.dtype)
    handle = ps.raw_ops.VarHandleOp(dtype=dtype, shape=value.shape, shared_name="v")
    init = ps.raw_ops.AssignVariableOp(handle, ps.constant(value))
    return init, handle, ps.raw_ops.ReadVariableOp(handle, dtype=dtype)


def start(dtype: str) -> Array:
    if dtype == "string":
        return string_array([["a", "b"], ["c", "d"], ["e", "f\0"]])
    return np.array([[12, 6], [24, 18], [36, 30]]).astype(numpy_dtype(dtype))


def after(change: Any, read: ps.Tensor, init: ps.Operation) -> Array:
    with ps.Session() as session:
        session.run(init)
        session.run(change)
        value: Array = session.run(read)
    return value


@pytest.mark.parametrize("dtype", [*PLAIN, "string"])
def test_values_return_and_rows_are_gathered(dtype: str) -> None:
    value = start(dtype)
    init, handle, read = variable(value)
    rows = ps.raw_ops.ResourceGather(handle, ROWS, dtype=read.dtype)
    places = ps.raw_ops.ResourceGatherNd(handle, [[2, 1], [0, 0]], dtype=read.dtype)
    with ps.Session() as session:
        session.run(init)
        found = session.run([read, rows, places])
    for got, wanted in zip(found, (value, value[ROWS], value[[2, 0], [1, 0]]), strict=True):
        assert got.dtype == value.dtype
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("kind", ["Add", "Sub"])
def test_assign_add(kind: str, dtype: str) -> None:
    value = start(dtype)
    init, handle, read = variable(value)
    half = (value / 2).astype(value.dtype)
    change = getattr(ps.raw_ops, f"Assign{kind}VariableOp")(handle, half)
    np.testing.assert_array_equal(after(change, read, init), RULES[kind](value, half))


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        *[("Update", d) for d in [*PLAIN, "string"]],
        *[(k, d) for k in ("Add", "Sub", "Mul", "Div") for d in NUMBERS],
        *[(k, d) for k in ("Min", "Max") for d in REALS],
    ],
)
def test_rows_are_scattered(kind: str, dtype: str) -> None:
    value = start(dtype)
    init, handle, read = variable(value)
    updates = np.array([[2, 3], [3, 2], [1, 5]]).astype(numpy_dtype(dtype))
    if dtype == "string":
        updates = string_array([["u", "v"], ["w", "x"], ["y", "z"]])
    change = getattr(ps.raw_ops, f"ResourceScatter{kind}")(handle, ROWS, updates)
    expected = value.copy()
    for row, update in zip(ROWS, updates, strict=True):
        expected[row] = RULES[kind](expected[row], update)
    np.testing.assert_array_equal(after(change, read, init), expected)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("Update", d) for d in [*PLAIN, "string"]] + [(k, d) for k in ("Add", "Sub") for d in NUMBERS],
)
def test_positions_are_scattered(kind: str, dtype: str) -> None:
    value = start(dtype)
    init, handle, read = variable(value)
    updates = string_array(["u", "v"]) if dtype == "string" else value[0]
    change = getattr(ps.raw_ops, f"ResourceScatterNd{kind}")(handle, [[2, 1], [0, 0]], updates)
    expected = value.copy()
    expected[2, 1] = RULES[kind](expected[2, 1], updates[0])
    expected[0, 0] = RULES[kind](expected[0, 0], updates[1])
    np.testing.assert_array_equal(after(change, read, init), expected)
