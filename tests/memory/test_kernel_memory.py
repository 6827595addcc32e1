"""The tables of in-place kernels and views, held against what the kernels do.

Each row of the op table runs once on inputs that nobody else holds; the addresses of its outputs
tell which inputs they took over or show.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

import penstock as ps
from penstock.graph.ir import IR
from penstock.memory.lifetimes import lifetimes
from penstock.ops.registry import find_op
from tests import op_runner
from tests.cases import Case, all_cases
from tests.op_runner import Mode, build

UNTOLD = {  # op → why the tables do not tell
    "StridedSlice": "whether the part is one run depends on values",
    "Transpose": "a permutation may keep the order of the elements",
    "ReverseV2": "no axis may be listed",
    "Roll": "a shift may be nothing",
    "Select": "one condition for all shows the chosen value",
    "SelectV2": "one condition for all shows the chosen value",
}
ROWS = [r for r in all_cases() if not find_op(r.op).stateful]
ROWS_OF_AN_OP = 4  # more rows tell little more
Pairs = set[tuple[int, int]]


def fresh(built: op_runner.Built, item: Any, array: Any, mode: Mode) -> Any:
    """Make an input as `build` does; what is fed comes in memory that no one else holds."""
    tensor = made(built, item, array, mode)
    if built.placeholders[-1] is None or tensor.dtype == ps.string:
        return tensor
    return ps.raw_ops.Unpack(value=ps.raw_ops.Pack(values=[tensor], axis=0), num=1, axis=0)[0]


made = op_runner._tensor


def recorded(program: Any, values: Sequence[Any]) -> dict[str, dict[int, tuple[int, int]]]:
    """Return address and bytes of each output, by node and output."""
    devices: list[Any] = []
    program.run_traced(values, 0, False, devices)
    return {
        node[0]: {output[0]: (output[5], output[3]) for output in node[9] if output[3]}
        for _, _, nodes in devices
        for node in nodes
    }


def found_and_told(part: IR, where: dict[str, dict[int, tuple[int, int]]]) -> tuple[Pairs, Pairs]:
    """Return the pairs (output, input) of the node "node" that share memory, and shall share it."""
    node = part["node"]
    block_of = lifetimes(part).block_of
    found: Pairs = set()
    told: Pairs = set()
    for output, (address, _) in where["node"].items():
        for i, (name, index) in enumerate(node.inputs):
            start, size = where.get(name, {}).get(index, (0, 0))
            if not size:
                continue
            if start <= address < start + size:
                found.add((output, i))
            if block_of["node", output] == block_of[name, index]:
                told.add((output, i))
    return found, told


@pytest.mark.parametrize("letter", sorted({row.op[0] for row in ROWS}))
def test_kernels_do_what_the_tables_say(letter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(op_runner, "_tensor", fresh)
    wrong, seen = [], Counter[str]()
    for row in ROWS:
        seen[row.op] += 1
        if row.op[0] != letter or seen[row.op] > ROWS_OF_AN_OP:
            continue
        dtype = "float32" if "float32" in row.dtypes else row.dtypes[0]
        difference = compare(row, dtype)
        if difference:
            wrong.append(difference)
    assert not wrong


def compare(row: Case, dtype: str | None) -> str:
    built = build(row, dtype, Mode.KNOWN)
    with ps.Session(graph=built.graph) as session:
        call = session._find_call(built.outputs, built.feeds)
        (part,) = call.plan.partitions.values()
        if "node" not in part or part["node"].op != row.op:
            return ""
        where = recorded(call.plan.plain, [built.feeds[p] for p in built.feeds])
    if "node" not in where:
        return ""
    found, told = found_and_told(part, where)
    if told - found or (found - told and row.op not in UNTOLD):
        return f"{row.name}: found {sorted(found)}, told {sorted(told)}"
    return ""
