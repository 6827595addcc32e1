"""Variables as ops: values, sharing, slices, errors."""

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors

raw = ps.raw_ops


def variable(value: Any, name: str = "v") -> tuple[ps.Tensor, ps.Operation]:
    """Return a handle and the operation that gives the variable `value`."""
    array = np.asarray(value)
    dtype = ps.as_dtype(array.dtype)
    handle = raw.VarHandleOp(dtype=dtype, shape=array.shape, shared_name=name, name=name)
    return handle, raw.AssignVariableOp(handle, ps.constant(array))


def read(handle: ps.Tensor, dtype: Any = ps.float32) -> ps.Tensor:
    """Return a read of the variable."""
    result: ps.Tensor = raw.ReadVariableOp(handle, dtype=dtype)
    return result


def test_a_variable_keeps_its_value_between_runs() -> None:
    handle, init = variable(np.float32([1, 2]))
    add = raw.AssignAddVariableOp(handle, np.float32([1, 1]))
    value = read(handle)
    assert value.shape.as_list() == [2]
    with ps.Session() as session:
        session.run(init)
        session.run(add)
        session.run(add)
        np.testing.assert_array_equal(session.run(value), [3, 4])
        session.run(raw.AssignSubVariableOp(handle, np.float32([1, 2])))
        np.testing.assert_array_equal(session.run(value), [2, 2])


def test_reading_before_assigning_names_the_variable() -> None:
    handle, _ = variable(np.float32(0), "weights")
    ready = raw.VarIsInitializedOp(handle)
    with ps.Session() as session:
        assert not session.run(ready)
        with pytest.raises(errors.FailedPreconditionError, match="weights"):
            session.run(read(handle))


def test_sessions_do_not_share_variables() -> None:
    handle, init = variable(np.float32(3))
    ps.Session().run(init)
    with pytest.raises(errors.FailedPreconditionError):
        ps.Session().run(read(handle))


def test_a_fetched_value_never_changes() -> None:
    handle, init = variable(np.zeros(1000, np.float32))
    value, add = read(handle), raw.AssignAddVariableOp(handle, np.ones(1000, np.float32))
    with ps.Session() as session:
        session.run(init)
        before = session.run(value)
        session.run(add)
        assert not before.any()
        assert session.run(value).all()


def test_a_fed_array_is_copied_into_the_variable() -> None:
    handle, _ = variable(np.zeros(100, np.float32))
    fed = ps.placeholder(ps.float32, [100])
    assign = raw.AssignVariableOp(handle, fed)
    array = np.ones(100, np.float32)
    with ps.Session() as session:
        session.run(assign, {fed: array})
        session.run(raw.AssignAddVariableOp(handle, np.ones(100, np.float32)))
        assert (array == 1).all()
        array[:] = 7
        assert (session.run(read(handle)) == 2).all()


def test_a_value_that_is_also_fetched_is_not_shared_with_the_variable() -> None:
    handle, _ = variable(np.zeros(3, np.float32))
    x = ps.placeholder(ps.float32, [3])
    y = x + 1.0
    assign = raw.AssignVariableOp(handle, y)
    with ps.Session() as session:
        value, _ = session.run([y, assign], {x: [1, 2, 3]})
        value[:] = 0
        np.testing.assert_array_equal(session.run(read(handle)), [2, 3, 4])


def test_shapes_of_variables() -> None:
    handle, init = variable(np.zeros((2, 3), np.float32))
    shape = raw.VariableShape(handle)
    with ps.Session() as session:
        session.run(init)
        np.testing.assert_array_equal(session.run(shape), [2, 3])
    with pytest.raises(errors.ShapeError):
        raw.AssignVariableOp(handle, np.zeros(4, np.float32))
    grow = ps.placeholder(ps.float32)
    with ps.Session() as session:
        session.run(init)
        with pytest.raises(errors.InvalidArgumentError, match=r"\[2, 3\]"):
            session.run(raw.AssignVariableOp(handle, grow, validate_shape=True), {grow: [1]})
        with pytest.raises(errors.InvalidArgumentError, match=r"\[2, 3\]"):
            session.run(raw.AssignAddVariableOp(handle, grow), {grow: [1]})


def test_a_wrong_dtype_is_refused() -> None:
    handle, init = variable(np.float32([1]))
    with ps.Session() as session:
        session.run(init)
        for op in (
            read(handle, ps.int32),
            raw.AssignVariableOp(handle, np.int32([1])),
            raw.AssignAddVariableOp(handle, np.int32([1])),
        ):
            with pytest.raises(errors.InvalidArgumentError, match="float32"):
                session.run(op)


def test_destroying_takes_the_value_away() -> None:
    handle, init = variable(np.float32(1))
    destroy = raw.DestroyResourceOp(handle)
    strict = raw.DestroyResourceOp(handle, ignore_lookup_error=False)
    with ps.Session() as session:
        session.run(init)
        session.run(destroy)
        assert not session.run(raw.VarIsInitializedOp(handle))
        session.run(destroy)
        with pytest.raises(errors.NotFoundError):
            session.run(strict)
        session.run(init)
        assert session.run(read(handle)) == 1


