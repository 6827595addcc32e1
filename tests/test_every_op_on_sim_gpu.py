"""Each row of tests/cases/ once more in sessions with a simulated GPU, on which its op is placed.

Values, empty inputs, refusals and dtypes are those of the CPU, but for strings and handles. All
runs of an op are one graph and one session. `CPU_ONLY` lists the ops that the device lacks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors
from penstock.kernel_api import device_types
from penstock.ops.registry import has_op
from tests.cases import Case, all_cases
from tests.op_runner import Built, Mode, assert_close, build, flat_expected, session_config
from tests.test_every_dtype import runs_of

DEVICE = "/device:SIM_GPU:0"
KIND = device_types["SIM_GPU"]
ROWS: dict[str, list[Case]] = {}
for _row in all_cases():
    if has_op(_row.op) and any(t.entries(_row.op) for t in KIND.kernels):
        ROWS.setdefault(_row.op, []).append(_row)


def is_served(built: Built) -> bool:
    """Return True when the device has a kernel for the op with the dtypes that the row runs."""
    if not built.outputs:  # of NoOp
        return True
    node = built.outputs[0].op
    return KIND.find(node.type, node._attrs) is not None


def compare(row: Case, dtype: str | None, built: Built, inputs: Any, values: list[Any]) -> None:
    for tensor, value in zip(built.outputs, values, strict=True):
        assert value.dtype == tensor.dtype.numpy_dtype, tensor
        assert tensor.shape.is_compatible_with(value.shape), (tensor, value.shape)
    if row.check is not None:
        row.check(values)
    expected = flat_expected(row, dtype, inputs)
    for i, (value, wanted) in enumerate(zip(values, expected or [], strict=expected is not None)):
        if wanted is not None:
            assert_close(value, wanted, row.tol, f"{row.name} of {dtype}, output {i}")


@pytest.mark.parametrize("op", sorted(ROWS))
def test_values(op: str) -> None:
    graph = ps.Graph()
    runs: list[tuple[Case, str | None, Any, Built]] = []
    for row in ROWS[op]:
        wanted = [(d, None) for d in row.dtypes] + [(row.dtypes[0], e) for e in row.empty]
        for dtype, inputs in wanted:
            runs.append((row, dtype, inputs, build(row, dtype, Mode.KNOWN, inputs, graph, DEVICE)))
    for row, dtype in runs_of(op):
        runs.append((row, dtype, None, build(row, dtype, Mode.KNOWN, None, graph, DEVICE)))
    runs = [run for run in runs if is_served(run[3])]
    feeds = {key: array for *_, built in runs for key, array in built.feeds.items()}
    with ps.Session(graph=graph, config=session_config(DEVICE)) as session:
        results = session.run([built.outputs for *_, built in runs], feeds)
    for (row, dtype, inputs, built), values in zip(runs, results, strict=True):
        compare(row, dtype, built, inputs, [np.asarray(v) for v in values])


@pytest.mark.parametrize("op", sorted(op for op in ROWS if any(r.refuses for r in ROWS[op])))
def test_refusals(op: str) -> None:
    for row in ROWS[op]:
        for inputs in row.refuses:
            with pytest.raises(errors.OpError) as raised:
                built = build(row, row.dtypes[0], Mode.NOTHING, inputs, device=DEVICE)
                built.run(built.outputs or [built.graph.get_operation_by_name("node")])
            assert raised.value.error_code == errors.INVALID_ARGUMENT, raised.value
            assert '"node"' in str(raised.value), "the message names the node"
