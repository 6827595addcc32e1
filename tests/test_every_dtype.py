"""Each row of tests/cases/ once more, with every dtype that the op's kernels take.

A row stands for all dtypes of the type attribute that its first inputs share, or of each of those
that it says `varies` of. References are
computed in double precision from the rounded inputs; results are compared with the tolerance of
their dtype, those of integers, bools and strings exactly. All runs of an op are one graph and one
session, so that thousands of them cost a few seconds.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import _native
from penstock.ops.registry import find_op, has_op
from penstock.ops.spec import ArgDef
from tests.cases import FLOATS, Case, Input, T, all_cases, flat_inputs
from tests.op_runner import Built, Mode, assert_close, build, flat_expected

ROWS: dict[str, list[Case]] = defaultdict(list)
for _row in all_cases():
    if has_op(_row.op) and (_row.numpy or _row.check):
        ROWS[_row.op].append(_row)


def own_attr(row: Case) -> str | None:
    """Return the type attribute that the row's own dtype stands for."""
    for arg, item in zip(find_op(row.op).inputs, row.inputs, strict=True):
        first = item[0] if isinstance(item, list) and item else item
        if isinstance(first, Input) and first.dtype == row.dtypes[0] is not None:
            return arg.type_attr
    return None


def swept_attrs(row: Case) -> tuple[str, ...]:
    attr = own_attr(row)
    return row.varies or (() if attr is None else (attr,))


def is_swept(row: Case, attr: str, arg: ArgDef, item: Input) -> bool:
    return arg.type_attr == attr and (bool(row.varies) or item.dtype == row.dtypes[0])


def kernel_dtypes(op: str, attr: str) -> list[str]:
    """Return the dtypes for which the op has kernels, without resources."""
    found: set[int] = set()
    for entry in _native.kernel_entries(op):
        allowed = find_op(op).attrs[attr].allowed or ps.dtypes.ALL
        found.update(entry.types.get(attr, [d.as_datatype_enum for d in allowed]))
    dtypes = [ps.as_dtype(number) for number in sorted(found)]
    allowed = find_op(op).attrs[attr].allowed
    return [d.name for d in dtypes if d != ps.resource and (allowed is None or d in allowed)]


def is_written_for(row: Case, attr: str, dtype: str) -> bool:
    """Return whether the values that the row spells out exist in a dtype.

    Infinities and NaN say nothing of complex numbers, whose parts may be either.
    """
    if dtype in row.not_for:
        return False
    for arg, item in zip(find_op(row.op).inputs, row.inputs, strict=True):
        for one in item if isinstance(item, list) else [item]:
            if one.draw is not None or not is_swept(row, attr, arg, one):
                continue
            values = np.asarray(one.values)
            if dtype not in FLOATS and not exists_in(values, dtype):
                return False
    return True


def exists_in(values: Any, dtype: str) -> bool:
    kind = ps.as_dtype(dtype).numpy_dtype
    if kind.kind == "O" or values.dtype.kind == "O":
        return kind.kind == values.dtype.kind
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(values).all() and (values.astype(kind) == values).all())


def retyped(row: Case, attr: str, dtype: str) -> Case:
    """Return the row with one type attribute, and the inputs of it, of another dtype."""

    def item_of(arg: ArgDef, item: Any) -> Any:
        if isinstance(item, list):
            return [item_of(arg, i) for i in item]
        return replace(item, dtype=dtype) if is_swept(row, attr, arg, item) else item

    op = find_op(row.op)
    inputs = tuple(item_of(a, i) for a, i in zip(op.inputs, row.inputs, strict=True))
    attrs = row.attrs if attr in op.inferred else {**row.attrs, attr: ps.as_dtype(dtype)}
    return replace(row, inputs=inputs, attrs=attrs, dtypes=(dtype,))


def runs_of(op: str) -> list[tuple[Case, str]]:
    """Return rows and dtypes that `test_every_op.py` does not run already."""
    found = []
    for row in ROWS[op]:
        for attr in swept_attrs(row):
            run_there = row.dtypes if attr == own_attr(row) else ()
            for dtype in kernel_dtypes(op, attr):
                if dtype not in run_there and is_written_for(row, attr, dtype):
                    found.append((retyped(row, attr, dtype), dtype))
    return found


def test_dtypes_that_rows_list_are_run() -> None:
    idle = []
    for row in all_cases():
        written = {i.dtype for i in flat_inputs(row.inputs)}
        if len(row.dtypes) > 1 and row.dtypes[0] not in written and T not in row.attrs.values():
            idle.append(row.name)
    assert not idle, f"no input of these rows has the first of their dtypes: {idle}"


@pytest.mark.parametrize("op", sorted(ROWS))
def test_every_dtype(op: str) -> None:
    graph = ps.Graph()
    built: list[tuple[Case, str, Built]] = []
    for row, dtype in runs_of(op):
        built.append((row, dtype, build(row, dtype, Mode.KNOWN, graph=graph)))
    feeds = {key: array for _, _, b in built for key, array in b.feeds.items()}
    with ps.Session(graph=graph) as session:
        results = session.run([b.outputs for _, _, b in built], feeds)
    for (row, dtype, b), values in zip(built, results, strict=True):
        compare(row, dtype, b, [as_array(v) for v in values])


def as_array(value: Any) -> Any:
    return np.asarray(value, object if isinstance(value, bytes) else None)


def compare(row: Case, dtype: str, built: Built, values: list[Any]) -> None:
    for tensor, value in zip(built.outputs, values, strict=True):
        assert value.dtype == tensor.dtype.numpy_dtype, tensor
    if row.check is not None:
        row.check(values)
    expected = flat_expected(row, dtype)
    for i, (value, wanted) in enumerate(zip(values, expected or [], strict=expected is not None)):
        if wanted is not None:
            if value.dtype == object:  # what references leave at zero is an empty string
                wanted = np.asarray(wanted, object)
                wanted = np.where(wanted == 0, b"", wanted)
            assert_close(value, wanted, row.tol, f"{row.name} of {dtype}, output {i}")
