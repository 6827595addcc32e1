"""The simulated device's memory, and whether the table of array kernels is complete.

What the kernels compute is tested in sessions, by `tests/test_every_op_on_sim_gpu.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

import penstock as ps
from penstock import _native, errors, optable
from penstock.kernel_api import device_types
from penstock.kernels.array import CPU_ONLY
from penstock.ops.registry import find_op, has_op

KIND = device_types["SIM_GPU"]
DEVICE = KIND.open("/job:localhost/replica:0/task:0/device:SIM_GPU:0", 0, 0)


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
