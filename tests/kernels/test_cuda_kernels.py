"""CUDA kernels against the rows of tests/cases/, compiled for the host and run thread by thread.

That checks indexing, arithmetic and the Python halves without a GPU: see cuda_host.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from penstock import errors
from penstock.kernels.gpu import CUDA, sources
from penstock.ops.registry import has_op
from tests.cases import Case, all_cases
from tests.kernels import cuda_host
from tests.kernels.driver import entry_of, run_kernel
from tests.kernels.host_gpu import KIND
from tests.op_runner import Built, Mode, assert_close, build, flat_expected

pytestmark = pytest.mark.skipif(cuda_host.COMPILER is None, reason="there is no C++ compiler")

ROWS = [row for row in all_cases() if has_op(row.op) and CUDA.entries(row.op)]
DEVICE = KIND.open("/job:localhost/replica:0/task:0/device:HOST_GPU:0", 0, 0)


@pytest.fixture(autouse=True)
def on_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "launch", cuda_host.launch)


def computed(built: Built) -> list[Any] | None:
    """Return the outputs of the row's kernel; None where there is none for its dtypes."""
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
    check(row, build(row, row.dtypes[0], Mode.KNOWN), row.dtypes[0])
    for inputs in row.empty:
        check(row, build(row, row.dtypes[0], Mode.KNOWN, inputs), row.dtypes[0], inputs)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_other_dtypes(row: Case) -> None:
    for dtype in row.dtypes[1:]:
        check(row, build(row, dtype, Mode.KNOWN), dtype)


@pytest.mark.parametrize("row", [r for r in ROWS if r.refuses], ids=lambda row: row.name)
def test_refusals(row: Case) -> None:
    for inputs in row.refuses:
        built = build(row, row.dtypes[0], Mode.NOTHING, inputs)
        entry = entry_of(KIND, built.graph.get_operation_by_name("node"))
        if entry is not None and entry.factory is not None:
            with pytest.raises(errors.InvalidArgumentError):
                computed(built)
