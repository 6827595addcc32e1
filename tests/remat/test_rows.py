"""Rows that lookups gather are looked up again where a budget asks for it, and stay what they were.

The variable that they come from may be updated in the same run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock as ps
from benchmarks.checkpointing.budgeted import normal
from penstock.memory.kernel_memory import allocated

IDS, WIDTH, LOOKUPS = 256, 64, 5
UNIT = allocated(IDS * WIDTH * 4)


def network(kind: str, rows: int, **wish: Any) -> tuple[Any, Any, list[Any]]:
    """Steps that each multiply by rows of a table; a table of the first step is trained.

    `kind`: the other table is left alone, or changed between the passes, or after the training.
    """
    ids = ps.placeholder(ps.int32, [IDS])
    table, trained = ps.Variable(normal(rows, WIDTH) / 4), ps.Variable(normal(rows, WIDTH))
    h = ps.nn.embedding_lookup(trained, ids)
    for k in range(LOOKUPS):
        h = ps.tanh(h * ps.nn.embedding_lookup(table, (ids + k) % rows))
    loss = ps.reduce_sum(h)
    optimizer = ps.train.AdagradOptimizer(0.1)
    step = optimizer.minimize(loss, var_list=[trained], **wish)
    if kind != "alone":
        with ps.control_dependencies([loss if kind == "between" else step]):
            change = table.scatter_sub(ps.IndexedSlices(ps.ones([1, WIDTH]), [3]))
        step = ps.group(step, change)
    return ids, [loss, step], [table, trained]


def run(kind: str, rows: int, **wish: Any) -> tuple[list[Any], Any, list[int]]:
    """Return three results, the plan, and what the runs held."""
    with ps.Graph().as_default(), ps.Session() as session:
        ids, fetch, variables = network(kind, rows, **wish)
        session.run(ps.global_variables_initializer())
        feed = {ids: np.arange(IDS, dtype=np.int32) % rows}
        results, held = [], []
        for _ in range(3):
            result, memory = session.run_with_memory(fetch, feed)
            results += [result[0], *session.run(variables)]
            held.append(memory.share_peak or memory.peak - memory.live_before)
        return results, session.explain_plan(fetch, feed), held


@pytest.mark.parametrize(
    ("kind", "rows", "again"),
    [
        ("alone", 2048, True),
        ("between", 32, True),  # the change copies the small table, and the old rows are read
        ("between", 2048, False),  # there is no room for two large tables
        ("after", 2048, True),
    ],
)
def test_rows_looked_up_again_are_those_of_the_forward_pass(
    kind: str, rows: int, again: bool
) -> None:
    expected, _, held = run(kind, rows)
    budget = int(max(held) * 0.7)
    results, explained, held = run(kind, rows, memory_budget=budget)
    for found, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert max(held) <= budget
    assert again == any(n.op == "GatherV2" for n in explained.ir if "_recomputed" in n.attrs)


def test_a_budget_with_room_changes_no_lookup() -> None:
    _, explained, _ = run("after", 32, memory_budget="1GB")
    assert {n.op for n in explained.ir} >= {"ResourceGather"}
    assert not any(n.op == "GatherV2" for n in explained.ir)
