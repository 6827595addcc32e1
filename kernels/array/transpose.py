"""Dimensions in another order: views."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import PLAIN, checked_axis, kernel, require, shape_text


def _permuted(x: Array, perm: Any) -> Array:
    require(
        perm.shape == (x.ndim,),
        f"perm must be a vector of length {x.ndim}, the rank of the input, got shape "
        f"{shape_text(perm.shape)}",
    )
    axes: list[int] = []
    for given in perm:
        axis = checked_axis(int(given), x.ndim, "perm entry")
        require(axis not in axes, f"perm names dimension {axis} twice")
        axes.append(axis)
    return x.transpose(axes)


@kernel("Transpose", host=["perm"], T=PLAIN)
def _transpose(xp: Any, node: KernelNode, x: Array, perm: Any) -> Array:
    return _permuted(x, perm)


@kernel("ConjugateTranspose", host=["perm"], T=PLAIN)
def _conjugate_transpose(xp: Any, node: KernelNode, x: Array, perm: Any) -> Array:
    y = _permuted(x, perm)
    return xp.conj(y) if x.dtype.kind == "c" else y
