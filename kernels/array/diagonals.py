"""Diagonals: written into matrices, read from them; bands of diagonals.

A band is stored with the highest diagonal first, each padded to the longest at the side that the
attribute `align` says. Which element goes where is worked out on the host.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    ANALYTIC,
    INDEX,
    PLAIN,
    host_scalar,
    kernel,
    product,
    require,
    shape_text,
)


class Band(NamedTuple):
    """The sizes of matrices and the diagonals [low, high] of them."""

    rows: int
    columns: int
    low: int
    high: int

    @property
    def lines(self) -> int:
        """How many diagonals."""
        return self.high - self.low + 1

    @property
    def longest(self) -> int:
        """The length of the longest of them."""
        return min(self.rows + min(self.high, 0), self.columns - max(self.low, 0))

    def places(self, align: bytes) -> tuple[Any, Any]:
        """Return the places of elements in the stored band, and in the flat matrix."""
        stored: list[int] = []
        matrix: list[int] = []
        upper, _, lower = align.partition(b"_")
        for line, d in enumerate(range(self.high, self.low - 1, -1)):
            length = min(self.rows + min(d, 0), self.columns - max(d, 0))
            right = (upper if d >= 0 else lower) == b"RIGHT"
            start = line * self.longest + (self.longest - length if right else 0)
            first = d if d >= 0 else -d * self.columns
            stored += range(start, start + length)
            matrix += [first + i * (self.columns + 1) for i in range(length)]
        return np.array(stored, dtype=np.int64), np.array(matrix, dtype=np.int64)


_LEFT = b"LEFT_LEFT"


def _align(node: KernelNode) -> bytes:
    return bytes(node.attrs.get("align", b"RIGHT_LEFT"))


def _read_diagonals(k: Any) -> tuple[int, int]:
    require(
        k.ndim <= 1 and k.size in (1, 2),
        f"k must be a number or two, got shape {shape_text(k.shape)}",
    )
    low, high = int(k.reshape(-1)[0]), int(k.reshape(-1)[-1])
    require(low <= high, f"k is [{low}, {high}]: the lower diagonal comes first")
    return low, high


def _require_inside(band: Band) -> None:
    inside = [d == 0 or -band.rows < d < band.columns for d in (band.low, band.high)]
    require(
        all(inside),
        f"diagonals {band.low} to {band.high} are not all in a matrix of {band.rows} rows and "
        f"{band.columns} columns",
    )


def _stack_of(x: Array, inner: int, what: str) -> tuple[int, ...]:
    require(
        x.ndim >= inner, f"{what} must have rank {inner} at least, got shape {shape_text(x.shape)}"
    )
    return tuple(x.shape[: x.ndim - inner])


def _stored_shape(stack: tuple[int, ...], band: Band) -> tuple[int, ...]:
    return (*stack, *(() if band.lines == 1 else (band.lines,)), band.longest)


def _put(xp: Any, band: Band, align: bytes, diagonals: Array, matrices: Array) -> Array:
    """Write a band into fresh matrices [..., rows, columns]."""
    flat = matrices.reshape(-1, band.rows * band.columns)
    lines = diagonals.reshape(flat.shape[0], band.lines * band.longest)
    stored, places = band.places(align)
    flat[:, xp.asarray(places)] = lines[:, xp.asarray(stored)]
    return flat.reshape(matrices.shape)


def _take(xp: Any, band: Band, align: bytes, x: Array, padding: Array) -> Array:
    shape = _stored_shape(_stack_of(x, 2, "the input"), band)
    out = xp.broadcast_to(padding, shape).copy()
    if out.size == 0 or x.size == 0:
        return out
    lines = out.reshape(product(x.shape[:-2]), band.lines * band.longest)
    stored, places = band.places(align)
    flat = x.reshape(lines.shape[0], band.rows * band.columns)
    lines[:, xp.asarray(stored)] = flat[:, xp.asarray(places)]
    return lines.reshape(shape)


def _set(xp: Any, x: Array, diagonals: Array, low: int, high: int, align: bytes) -> Array:
    stack = _stack_of(x, 2, "the input")
    band = Band(x.shape[-2], x.shape[-1], low, high)
    _require_inside(band)
    wanted = _stored_shape(stack, band)
    require(
        diagonals.shape == wanted,
        f"the diagonal must have shape {shape_text(wanted)} for an input of shape "
        f"{shape_text(x.shape)}, got {shape_text(diagonals.shape)}",
    )
    copy = xp.array(x, order="C")
    return _put(xp, band, align, diagonals, copy) if copy.size and diagonals.size else copy


@kernel("MatrixDiag", T=PLAIN)
def _matrix_diag(xp: Any, node: KernelNode, x: Array) -> Array:
    stack = _stack_of(x, 1, "the diagonal")
    size = x.shape[-1]
    out = xp.zeros((*stack, size, size), dtype=x.dtype)
    return _put(xp, Band(size, size, 0, 0), _LEFT, x, out) if out.size else out


@kernel("MatrixDiagPart", T=PLAIN)
def _matrix_diag_part(xp: Any, node: KernelNode, x: Array) -> Array:
    _stack_of(x, 2, "the input")
    band = Band(x.shape[-2], x.shape[-1], 0, 0)
    return _take(xp, band, _LEFT, x, xp.zeros((), dtype=x.dtype))


@kernel("MatrixSetDiag", T=PLAIN)
def _matrix_set_diag(xp: Any, node: KernelNode, x: Array, diagonals: Array) -> Array:
    return _set(xp, x, diagonals, 0, 0, _LEFT)


@kernel("MatrixSetDiagV3", host=["k"], T=PLAIN)
def _matrix_set_diag_v3(xp: Any, node: KernelNode, x: Array, diagonals: Array, k: Any) -> Array:
    return _set(xp, x, diagonals, *_read_diagonals(k), _align(node))


@kernel("MatrixDiagPartV3", host=["k"], T=PLAIN)
def _matrix_diag_part_v3(xp: Any, node: KernelNode, x: Array, k: Any, padding: Array) -> Array:
    _stack_of(x, 2, "the input")
    band = Band(x.shape[-2], x.shape[-1], *_read_diagonals(k))
    _require_inside(band)
    _require_one(padding)
    return _take(xp, band, _align(node), x, padding.reshape(()))


def _require_one(padding: Array) -> None:
    require(
        padding.size == 1, f"padding_value must be a scalar, got shape {shape_text(padding.shape)}"
    )


def _size(given: Any, least: int, what: str) -> int:
    size = host_scalar(given, what)
    require(size >= -1, f"{what} is {size}, expected -1 or a size")
    return least if size == -1 else size


@kernel("MatrixDiagV3", host=["k", "num_rows", "num_cols"], T=PLAIN)
def _matrix_diag_v3(
    xp: Any, node: KernelNode, x: Array, k: Any, num_rows: Any, num_cols: Any, padding: Array
) -> Array:
    low, high = _read_diagonals(k)
    inner = 1 if low == high else 2
    stack = _stack_of(x, inner, "the diagonal")
    count = 1 if inner == 1 else x.shape[-2]
    require(
        count == high - low + 1, f"there are {count} diagonals, but k asks for {high - low + 1}"
    )
    _require_one(padding)
    width = x.shape[-1]
    rows = _size(num_rows, width - min(high, 0), "num_rows")
    columns = _size(num_cols, width + max(low, 0), "num_cols")
    if host_scalar(num_rows, "num_rows") == -1 == host_scalar(num_cols, "num_cols"):
        rows = columns = max(rows, columns)
    band = Band(rows, columns, low, high)
    _require_inside(band)
    require(
        band.longest == width,
        f"a matrix of {rows} rows and {columns} columns has diagonals of length {band.longest} "
        f"there, not {width}",
    )
    out = xp.broadcast_to(padding.reshape(()), (*stack, rows, columns)).copy()
    return _put(xp, band, _align(node), x, out) if out.size and x.size else out


def _limit(given: Any, size: int, what: str) -> int:
    count = host_scalar(given, what)
    require(count <= size, f"{what} is {count}, expected at most {size}, or less than 0 for all")
    return size if count < 0 else count


@kernel("MatrixBandPart", host=["num_lower", "num_upper"], T=PLAIN)
def _band_part(xp: Any, node: KernelNode, x: Array, num_lower: Any, num_upper: Any) -> Array:
    _stack_of(x, 2, "the input")
    rows, columns = x.shape[-2:]
    lower = _limit(num_lower, rows, "num_lower")
    upper = _limit(num_upper, columns, "num_upper")
    distance = np.arange(columns) - np.arange(rows)[:, None]
    kept = xp.asarray((-lower <= distance) & (distance <= upper))
    return xp.where(kept, x, xp.zeros_like(x))


@kernel("Diag", T=ANALYTIC | INDEX)
def _diag(xp: Any, node: KernelNode, x: Array) -> Array:
    require(x.ndim >= 1, "the diagonal is a scalar: it must have one dimension at least")
    require(
        2 * x.ndim <= 8, f"the result would have {2 * x.ndim} dimensions; at most 8 are supported"
    )
    out = xp.zeros(x.size * x.size, dtype=x.dtype)
    out[:: x.size + 1] = x.reshape(-1)
    return out.reshape(x.shape + x.shape)


@kernel("DiagPart", T=ANALYTIC | INDEX)
def _diag_part(xp: Any, node: KernelNode, x: Array) -> Array:
    half = x.ndim // 2
    require(
        half >= 1 and x.ndim % 2 == 0 and x.shape[:half] == x.shape[half:],
        "the input must have an even rank and equal halves of its shape, got "
        f"{shape_text(x.shape)}",
    )
    size = product(x.shape[:half])
    return x.reshape(-1)[:: size + 1].reshape(x.shape[:half])
