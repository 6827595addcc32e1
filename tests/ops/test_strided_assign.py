"""Writing into a part of a variable, by handle and by reference."""

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors

raw = ps.raw_ops
MASKS = [
    (
        (slice(1, 3), slice(None, None, -1)),
        ([1, 0], [3, 0], [1, -1]),
        {"begin_mask": 2, "end_mask": 2},
    ),
    ((2,), ([2], [0], [1]), {"shrink_axis_mask": 1}),
    ((..., 1), ([0, 1], [0, 0], [1, 1]), {"ellipsis_mask": 1, "shrink_axis_mask": 2}),
    ((slice(3, 3),), ([3], [3], [1]), {}),
]


@pytest.mark.parametrize("index", range(len(MASKS)))
@pytest.mark.parametrize("kind", ["float32", "int8", "string"])
def test_a_part_of_a_variable_is_replaced(index: int, kind: str) -> None:
    key, ends, masks = MASKS[index]
    start: Any = np.arange(12).reshape(4, 3)
    start = start.astype(str).astype(object) if kind == "string" else start.astype(kind)
    value = start[key][::-1].copy() if start[key].ndim else start[key]
    dtype = ps.as_dtype(kind)
    handle = raw.VarHandleOp(dtype=dtype, shape=[4, 3])
    assign = raw.AssignVariableOp(handle, ps.constant(start))
    write = raw.ResourceStridedSliceAssign(handle, *ends, ps.constant(value, dtype), **masks)
    start[key] = value
    with ps.Session() as session:
        session.run(assign)
        session.run(write)
        found = session.run(raw.ReadVariableOp(handle, dtype=dtype))
    if kind == "string":
        found = np.vectorize(bytes.decode, otypes=[object])(found)
    np.testing.assert_array_equal(found, start)


def test_through_a_reference() -> None:
    variable = raw.VariableV2(shape=[3], dtype=ps.float32)
    init = raw.Assign(variable, [1.0, 2.0, 3.0])
    write = raw.StridedSliceAssign(variable, [1], [3], [1], [7.0, 8.0])
    with ps.Session() as session:
        session.run(init)
        assert session.run(write).tolist() == [1, 7, 8]
        assert session.run(variable).tolist() == [1, 7, 8]


def test_a_value_of_another_shape_is_refused() -> None:
    handle = raw.VarHandleOp(dtype=ps.float32, shape=None)
    value = ps.placeholder(ps.float32)
    write = raw.ResourceStridedSliceAssign(handle, [0], [2], [1], value, name="write")
    with ps.Session() as session:
        session.run(raw.AssignVariableOp(handle, np.zeros(3, np.float32)))
        with pytest.raises(errors.InvalidArgumentError, match='"write"'):
            session.run(write, {value: [1.0]})
        with pytest.raises(errors.InvalidArgumentError, match='"write"'):
            session.run(write, {value: 1.0})
    known = raw.VarHandleOp(dtype=ps.float32, shape=[3])
    with pytest.raises(errors.ShapeError):
        raw.ResourceStridedSliceAssign(known, [0], [2], [1], [1.0])
