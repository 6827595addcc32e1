"""Batch normalisation and its gradient. See cuda/batch_norm.cu."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import require, shape_text
from penstock.kernels.gpu import sources
from penstock.kernels.gpu.table import kernel
from penstock.kernels.gpu.window import given_layout, nhwc

_FLOAT = dtypes.float32.numpy_dtype
_THREADS = 256
_MOST_CHANNELS = 32  # of a block that sums; its other threads take other rows
_MOST_PARTS = 64


def _grid(rows: int, channels: int) -> tuple[tuple[int, int], tuple[int, int]]:
    across = 1
    while across < min(channels, _MOST_CHANNELS):
        across *= 2
    at_once = _THREADS // across
    parts = max(1, min(_MOST_PARTS, rows // (4 * at_once)))
    return (max(1, -(-channels // across)), parts), (across, at_once)


def _require_image(x: Array) -> None:
    require(
        x.ndim in (4, 5),
        f"the input must have 4 or 5 dimensions, got shape {shape_text(x.shape)}",
    )


def _require_vector(x: Array, channels: int, what: str) -> None:
    require(
        x.shape == (channels,),
        f"{what} must be a vector of length {channels}, the input's channels, got shape "
        f"{shape_text(x.shape)}",
    )


class _Launcher:
    """Launches kernels of the source for one element type."""

    def __init__(self, node: KernelNode) -> None:
        self.dtype = node.attrs["T"]

    def __call__(self, name: str, shape: Any, *arguments: Any) -> None:
        sources.launch("batch_norm", name, self.dtype, shape, arguments)


@kernel(
    "FusedBatchNorm",
    "FusedBatchNormV2",
    "FusedBatchNormV3",
    T=[dtypes.float32, dtypes.float16, dtypes.bfloat16],
)
def _batch_norm(
    device: Any,
    node: KernelNode,
    x: Array,
    scale: Array,
    offset: Array,
    old_mean: Array,
    old_variance: Array,
) -> Any:
    xp, attrs, launch = device.xp, node.attrs, _Launcher(node)
    _require_image(x)
    x = nhwc(xp, x, attrs)
    channels = x.shape[-1]
    rows = x.size // channels if channels else 0
    _require_vector(scale, channels, "scale")
    _require_vector(offset, channels, "offset")
    training = attrs.get("is_training", True)
    factor = float(attrs.get("exponential_avg_factor", 1.0))
    if not training or factor != 1.0:
        _require_vector(old_mean, channels, "mean")
        _require_vector(old_variance, channels, "variance")
    mean = new_mean = old_mean
    variance = new_variance = old_variance
    if training:
        new_mean, new_variance, mean, variance = (
            device.empty((channels,), _FLOAT) for _ in range(4)
        )
        grid = _grid(rows, channels)
        partial = device.empty((grid[0][1], channels, 3), _FLOAT)
        launch("batch_moments", grid, x, partial, rows, channels)
        given = (partial, grid[0][1], channels, factor, old_mean, old_variance)
        made = (new_mean, new_variance, mean, variance)
        launch("batch_statistics", sources.over(channels), *given, *made)
    y = device.empty(x.shape, x.dtype)
    if y.size:
        values = (mean, variance, scale, offset, float(attrs.get("epsilon", 1e-4)))
        launch("batch_normalize", sources.over(y.size), x, *values, y, int(y.size), channels)
    outputs = (given_layout(xp, y, attrs), new_mean, new_variance, mean, variance)
    return outputs if len(node.output_dtypes) == 5 else (*outputs, device.empty((0,), _FLOAT))


@kernel(
    "FusedBatchNormGrad",
    "FusedBatchNormGradV2",
    "FusedBatchNormGradV3",
    T=[dtypes.float32, dtypes.float16, dtypes.bfloat16],
)
def _batch_norm_grad(
    device: Any,
    node: KernelNode,
    dy: Array,
    x: Array,
    scale: Array,
    mean: Array,
    variance: Array,
    *_: Array,
) -> Any:
    xp, attrs, launch = device.xp, node.attrs, _Launcher(node)
    _require_image(x)
    require(
        dy.shape == x.shape,
        f"y_backprop must have the shape of x, {shape_text(x.shape)}, got {shape_text(dy.shape)}",
    )
    x, dy = nhwc(xp, x, attrs), nhwc(xp, dy, attrs)
    channels = x.shape[-1]
    rows = x.size // channels if channels else 0
    _require_vector(scale, channels, "scale")
    _require_vector(mean, channels, "reserve_space_1")
    _require_vector(variance, channels, "reserve_space_2")
    grid = _grid(rows, channels)
    partial = device.empty((grid[0][1], channels, 2), _FLOAT)
    launch("batch_norm_sums", grid, dy, x, mean, partial, rows, channels)
    d_scale, d_offset, base, slope, factor = (device.empty((channels,), _FLOAT) for _ in range(5))
    epsilon, training = float(attrs.get("epsilon", 1e-4)), int(attrs.get("is_training", True))
    given = (partial, grid[0][1], channels, rows, epsilon, training, variance, scale)
    made = (d_scale, d_offset, base, slope, factor)
    launch("batch_norm_scale_grad", sources.over(channels), *given, *made)
    dx = device.empty(x.shape, x.dtype)
    if dx.size:
        shape = sources.over(dx.size)
        parts = (mean, base, slope, factor)
        launch("batch_norm_input_grad", shape, dy, x, *parts, dx, int(dx.size), channels)
    nothing = device.empty((0,), _FLOAT)
    return given_layout(xp, dx, attrs), d_scale, d_offset, nothing, nothing
