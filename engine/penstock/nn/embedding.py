"""Embeddings: rows of a table by number, the table possibly cut into shards."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import control, convert
from penstock.ops.clipping import clip_by_norm
from penstock.ops.wrappers import raw
from penstock.variables.variable import Variable


@export("nn.embedding_lookup")
def embedding_lookup(
    params: Any,
    ids: Any,
    partition_strategy: str = "mod",
    name: str | None = None,
    validate_indices: bool = True,
    max_norm: Any = None,
) -> Tensor:
    """Return the rows `ids` of a table, in the shape of `ids`.

    `params` is a variable or tensor, or a list of shards: with "mod" row i is row i // n of
    shard i % n, with "div" the shards hold consecutive rows. With `max_norm` longer rows are
    scaled down to it. The gradient by a variable is sparse: `IndexedSlices`.

    >>> table = ps.constant([[1., 2.], [3., 4.]])
    >>> ps.Session().run(ps.nn.embedding_lookup(table, [1, 1, 0]))
    array([[3., 4.],
           [3., 4.],
           [1., 2.]], dtype=float32)
    """
    shards = list(params) if isinstance(params, (list, tuple)) else [params]
    if not shards:
        raise ValueError("embedding_lookup needs a table, got an empty list")
    if partition_strategy not in ("mod", "div"):
        raise ValueError(f"partition_strategy is 'mod' or 'div', not {partition_strategy!r}")
    with control.under("embedding_lookup", name):
        numbers = convert.to_tensor(ids)
        if len(shards) == 1:
            rows = _rows(shards[0], numbers)
        else:
            rows = _from_shards(shards, numbers, partition_strategy)
        if max_norm is None:
            return rows
        rank = rows.shape.ndims
        first = numbers.shape.ndims
        if rank is None or first is None:
            raise ValueError("embedding_lookup: max_norm needs tables and ids of known rank")
        result: Tensor = clip_by_norm(rows, max_norm, list(range(first, rank)))
        return result


def _rows(table: Any, numbers: Tensor) -> Tensor:
    if isinstance(table, Variable):
        return table.sparse_read(numbers)
    result: Tensor = raw.GatherV2(table, numbers, 0)
    return result


def _from_shards(shards: list[Any], ids: Tensor, strategy: str) -> Tensor:
    count = len(shards)
    flat = raw.Reshape(ids, [-1])
    if strategy == "mod":
        shard = raw.FloorMod(flat, count)
        inside = raw.FloorDiv(flat, count)
    else:
        shard, inside = _consecutive(shards, flat)
    shard = raw.Cast(shard, DstT=dtypes.int32)
    order = raw.Range(0, raw.Size(flat), 1)
    wanted = raw.DynamicPartition(inside, shard, num_partitions=count)
    places = raw.DynamicPartition(order, shard, num_partitions=count)
    found = [_rows(table, numbers) for table, numbers in zip(shards, wanted, strict=True)]
    rows = raw.DynamicStitch(places, found)
    tail = raw.StridedSlice(raw.Shape(rows), [1], [0], [1], end_mask=1)
    result: Tensor = raw.Reshape(rows, raw.ConcatV2([raw.Shape(ids), tail], 0))
    result.set_shape(ids.shape.concatenate(_shape_of(shards[0])[1:]))
    return result


def _shape_of(table: Any) -> Any:
    return table.shape if isinstance(table, Variable) else convert.to_tensor(table).shape


def _consecutive(shards: list[Any], flat: Tensor) -> tuple[Tensor, Tensor]:
    """Return shard and row in it: the first shards have one row more when it does not divide."""
    sizes = [_shape_of(t)[0].value for t in shards]
    if any(s is None for s in sizes):
        raise ValueError("partition_strategy 'div' needs shards with a known number of rows")
    each, extra = divmod(sum(sizes), len(shards))
    long_rows = extra * (each + 1)
    shard = raw.Maximum(raw.FloorDiv(flat, each + 1), raw.FloorDiv(flat - extra, max(each, 1)))
    in_long = raw.FloorMod(flat, each + 1)
    in_short = raw.FloorMod(flat - long_rows, max(each, 1))
    return shard, raw.SelectV2(raw.Less(flat, long_rows), in_long, in_short)
