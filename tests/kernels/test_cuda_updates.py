"""CUDA kernels of variables, run on the host: optimizer updates and scatters, in place.

Expected is what the array kernels compute, which are compared with the CPU's elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock import dtypes, errors, options
from penstock.kernel_api import KernelNode, KernelTable
from penstock.kernels.array import ARRAY
from penstock.kernels.gpu import CUDA, sources
from penstock.kernels.gpu.random_state import Place, seeded
from penstock.ops.registry import find_op
from tests.kernels import cuda_host
from tests.kernels.driver import Handle
from tests.kernels.host_gpu import HostGpu, OwnHandle

pytestmark = pytest.mark.skipif(cuda_host.COMPILER is None, reason="there is no C++ compiler")

DENSE = sorted(op for op in CUDA.ops() if op.startswith("ResourceApply"))
SPARSE = sorted(op for op in CUDA.ops() if op.startswith("ResourceSparseApply"))
SCATTERS = sorted(op for op in CUDA.ops() if op.startswith("ResourceScatter") and "Nd" not in op)
SHAPE = (5, 3)
ROWS = [3, 1, 3, 0, 3]  # one of them several times: in order, one after the other


@pytest.fixture(autouse=True)
def on_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "launch", cuda_host.launch)


def compute(table: KernelTable, op: str, attrs: dict[str, Any], inputs: list[Any]) -> None:
    """Run a kernel without outputs."""
    entry = table.find(op, attrs)
    assert entry is not None and entry.factory is not None
    device = HostGpu("/device:HOST_GPU:0", 0)
    node = KernelNode("update", op, attrs, (), (), device)
    result = device.bind(entry.factory(node), [], [])(*inputs)
    assert result == ()


def value_of(name: str, shape: tuple[int, ...], dtype: Any, rng: np.random.Generator) -> Any:
    """Return a gradient, a slot or a hyperparameter that no formula chokes on."""
    return np.asarray(rng.uniform(0.2, 0.9, shape)).astype(dtype)


def arguments(op: str, dtype: Any, rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    """Return the values of the op's variables, and its other inputs."""
    values, others = [], []
    for arg in find_op(op).inputs:
        if arg.dtype == dtypes.resource:
            values.append(value_of(arg.name, SHAPE, dtype, rng))
        elif arg.name == "indices":
            others.append(np.array(ROWS, np.int32))
        elif arg.name in ("grad", "delta"):
            others.append(value_of(arg.name, SHAPE, dtype, rng))
        else:
            others.append(value_of(arg.name, (), dtype, rng))
    return values, others


@pytest.mark.parametrize("op", [*DENSE, *SPARSE])
@pytest.mark.parametrize("name", ["float32", "float16"])
def test_updates_as_the_formulas_say(op: str, name: str, rng: np.random.Generator) -> None:
    dtype = dtypes.as_dtype(name)
    flags = [a for a in ("use_nesterov", "update_slots") if a in find_op(op).attrs]
    for flag in (False, True):
        attrs = {"T": dtype, "Tindices": dtypes.int32, **{f: flag for f in flags}}
        values, others = arguments(op, dtype.numpy_dtype, rng)
        expected = [Handle(v.copy()) for v in values]
        actual = [OwnHandle(v.copy(), f"v{i}") for i, v in enumerate(values)]
        compute(ARRAY, op, attrs, [*expected, *others])
        compute(CUDA, op, attrs, [*actual, *others])
        tolerance = 2e-6 if name == "float32" else 4e-3
        for mine, theirs in zip(actual, expected, strict=True):
            np.testing.assert_allclose(
                mine.read().astype(float), theirs.read().astype(float), tolerance, tolerance
            )


@pytest.mark.parametrize("op", SCATTERS)
@pytest.mark.parametrize("deterministic", [False, True])
def test_scatters_in_order(
    op: str, deterministic: bool, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = options.current.__class__(deterministic=deterministic)
    monkeypatch.setattr(options, "current", changed)
    attrs = {"dtype": dtypes.float32, "Tindices": dtypes.int64}
    value, rows = value_of("ref", SHAPE, np.float32, rng), np.array(ROWS).reshape(5, 1)
    for updates in (value_of("updates", (5, 1, 3), np.float32, rng), np.array(2.0, np.float32)):
        expected, actual = Handle(value.copy()), OwnHandle(value.copy())
        compute(ARRAY, op, attrs, [expected, rows, updates])
        compute(CUDA, op, attrs, [actual, rows, updates])
        np.testing.assert_allclose(actual.read(), expected.read(), 1e-6)


def test_a_value_that_somebody_read_is_left_alone() -> None:
    attrs = {"T": dtypes.float32}
    rate, grad = np.array(0.5, np.float32), np.ones(4, np.float32)
    handle = OwnHandle(np.ones(4, np.float32))
    address = handle.read().ctypes.data
    compute(CUDA, "ResourceApplyGradientDescent", attrs, [handle, rate, grad])
    assert handle.read().ctypes.data == address, "nobody else has it: in place"
    seen = handle.read()
    view = seen[1:]
    compute(CUDA, "ResourceApplyGradientDescent", attrs, [handle, rate, grad])
    assert seen.tolist() == [0.5] * 4 and handle.read().tolist() == [0.0] * 4
    handle = OwnHandle(seen)
    del seen
    compute(CUDA, "ResourceApplyGradientDescent", attrs, [handle, rate, grad])
    assert view.tolist() == [0.5] * 3, "a view of it is in use"


def test_a_bad_row_is_told_and_nothing_else_is_touched() -> None:
    attrs = {"T": dtypes.float32, "Tindices": dtypes.int32}
    handle, slot = (OwnHandle(np.ones((3, 2), np.float32), name) for name in "vs")
    scalar = np.array(1.0, np.float32)
    given = [handle, slot, scalar, np.ones((2, 2), np.float32), np.array([1, 3], np.int32), scalar]
    with pytest.raises(errors.InvalidArgumentError, match=r"indices\[1\] = 3 is not in \[0, 3\)"):
        compute(CUDA, "ResourceSparseApplyMomentum", attrs, given)
    assert handle.read()[[0, 2]].tolist() == [[1, 1], [1, 1]]


def test_memory_is_taken_for_what_it_holds() -> None:
    scalar, grad = np.array(1.0, np.float32), np.ones(3, np.float32)
    doubles, twice = OwnHandle(np.ones(3), "d"), OwnHandle(grad.copy(), "t")
    with pytest.raises(errors.InvalidArgumentError, match='"d" holds float64, got a value of'):
        compute(
            CUDA, "ResourceApplyGradientDescent", {"T": dtypes.float32}, [doubles, scalar, grad]
        )
    with pytest.raises(errors.InvalidArgumentError, match='"t" is given twice'):
        given = [twice, twice, scalar, grad, scalar]
        compute(CUDA, "ResourceApplyMomentum", {"T": dtypes.float32}, given)


def test_streams_go_on_as_on_the_cpu() -> None:
    device = HostGpu("/device:HOST_GPU:0", 0)
    first = device.random.reserve("node", 7, 9, 10)
    assert first == Place(7, 0, 9)
    assert device.random.reserve("node", 7, 9, 1) == Place(7, 2560, 9)
    assert device.random.reserve("other", 7, 9, 1) == Place(7, 0, 9)
    assert seeded(0, 0) != seeded(0, 0)
    assert seeded(-1, 1).key == (1 << 64) - 1
