"""Shapes: read by the host's kernels, changed by views.

Kernels that never look at elements are the CPU's own, with their inputs left where they are.
"""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import (
    ARRAY,
    PLAIN,
    checked_axis,
    host_scalar,
    host_shape,
    kernel,
    product,
    require,
    shape_text,
)

ARRAY.native("Shape", "ShapeN", "Size", "Rank", host_inputs=())
ARRAY.native("BroadcastArgs", "BroadcastGradientArgs", "ConcatOffset")


def _inferred(wanted: Any, x: Array) -> tuple[int, ...]:
    """Return the shape asked for, -1 replaced by what is left of the elements."""
    require(wanted.ndim == 1, f"shape must be a vector, got shape {shape_text(wanted.shape)}")
    sizes = [int(size) for size in wanted]
    unknown = [d for d, size in enumerate(sizes) if size == -1]
    require(len(unknown) < 2, f"only one dimension may be -1, got dimensions {unknown}")
    known = product(size for size in sizes if size != -1)
    if unknown:
        require(
            known > 0 or x.size > 0,
            "cannot tell what -1 stands for: the input is empty, and so are the other dimensions",
        )
        require(
            known > 0 and x.size % known == 0,
            f"cannot reshape {x.size} elements, shape {shape_text(x.shape)}: the sizes given "
            f"multiply to {known}, which does not divide them",
        )
        sizes[unknown[0]] = x.size // known
    require(
        all(size >= 0 for size in sizes) and product(sizes) == x.size,
        f"cannot reshape {x.size} elements, shape {shape_text(x.shape)}, into shape "
        f"{shape_text(sizes)}",
    )
    return tuple(sizes)


@kernel("Reshape", host=["shape"], T=PLAIN)
def _reshape(xp: Any, node: KernelNode, x: Array, wanted: Any) -> Array:
    return x.reshape(_inferred(wanted, x))


@kernel("ExpandDims", host=["dim"], T=PLAIN)
def _expand_dims(xp: Any, node: KernelNode, x: Array, dim: Any) -> Array:
    axis = checked_axis(host_scalar(dim, "axis"), x.ndim + 1)
    return x.reshape((*x.shape[:axis], 1, *x.shape[axis:]))


@kernel("Squeeze", T=PLAIN)
def _squeeze(xp: Any, node: KernelNode, x: Array) -> Array:
    given = [checked_axis(int(d), x.ndim) for d in node.attrs.get("squeeze_dims", ())]
    for axis in given:
        require(
            x.shape[axis] == 1,
            f"cannot squeeze dimension {axis} of shape {shape_text(x.shape)}: its size is "
            f"{x.shape[axis]}, not 1",
        )
    drop = given or [d for d, size in enumerate(x.shape) if size == 1]
    return x.reshape(tuple(size for d, size in enumerate(x.shape) if d not in drop))


@kernel("BroadcastTo", host=["shape"], T=PLAIN)
def _broadcast_to(xp: Any, node: KernelNode, x: Array, wanted: Any) -> Array:
    shape = host_shape(wanted)
    require(
        len(shape) >= x.ndim,
        f"cannot broadcast shape {shape_text(x.shape)} to {shape_text(shape)}, which has fewer "
        "dimensions",
    )
    lead = len(shape) - x.ndim
    for d, size in enumerate(x.shape):
        require(
            size in (1, shape[lead + d]),
            f"cannot broadcast shape {shape_text(x.shape)} to {shape_text(shape)}: dimension "
            f"{lead + d} is {size}, not 1 or {shape[lead + d]}",
        )
    return xp.broadcast_to(x, shape).copy()
