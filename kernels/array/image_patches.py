"""The patches of an image under a sliding window, side by side in the channels."""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import PLAIN, kernel, require, shape_text
from penstock.kernels.array.window import Windows, window_dims


@kernel("ExtractImagePatches", T=PLAIN)
def _extract(xp: Any, node: KernelNode, x: Array) -> Array:
    require(x.ndim == 4, f"images must have rank 4, got shape {shape_text(x.shape)}")
    attrs = {**node.attrs, "ksize": node.attrs["ksizes"], "dilations": node.attrs["rates"]}
    windows = Windows(*window_dims(node._replace(attrs=attrs), (x.shape[1], x.shape[2])))
    patches = windows.patches(xp, x)
    depth = patches.shape[3] * patches.shape[4] * patches.shape[5]
    return patches.reshape(*patches.shape[:3], depth)
