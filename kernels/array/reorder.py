"""Dimensions rolled around, and sequences turned round."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import PLAIN, checked_axis, kernel, require, shape_text


@kernel("Roll", host=["shift", "axis"], T=PLAIN)
def _roll(xp: Any, node: KernelNode, x: Array, shift: Any, axis: Any) -> Array:
    require(x.ndim >= 1, "the input is a scalar: it has no dimension to roll")
    require(
        shift.ndim <= 1 and shift.shape == axis.shape,
        "shift and axis must be scalars, or vectors of one length, got shapes "
        f"{shape_text(shift.shape)} and {shape_text(axis.shape)}",
    )
    for step, given in zip(shift.reshape(-1), axis.reshape(-1), strict=True):
        along = checked_axis(int(given), x.ndim)
        if x.shape[along]:
            x = xp.roll(x, int(step) % x.shape[along], axis=along)
    return x


@kernel("ReverseSequence", T=PLAIN)
def _reverse_sequence(xp: Any, node: KernelNode, x: Array, lengths: Array) -> Array:
    seq, batch = int(node.attrs["seq_dim"]), int(node.attrs.get("batch_dim", 0))
    require(seq != batch, f"seq_dim and batch_dim are both {seq}")
    for name, dim in (("seq_dim", seq), ("batch_dim", batch)):
        require(0 <= dim < x.ndim, f"{name} {dim} is out of range for shape {shape_text(x.shape)}")
    size = x.shape[seq]
    require(
        lengths.shape == (x.shape[batch],),
        f"seq_lengths must be a vector of length {x.shape[batch]}, the size of dimension {batch}, "
        f"got shape {shape_text(lengths.shape)}",
    )
    bad = (lengths < 0) | (lengths > size)
    if bool(bad.any()):
        at = int(xp.argmax(bad))
        require(
            False,
            f"seq_lengths[{at}] = {int(lengths[at])} is not in [0, {size}], the size of dimension "
            f"{seq}",
        )
    if x.size == 0:
        return x
    places, ends = xp.arange(size), lengths.astype(np.int64)[:, None]
    at = xp.where(places < ends, ends - 1 - places, places)  # [batch, sequence]
    rows = xp.moveaxis(x, (batch, seq), (0, 1))
    turned = rows[xp.arange(x.shape[batch])[:, None], at]
    return xp.moveaxis(turned, (0, 1), (batch, seq))
