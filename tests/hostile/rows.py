"""Rows of the op table on inputs that nobody should give, one input at a time.

Each input of a row in turn becomes a scalar, empty, of another rank, longer; whole numbers become
-1, the least and the greatest there are. Nothing is known while building, so all of it reaches the
kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import penstock as ps
from penstock import errors
from penstock.ops.registry import has_op
from tests.cases import Array, Case, all_cases
from tests.hostile.execution import check, time_limit


def variants(array: Array) -> Iterator[tuple[str, Array]]:
    """Yield an input's hostile forms."""
    yield "scalar", array.ravel()[:1].reshape(()) if array.size else np.zeros((), array.dtype)
    yield "empty", array.ravel()[:0]
    yield "flat", array.ravel()
    yield "deeper", array[None]
    yield "no rows", array[:0] if array.ndim else array.reshape(1)[:0]
    yield "longer", np.concatenate([array.ravel(), array.ravel()])
    yield "deep", array.reshape((1,) * (8 - array.ndim) + array.shape)
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        for value in (-1, 0, 1 << 20, limits.min, limits.max):
            if limits.min <= value <= limits.max:
                yield str(value), np.full_like(array, value)
    if array.dtype.kind == "f":
        for value in (np.nan, np.inf):
            yield str(value), np.full_like(array, value)


def build(row: Case) -> tuple[ps.Graph, list[Any], list[Array], list[Any]]:
    """Return a row's graph in which everything is fed and nothing known."""
    arrays: list[Array] = []
    fed: list[Any] = []
    with ps.Graph().as_default() as graph:

        def place(array: Array) -> Any:
            arrays.append(array)
            fed.append(ps.placeholder(ps.as_dtype(array.dtype)))
            return fed[-1]

        dtype = row.dtypes[0]
        arguments = [
            [place(a) for a in item] if isinstance(item, list) else place(item)
            for item in row.arrays(dtype)
        ]
        getattr(ps.raw_ops, row.op)(*arguments, **row.node_attrs(dtype), name="node")
        outputs = graph.get_operation_by_name("node").outputs
    return graph, fed, arrays, list(outputs)


def attack(row: Case) -> int:
    """Run every variant of every input; only typed errors may come out."""
    graph, fed, arrays, outputs = build(row)
    count = 0
    with ps.Session(graph=graph) as session:
        for i, original in enumerate(arrays):
            for name, array in variants(original):
                print(f"{row.name} input {i} {name}", flush=True)
                feeds = {**dict(zip(fed, arrays, strict=True)), fed[i]: array}
                try:
                    with time_limit():
                        session.run(outputs or "node", feeds)
                except errors.OpError as error:
                    check(error)
                count += 1
    return count


def run(shard: int, shards: int) -> str:
    """Attack the rows of one shard; return how many runs there were."""
    rows = [row for row in all_cases() if has_op(row.op)][shard::shards]
    return f"{sum(attack(row) for row in rows)} runs"
