"""How much deeper a network can be in the same memory, measured on real residual chains.

A plain chain sets the memory: the peak that its allocator counts. Chains that many times as deep
get its planned peak as budget; the allocator must then count no more, and r stay within one
forward pass. Time is compared with a plain step of the deep chain, in turns.
"""

from __future__ import annotations

import time
from typing import Any

import penstock as ps
from benchmarks.checkpointing import figures, written
from benchmarks.checkpointing.side_graph import Side

SHALLOW = 20
TIMES = (10, 15, 20, 25)
SIZE = {"rows": 128, "columns": 512}


def rows(rounds: int, quick: bool) -> list[dict[str, Any]]:
    """Return a row for the shallow chain and one for each depth."""
    shallow, times = (5, (2,)) if quick else (SHALLOW, TIMES)
    with ps.Graph().as_default():
        side = Side(ps, written.residual_chain(shallow, **SIZE))
        planned = side.add("plain")["planned"]
        side.steps["plain"]()
        most = side.own_memory("plain")["allocator"]
        side.close()
    found = [{"blocks": shallow, "times": 1, "planned": planned, "allocator": most, "r": 0.0}]
    return found + [_deep(shallow * n, n, planned, rounds) for n in times]


def _deep(blocks: int, times: int, budget: int, rounds: int) -> dict[str, Any]:
    with ps.Graph().as_default():
        side = Side(ps, written.residual_chain(blocks, **SIZE))
        whole = side.add("plain")["planned"]
        facts = side.add(repr((budget + 0.5) / whole))
        row: dict[str, Any] = {"blocks": blocks, "times": times}
        if "infeasible" in facts:
            return {**row, "infeasible": facts["infeasible"]}
        way = next(name for name in side.steps if name != "plain")
        timed: dict[str, list[float]] = {"plain": [], way: []}
        for i in range(rounds + 1):
            for name in timed if i % 2 == 0 else reversed(timed):
                began = time.perf_counter()
                side.steps[name]()
                timed[name].append(time.perf_counter() - began)
        allocator = side.own_memory(way)["allocator"]
        plain = side.own_memory("plain")["allocator"]
        side.close()
    ratio = figures.ratio(timed[way][1:], timed["plain"][1:])
    row |= {"planned": facts["planned"], "allocator": allocator, "plain_allocator": plain}
    return row | {"r": round(facts["r"], 4), "ratio": ratio, "seconds": round(facts["seconds"], 3)}