def test_counting_stops_at_the_limit() -> None:
    handle, init = variable(np.int32(1))
    count = raw.ResourceCountUpTo(handle, limit=3, T=ps.int32)
    with ps.Session() as session:
        session.run(init)
        assert [int(session.run(count)) for _ in range(2)] == [1, 2]
        with pytest.raises(errors.OutOfRangeError, match="3"):
            session.run(count)


def test_strings_can_be_kept() -> None:
    handle = raw.VarHandleOp(dtype=ps.string, shape=[2], shared_name="words")
    words = np.array([b"a", b"bc"], object)
    with ps.Session() as session:
        session.run(raw.AssignVariableOp(handle, words))
        assert session.run(read(handle, ps.string)).tolist() == [b"a", b"bc"]


# ---- slices

SCATTERS = {
    "Update": lambda v, u: u,
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Min": np.minimum,
    "Max": np.maximum,
}


@pytest.mark.parametrize("kind", SCATTERS)
@pytest.mark.parametrize("scalar", [False, True])
def test_scattering_rows(kind: str, scalar: bool, rng: np.random.Generator) -> None:
    start = rng.uniform(1, 2, (5, 3)).astype(np.float32)
    updates = np.float32(1.5) if scalar else rng.uniform(1, 2, (3, 3)).astype(np.float32)
    indices = np.array([4, 1, 4], np.int32)
    expected = start.copy()
    for k, row in enumerate(indices):
        update = updates if scalar else updates[k]
        expected[row] = SCATTERS[kind](expected[row], update)
    handle, init = variable(start)
    scatter = getattr(raw, f"ResourceScatter{kind}")(handle, indices, updates)
    with ps.Session() as session:
        session.run(init)
        session.run(scatter)
        np.testing.assert_allclose(session.run(read(handle)), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["Update", "Add", "Sub"])
def test_scattering_at_positions(kind: str, rng: np.random.Generator) -> None:
    start, updates = np.zeros((3, 4), np.float32), np.float32([1, 2])
    handle, init = variable(start)
    places = np.array([[0, 1], [2, 3]], np.int32)
    scatter = getattr(raw, f"ResourceScatterNd{kind}")(handle, places, updates)
    expected = start.copy()
    expected[0, 1], expected[2, 3] = (-1, -2) if kind == "Sub" else (1, 2)
    with ps.Session() as session:
        session.run(init)
        session.run(scatter)
        np.testing.assert_array_equal(session.run(read(handle)), expected)


def test_a_bad_index_changes_nothing_and_is_named() -> None:
    handle, init = variable(np.zeros((3, 2), np.float32))
    index = ps.placeholder(ps.int32, [2])
    scatter = raw.ResourceScatterAdd(handle, index, np.ones((2, 2), np.float32))
    gather = raw.ResourceGather(handle, index, dtype=ps.float32)
    with ps.Session() as session:
        session.run(init)
        for op in (scatter, gather):
            with pytest.raises(errors.InvalidArgumentError, match=r"indices\[1\] = 3 .*\[0, 3\)"):
                session.run(op, {index: [0, 3]})
        assert not session.run(read(handle)).any()


def test_gathering_rows_and_its_gradient() -> None:
    table = np.arange(8, dtype=np.float64).reshape(4, 2)
    handle, init = variable(table)
    indices = ps.constant([[1, 3], [1, 0]])
    rows = raw.ResourceGather(handle, indices, dtype=ps.float64)
    assert rows.shape.as_list() == [2, 2, 2]
    weights = ps.constant(np.arange(8, dtype=np.float64).reshape(2, 2, 2))
    (slices,) = ps.gradients(rows * weights, handle)
    assert isinstance(slices, ps.IndexedSlices)
    with ps.Session() as session:
        session.run(init)
        np.testing.assert_array_equal(session.run(rows), table[[[1, 3], [1, 0]]])
        dense = session.run(ps.convert_to_tensor(slices))
    np.testing.assert_array_equal(dense, [[6, 7], [4, 6], [0, 0], [2, 3]])


def test_gathering_at_positions_and_its_gradient() -> None:
    handle, init = variable(np.arange(6, dtype=np.float64).reshape(2, 3))
    picked = raw.ResourceGatherNd(handle, np.array([[0, 2], [1, 0]], np.int32), dtype=ps.float64)
    (slope,) = ps.gradients(picked, handle)
    with ps.Session() as session:
        session.run(init)
        np.testing.assert_array_equal(session.run(picked), [2, 3])
        np.testing.assert_array_equal(session.run(slope), [[0, 0, 1], [1, 0, 0]])


def test_an_unfed_placeholder_says_what_to_feed() -> None:
    x = ps.placeholder(ps.float32, [None, 2], name="images")
    with (
        ps.Session() as session,
        pytest.raises(errors.InvalidArgumentError, match=r'feed a value.*"images"'),
    ):
        session.run(x + 1.0)
