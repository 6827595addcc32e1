"""Runs rows of the op table on inputs that nobody should give: a program for a process of its own.

Each input of a row in turn becomes a scalar, empty, of another rank, longer; whole numbers become
-1, the least and the greatest there are. Nothing is known while building, so all of it reaches the
kernels. The name of what is about to run is printed first: after a crash it is the last line.
Usage: python -m tests.hostile SHARD SHARDS
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import penstock as ps
from penstock import errors
from penstock.ops.registry import has_op
from tests.cases import Array, Case, all_cases

MEMORY = 3 << 30  # an allocation beyond it fails, as it would on a small machine
SANITIZED = "LD_PRELOAD" in os.environ  # sanitizers reserve more addresses than that
SECONDS = 20.0


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
                start = time.monotonic()
                try:
                    session.run(outputs or "node", feeds)
                except errors.OpError as error:
                    assert not isinstance(error, errors.InternalError | errors.UnknownError), error
                assert time.monotonic() - start < SECONDS, "that took too long"
                count += 1
    return count


def main() -> None:
    """Attack the rows of one shard."""
    shard, shards = int(sys.argv[1]), int(sys.argv[2])
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    rows = [row for row in all_cases() if has_op(row.op)][shard::shards]
    print(f"done: {sum(attack(row) for row in rows)}")


if __name__ == "__main__":
    main()
