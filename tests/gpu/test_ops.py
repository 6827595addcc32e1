"""Every row of tests/cases/ on a GPU, where the device has a kernel for its op and dtype."""

from __future__ import annotations

import pytest

import penstock as ps
from penstock.kernel_api import device_types
from penstock.ops.registry import has_op
from tests.cases import Case, all_cases
from tests.op_runner import Mode, assert_close, build, flat_expected

pytestmark = pytest.mark.gpu

DEVICE = "/device:GPU:0"
KIND = device_types["GPU"]
ROWS = [r for r in all_cases() if has_op(r.op) and any(t.entries(r.op) for t in KIND.kernels)]
SLACK = {"float16": 4.0, "bfloat16": 4.0}  # sums in another order round differently


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_values(row: Case) -> None:
    for dtype in row.dtypes:
        graph = ps.Graph()
        built = build(row, dtype, Mode.KNOWN, None, graph, DEVICE)
        node = [o for o in graph.get_operations() if o.device][-1]
        if KIND.find(node.type, node._attrs) is None:
            continue
        config = ps.ConfigProto(allow_soft_placement=True)
        with ps.Session(graph=graph, config=config) as session:
            values = session.run(built.outputs, built.feeds)
        if row.check is not None:
            row.check(values)
        tolerance = row.tol * SLACK.get(dtype or "", 2.0)
        for i, wanted in enumerate(flat_expected(row, dtype, None) or []):
            if wanted is not None:
                assert_close(values[i], wanted, tolerance, f"{row.name} of {dtype}, output {i}")
