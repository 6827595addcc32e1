"""The kernels on array modules against the rows of tests/cases/, on a simulated device.

Each is called as a step would call it, and compared with what the row's NumPy formula says. The
same rows run in sessions in `tests/test_every_op_on_sim_gpu.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import _native, errors, optable
from penstock.kernel_api import device_types
from penstock.kernels.array import CPU_ONLY
from penstock.ops.registry import find_op, has_op
from tests.cases import Case, all_cases
from tests.kernels.driver import entry_of, run_kernel
from tests.op_runner import Built, Mode, assert_close, build, flat_expected

KIND = device_types["SIM_GPU"]
ROWS = [row for row in all_cases() if has_op(row.op) and KIND.kernels[0].entries(row.op)]
DEVICE = KIND.open("/job:localhost/replica:0/task:0/device:SIM_GPU:0", 0, 0)


def computed(built: Built) -> list[Any] | None:
    """Return the outputs of the row's kernel; None where the CPU's serves."""
    operation = built.graph.get_operation_by_name("node")
    entry = entry_of(KIND, operation)
    if entry is None or entry.factory is None:
        return None
    return run_kernel(entry, operation, DEVICE, built.arrays)


def check(row: Case, built: Built, dtype: str | None, inputs: Any = None) -> None:
    values = computed(built)
    if values is None:
        return
    for tensor, value in zip(built.outputs, values, strict=True):
        assert value.dtype == tensor.dtype.numpy_dtype, tensor
        assert tensor.shape.is_compatible_with(value.shape), (tensor, value.shape)
    if row.check is not None:
        row.check(values)
    expected = flat_expected(row, dtype, inputs)
    for i, (value, wanted) in enumerate(zip(values, expected or [], strict=expected is not None)):
        if wanted is not None:
            assert_close(value, wanted, row.tol, f"output {i}")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_values(row: Case) -> None:
    for dtype in row.dtypes:
        check(row, build(row, dtype, Mode.KNOWN), dtype)
    for inputs in row.empty:
        check(row, build(row, row.dtypes[0], Mode.KNOWN, inputs), row.dtypes[0], inputs)


@pytest.mark.parametrize("row", [r for r in ROWS if r.refuses], ids=lambda row: row.name)
def test_refusals(row: Case) -> None:
    for inputs in row.refuses:
        built = build(row, row.dtypes[0], Mode.NOTHING, inputs)
        entry = entry_of(KIND, built.graph.get_operation_by_name("node"))
        if entry is not None and entry.factory is not None:
            with pytest.raises(errors.InvalidArgumentError):
                computed(built)


def test_values_are_hidden_from_the_host() -> None:
    array = DEVICE.to_device(np.zeros([2, 3], np.float32))
    assert array.dtype == np.float32 and array.shape == (2, 3)
    for touch in (np.asarray, len, list, bool, float, lambda a: a + 1, lambda a: a[0], np.negative):
        with pytest.raises(TypeError):  # which DeviceMemoryError is too
            touch(array)
    with pytest.raises(errors.FailedPreconditionError, match="device memory touched from the host"):
        np.asarray(array)
    with pytest.raises(TypeError):
        memoryview(array)


def test_bytes_are_counted_by_buffer() -> None:
    device = KIND.open("/job:localhost/replica:0/task:0/device:SIM_GPU:1", 1, 1000)
    whole = device.to_device(np.zeros([10, 10], np.float32))
    identity = device.bind(lambda x: x[2:4], [False], [False])
    part = identity(whole)
    assert device.memory_stats() == {"live": 400, "peak": 400, "reserved": 400, "allocations": 1}
    del whole
    assert device.memory_stats()["live"] == 400, "a view holds its buffer"
    with pytest.raises(errors.ResourceExhaustedError, match="SIM_GPU:1 is out of memory"):
        device.to_device(np.zeros(200, np.float32))
    del part
    assert device.memory_stats()["live"] == 0
    device.reset_peak()
    assert device.memory_stats()["peak"] == 0
    device.set_memory_limit(0)
    assert device.to_device(np.zeros(200, np.float32)).nbytes == 800


def test_an_array_of_another_device_is_refused() -> None:
    other = KIND.open("/job:localhost/replica:0/task:0/device:SIM_GPU:1", 1, 0)
    with pytest.raises(errors.InternalError, match="is used on SIM_GPU:0"):
        DEVICE.to_host(other.to_device(np.zeros(3)))


def test_every_array_kernel_has_an_op_and_names_its_arguments() -> None:
    for op in KIND.kernels[0].ops():
        definition = find_op(op)
        for entry in KIND.kernels[0].entries(op):
            assert set(entry.types) <= set(definition.attrs), op
            assert (entry.host_inputs or set()) <= {a.name for a in definition.inputs}, op
            assert (entry.host_outputs or set()) <= {a.name for a in definition.outputs}, op


def test_every_op_is_on_the_device_or_in_the_list_of_those_that_are_not() -> None:
    table = KIND.kernels[0]
    missing = {op for op in _native.kernel_ops() if has_op(op)} - set(table.ops())
    assert missing == set(CPU_ONLY)


def test_only_strings_and_handles_are_left_out() -> None:
    for op in (o for o in KIND.kernels[0].ops() if has_op(o)):
        entries = KIND.kernels[0].entries(op)
        for attr in {name for entry in entries for name in entry.types}:
            here = {d for entry in entries for d in entry.types.get(attr, ps.dtypes.ALL)}
            assert optable.taken(find_op(op), attr) - here <= {ps.string, ps.resource}, (op, attr)
