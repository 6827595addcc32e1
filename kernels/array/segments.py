"""Rows combined by the segment that each belongs to.

Segment ids are checked as on the CPU: sorted ones must be sorted, and the others below the number
of segments; an unsorted id below 0 drops its row.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.indices import checked_indices, scattered
from penstock.kernels.array.table import (
    FLOATS,
    NUMBERS,
    REALS,
    host_scalar,
    kernel,
    product,
    require,
    shape_text,
)


def _sorted_ids(xp: Any, ids: Array, given: int | None = None) -> tuple[Array, int]:
    """Return ids as int64, and the number of output rows."""
    wide = ids.astype(np.int64)
    if wide.shape[0] == 0:
        return wide, given or 0
    before = xp.concatenate([xp.zeros_like(wide[:1]), wide[:-1]])
    bad = wide < before
    if bool(bad.any()):
        at = int(xp.argmax(bad))
        require(
            False,
            f"segment_ids must be sorted and not negative, got {int(wide[at])} at position {at} "
            f"after {int(before[at])}",
        )
    last = int(wide[-1])
    require(
        given is None or last < given,
        f"segment_ids end with {last}, which is not below num_segments = {given}",
    )
    return wide, last + 1 if given is None else given


def _require_row_ids(data: Array, ids: Array) -> None:
    require(
        ids.ndim == 1 and data.ndim >= 1 and ids.shape[0] == data.shape[0],
        "segment_ids must be a vector as long as the first dimension of data: shapes "
        f"{shape_text(ids.shape)} and {shape_text(data.shape)}",
    )


def _summed(xp: Any, rows: Array, ids: Array, count: int) -> Array:
    zeros = xp.zeros((count, product(rows.shape[1:])), dtype=rows.dtype)
    return scattered(xp, "Add", zeros, ids, rows.reshape(rows.shape[0], zeros.shape[1]))


def _counts(xp: Any, ids: Array, count: int) -> Array:
    return xp.bincount(ids, minlength=count)[:count] if count else xp.zeros(0, dtype=np.int64)


def _divided(xp: Any, sums: Array, counts: Array, root: bool) -> Array:
    """Return sums by row divided by how many rows each has, or by the root of that."""
    n = xp.maximum(counts, 1).reshape(-1, 1)
    if sums.dtype.kind not in "iu":
        real = np.dtype(sums.real.dtype)
        return sums * (1 / (xp.sqrt(n) if root else n)).astype(real)
    wide = np.uint64 if sums.dtype.kind == "u" else np.int64
    total, whole = sums.astype(wide), n.astype(wide)
    quotient = total // whole
    return (quotient + ((total % whole != 0) & (total < 0)).astype(wide)).astype(sums.dtype)


@kernel("SegmentSum", wide=True, T=NUMBERS)
def _segment_sum(xp: Any, node: KernelNode, data: Array, ids: Array) -> Array:
    _require_row_ids(data, ids)
    rows, count = _sorted_ids(xp, ids)
    return _summed(xp, data, rows, count).reshape(count, *data.shape[1:])


@kernel("SegmentMean", wide=True, T=NUMBERS)
def _segment_mean(xp: Any, node: KernelNode, data: Array, ids: Array) -> Array:
    _require_row_ids(data, ids)
    rows, count = _sorted_ids(xp, ids)
    means = _divided(xp, _summed(xp, data, rows, count), _counts(xp, rows, count), False)
    return means.reshape(count, *data.shape[1:])


def _neutral(combine: str, dtype: np.dtype[Any], finite: bool) -> Any:
    """Return what changes no number: 1, or the end of what a dtype holds."""
    if combine == "Mul":
        return 1
    if dtype.kind not in "iu" and not finite:
        return -np.inf if combine == "Max" else np.inf
    limits: Any = ml_dtypes.iinfo if dtype.kind in "iu" else ml_dtypes.finfo
    limits = limits(dtype)
    return limits.min if combine == "Max" else limits.max


def _register_combined(name: str, combine: str, types: Any) -> None:
    def fold(
        xp: Any, node: KernelNode, data: Array, rows: Array, count: int, finite: bool
    ) -> tuple[Array, tuple[int, ...]]:
        tail = data.shape[1:]
        start = _neutral(combine, node.output_dtypes[0].numpy_dtype, finite)
        target = xp.full((count, product(tail)), start, dtype=data.dtype)
        values = data.reshape(rows.size, product(tail))
        return scattered(xp, combine, target, rows, values), (count, *tail)

    @kernel(f"Segment{name}", wide=True, T=types)
    def by_sorted(xp: Any, node: KernelNode, data: Array, ids: Array) -> Array:
        _require_row_ids(data, ids)
        rows, count = _sorted_ids(xp, ids)
        result, shape = fold(xp, node, data, rows, count, False)
        if combine != "Mul":
            empty = _counts(xp, rows, count) == 0
            result = xp.where(empty.reshape(-1, 1), xp.zeros_like(result), result)
        return result.reshape(shape)

    @kernel(f"UnsortedSegment{name}", host=["num_segments"], wide=True, T=types)
    def by_any(xp: Any, node: KernelNode, data: Array, ids: Array, count: Any) -> Array:
        segments, rows = _unsorted(xp, data, ids, count)
        kept = rows >= 0
        lead = ids.ndim
        values = data.reshape(rows.size, *data.shape[lead:])[kept]
        result, shape = fold(xp, node, values, rows[kept], segments, True)
        return result.reshape(shape)


_register_combined("Max", "Max", REALS)
_register_combined("Min", "Min", REALS)
_register_combined("Prod", "Mul", NUMBERS)


def _unsorted(xp: Any, data: Array, ids: Array, count: Any) -> tuple[int, Array]:
    segments = host_scalar(count, "num_segments")
    require(segments >= 0, f"num_segments must not be negative, got {segments}")
    require(
        ids.ndim <= data.ndim and data.shape[: ids.ndim] == ids.shape,
        f"the shape of segment_ids, {shape_text(ids.shape)}, must be a prefix of that of data, "
        f"{shape_text(data.shape)}",
    )
    rows = ids.astype(np.int64).reshape(-1)
    bad = rows >= segments
    if bool(bad.any()):
        at = int(xp.argmax(bad))
        require(
            False, f"segment_ids[{at}] = {int(rows[at])} is not below num_segments = {segments}"
        )
    return segments, rows


@kernel("UnsortedSegmentSum", host=["num_segments"], wide=True, T=NUMBERS)
def _unsorted_sum(xp: Any, node: KernelNode, data: Array, ids: Array, count: Any) -> Array:
    segments, rows = _unsorted(xp, data, ids, count)
    tail = data.shape[ids.ndim :]
    kept = rows >= 0
    values = data.reshape(rows.size, product(tail))[kept]
    return _summed(xp, values, rows[kept], segments).reshape(segments, *tail)


def _sparse(scale: str) -> Any:
    def compute(xp: Any, node: KernelNode, data: Array, indices: Array, ids: Array, *n: Any) -> Any:
        require(data.ndim >= 1, "data is a scalar: it has no rows")
        _require_pairs(indices, ids)
        given = host_scalar(n[0], "num_segments") if n else None
        require(given is None or given >= 0, f"num_segments must not be negative, got {given}")
        picked = checked_indices(xp, indices, data.shape[0])
        rows, count = _sorted_ids(xp, ids, given)
        sums = _summed(xp, data[picked], rows, count)
        if scale:
            sums = _divided(xp, sums, _counts(xp, rows, count), scale == "SqrtN")
        return sums.reshape(count, *data.shape[1:])

    return compute


def _require_pairs(indices: Array, ids: Array) -> None:
    require(
        indices.ndim == 1 and ids.shape == indices.shape,
        f"indices and segment_ids must be vectors of one length, got shapes "
        f"{shape_text(indices.shape)} and {shape_text(ids.shape)}",
    )


def _sparse_grad(scale: str) -> Any:
    def compute(
        xp: Any, node: KernelNode, grad: Array, indices: Array, ids: Array, size: Any
    ) -> Any:
        count = host_scalar(size, "output_dim0")
        require(count >= 0, f"output_dim0 must not be negative, got {count}")
        require(grad.ndim >= 1, "the gradient is a scalar: it has no rows")
        _require_pairs(indices, ids)
        to = checked_indices(xp, indices, count)
        segments = checked_indices(xp, ids, grad.shape[0])
        rows = grad.reshape(grad.shape[0], product(grad.shape[1:]))
        if scale:
            rows = _divided(xp, rows, _counts(xp, segments, grad.shape[0]), scale == "SqrtN")
        return _summed(xp, rows[segments], to, count).reshape(count, *grad.shape[1:])

    return compute


for _name, _scale in (("Sum", ""), ("Mean", "Mean"), ("SqrtN", "SqrtN")):
    _types = FLOATS if _scale else REALS
    kernel(f"SparseSegment{_name}", wide=True, T=_types)(_sparse(_scale))
    kernel(f"SparseSegment{_name}WithNumSegments", host=["num_segments"], wide=True, T=_types)(
        _sparse(_scale)
    )
    kernel(f"SparseSegment{_name}Grad", host=["output_dim0"], wide=True, T=FLOATS)(
        _sparse_grad(_scale)
    )
