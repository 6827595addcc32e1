"""One test over all ops: each row of tests/cases/, on every dtype, shape knowledge and kernel.

Checked: values against NumPy, static shapes against real ones, gradients of first and second order
against differences, empty inputs, refusals. An op with a kernel and without a row fails the suite
unless `ELSEWHERE` says where it is tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import _native, errors, options
from penstock.ops import redraw
from penstock.ops.registry import OpDef, all_ops, find_op, has_op
from tests.cases import Case, all_cases
from tests.op_runner import (
    Built,
    Mode,
    Weighted,
    assert_close,
    build,
    flat_expected,
    float_inputs,
    modes_of,
    numeric_gradient,
    weighted,
)

TABLE = all_cases()
ROWS = [row for row in TABLE if has_op(row.op)]
ELSEWHERE: dict[str, str] = {  # op with a kernel → the file that tests it instead
    **{
        op: "tests/ops/test_state.py"
        for op in _native.kernel_ops()
        if op.startswith(("ResourceScatter", "ResourceGather"))
    },
    **{
        op: "tests/ops/test_training.py"
        for op in _native.kernel_ops()
        if op.startswith(("ResourceApply", "ResourceSparseApply"))
    },
    "ResourceStridedSliceAssign": "tests/ops/test_strided_assign.py",
    **dict.fromkeys(
        ("Assert", "Print", "PrintV2", "StringFormat", "Timestamp"),
        "tests/ops/test_printing.py",
    ),
    **dict.fromkeys(
        ("HistogramSummary", "ImageSummary", "MergeSummary", "ScalarSummary", "TensorSummaryV2"),
        "tests/ops/test_summaries.py",
    ),
    **dict.fromkeys(
        (
            "AssignAddVariableOp",
            "AssignSubVariableOp",
            "AssignVariableOp",
            "DestroyResourceOp",
            "Placeholder",
            "PlaceholderV2",
            "ReadVariableOp",
            "ResourceCountUpTo",
            "TemporaryVariable",
            "VarHandleOp",
            "VarIsInitializedOp",
            "VariableShape",
        ),
        "tests/ops/test_state.py",
    ),
    **{
        half(op): "tests/remat/test_random.py"
        for op in redraw.HALVES
        for half in (redraw.place_op, redraw.at_op)
    },
}
RUNS = [pytest.param(r, d, id=f"{r.name}-{d}" if d else r.name) for r in ROWS for d in r.dtypes]


def is_differentiated(row: Case) -> bool:
    return row.grad is not False and bool(find_op(row.op).differentiable)


GRADIENT_ROWS = [pytest.param(r, id=r.name) for r in ROWS if is_differentiated(r)]
EMPTY_ROWS = [pytest.param(r, e, id=f"{r.name}-{i}") for r in ROWS for i, e in enumerate(r.empty)]
REFUSALS = [pytest.param(r, e, id=f"{r.name}-{i}") for r in ROWS for i, e in enumerate(r.refuses)]


@contextmanager
def portable_kernels() -> Iterator[None]:
    """Choose only kernels without vector instructions or libraries."""
    before = options.configure(portable_kernels=True)
    try:
        yield
    finally:
        options.configure(portable_kernels=before.portable_kernels)


@contextmanager
def noted(note: str) -> Iterator[None]:
    """Say in a failure how the row was run."""
    try:
        yield
    except BaseException as error:
        error.add_note(note)
        raise


def check_values(row: Case, built: Built, dtype: str | None, inputs: Any = None) -> None:
    values = built.run(built.outputs)
    for tensor, value in zip(built.outputs, values, strict=True):
        assert value.dtype == tensor.dtype.numpy_dtype, tensor
        assert tensor.shape.is_compatible_with(value.shape), (tensor, value.shape)
    if row.check is not None:
        row.check(values)
    expected = flat_expected(row, dtype, inputs)
    if expected is not None:
        assert len(expected) == len(values)
        for i, (value, wanted) in enumerate(zip(values, expected, strict=True)):
            if wanted is not None:
                assert_close(value, wanted, row.tol, f"output {i}")


@pytest.mark.parametrize(("row", "dtype"), RUNS)
def test_values_and_shapes(row: Case, dtype: str | None) -> None:
    for mode in modes_of(row):
        with noted(f"shapes known while building: {mode.value}"):
            check_values(row, build(row, dtype, mode), dtype)
    with noted("portable kernels only"), portable_kernels():
        check_values(row, build(row, dtype, Mode.KNOWN), dtype)


@pytest.mark.parametrize(("row", "inputs"), EMPTY_ROWS)
def test_empty(row: Case, inputs: Any) -> None:
    for mode in modes_of(row):
        for dtype in row.dtypes:
            with noted(f"{dtype}, shapes known while building: {mode.value}"):
                check_values(row, build(row, dtype, mode, inputs), dtype, inputs)


@pytest.mark.parametrize(("row", "inputs"), REFUSALS)
def test_refusals(row: Case, inputs: Any) -> None:
    for mode in modes_of(row):
        with pytest.raises(errors.OpError) as raised:
            built = build(row, row.dtypes[0], mode, inputs)
            built.run(built.outputs or [built.graph.get_operation_by_name("node")])
        assert raised.value.error_code == errors.INVALID_ARGUMENT, raised.value
        assert '"node"' in str(raised.value), "the message names the node"


def steps(row: Case) -> tuple[float, float, float]:
    """Return the step of the differences, the relative and the absolute tolerance."""
    return (1e-5, 1e-6, 1e-7) if row.grad_dtype == "float64" else (1e-2, 2e-2, 2e-2)


def compare_gradients(row: Case, built: Built, scalar: Weighted, wanted: list[int]) -> list[Any]:
    """Check d scalar / d inputs against differences; return the gradients that exist."""
    gradients = scalar.gradients([built.placeholders[i] for i in wanted])
    delta, rtol, atol = steps(row)
    with ps.Session(graph=built.graph) as session:
        for index, tensor in zip(wanted, gradients, strict=True):
            numeric = numeric_gradient(session, scalar, built, index, delta)
            if tensor is None:
                assert not numeric.any(), f"input {index} has a slope, but no gradient"
                continue
            assert tensor.shape.is_compatible_with(numeric.shape)
            exact = np.asarray(session.run(tensor, built.feeds))
            scale = max(1.0, float(np.abs(numeric).max(initial=0.0)))
            np.testing.assert_allclose(
                exact, numeric, rtol * row.tol, atol * scale * row.tol, err_msg=f"input {index}"
            )
    return [g for g in gradients if g is not None]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("row", GRADIENT_ROWS)
def test_gradient(row: Case, order: int) -> None:
    if order == 2 and not row.grad2:
        pytest.skip("the row leaves out second derivatives")
    built = build(row, row.grad_dtype, Mode.KNOWN)
    wanted = float_inputs(row, built)
    with built.graph.as_default():
        scalar = weighted(built, built.outputs)
        if scalar is None:
            pytest.skip("no float outputs")
        if order == 1:
            compare_gradients(row, built, scalar, wanted)
            return
        slopes = scalar.gradients([built.placeholders[i] for i in wanted])
        second = weighted(built, [g for g in slopes if g is not None])
        if second is not None:
            compare_gradients(row, built, second, wanted)


@pytest.mark.parametrize("row", GRADIENT_ROWS)
def test_gradient_without_static_shapes(row: Case) -> None:
    """The gradient that is built when no shape is known has the same value."""
    found = []
    for mode in (Mode.KNOWN, Mode.RANKS, Mode.NOTHING):
        built = build(row, row.grad_dtype, mode)
        with built.graph.as_default():
            scalar = weighted(built, built.outputs)
            if scalar is None:
                pytest.skip("no float outputs")
            sources = [built.placeholders[i] for i in float_inputs(row, built)]
            found.append(built.run([g for g in scalar.gradients(sources) if g is not None]))
    for other in found[1:]:
        for value, reference in zip(other, found[0], strict=True):
            assert_close(value, reference, row.tol)


def wrong_dtype_ops() -> list[OpDef]:
    """Return the ops of the table whose first input has a constrained type."""
    found = []
    for op in {row.op: find_op(row.op) for row in ROWS}.values():
        attr = op.attrs.get(op.inputs[0].type_attr or "") if op.inputs else None
        if attr is not None and attr.allowed and not op.inputs[0].is_list:
            found.append(op)
    return found


@pytest.mark.parametrize("op", wrong_dtype_ops(), ids=lambda op: op.name)
def test_wrong_dtype_is_refused(op: OpDef) -> None:
    allowed = op.attrs[op.inputs[0].type_attr or ""].allowed or ()
    wrong = next(d for d in (ps.string, ps.bool, ps.resource) if d not in allowed)
    row = next(r for r in ROWS if r.op == op.name)
    inputs: list[Any] = []
    for argument, item in zip(op.inputs, row.inputs, strict=True):
        shares = argument.type_attr == op.inputs[0].type_attr
        array = None if isinstance(item, list) else item.array(np.random.default_rng(0), None, None)
        given = ps.placeholder(wrong) if shares or array is None else ps.constant(array)
        inputs.append([given] if argument.is_list else given)
    with pytest.raises(errors.DTypeError) as raised:
        getattr(ps.raw_ops, op.name)(*inputs, **row.node_attrs(row.dtypes[0]))
    assert op.name in str(raised.value)
    assert wrong.name in str(raised.value)


def test_rows_are_of_ops_that_exist() -> None:
    unknown = sorted({row.op for row in TABLE if not has_op(row.op)})
    assert not unknown, f"penstock has none of {unknown}"


def test_rows_have_distinct_names() -> None:
    names = [row.name for row in TABLE]
    twice = sorted({n for n in names if names.count(n) > 1})
    assert not twice, f"give rows of one op an id each: {twice}"


def test_every_op_with_a_kernel_has_a_row() -> None:
    covered = {row.op for row in ROWS} | set(ELSEWHERE)
    kernels = set(_native.kernel_ops())
    missing = [op.name for op in all_ops() if op.name in kernels and op.name not in covered]
    assert not missing, f"write rows in tests/cases/ for {missing}"


def test_exemptions_are_needed() -> None:
    stale = set(ELSEWHERE) & {row.op for row in ROWS}
    assert not stale, f"these have rows: {sorted(stale)}"
