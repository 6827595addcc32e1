"""Convolution as a product of matrices: patches of the image (cuda/patches.cu), then cuBLAS.

The patches of as many images as fit into `SCRATCH` bytes are laid out at once. 16-bit floats are
widened: the product is computed, as on the CPU, in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock import dtypes
from penstock.dtypes import DType
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import FLOATS, host_shape, require, shape_text, widened
from penstock.kernels.gpu import sources
from penstock.kernels.gpu.table import kernel
from penstock.kernels.gpu.window import Window, given_layout, nhwc, nhwc_sizes, window_over

SCRATCH = 256 << 20
"""Bytes that patches may take."""


def conv_window(shape: tuple[int, ...], filter_shape: tuple[int, ...], attrs: Any) -> Window:
    """Return the window of a convolution; raises `InvalidArgumentError` for shapes that differ."""
    require(len(shape) == 4, f"the input must have 4 dimensions, got shape {shape_text(shape)}")
    require(
        len(filter_shape) == 4,
        f"the filter must have 4 dimensions, got shape {shape_text(filter_shape)}",
    )
    require(
        shape[3] == filter_shape[2],
        f"the input {shape_text(shape)} has {shape[3]} channels, but the filter "
        f"{shape_text(filter_shape)} expects {filter_shape[2]}",
    )
    return window_over(shape, attrs, (filter_shape[0], filter_shape[1]))


def require_backprop(grad: Array, expected: tuple[int, ...]) -> None:
    """Raise unless the output's gradient has the output's shape."""
    require(
        grad.shape == expected,
        f"out_backprop must have the output's shape {shape_text(expected)}, got "
        f"{shape_text(grad.shape)}",
    )


def _computed_in(dtype: DType) -> DType:
    return dtypes.float64 if dtype == dtypes.float64 else dtypes.float32


def _is_product(w: Window) -> bool:
    """Return True when the patches are the image itself."""
    steps = (w.window_rows, w.window_columns, w.row_stride, w.column_stride)
    same = (w.out_rows, w.out_columns) == (w.rows, w.columns)
    return steps == (1, 1, 1, 1) and (w.top, w.left) == (0, 0) and same


def _parts(w: Window, itemsize: int) -> Iterator[tuple[slice, Window]]:
    """Yield runs of images whose patches fit into the scratch space."""
    image = max(1, w.out_rows * w.out_columns * w.area * w.channels * itemsize)
    step = max(1, SCRATCH // image)
    for begin in range(0, w.batch, step):
        end = min(w.batch, begin + step)
        yield slice(begin, end), w._replace(batch=end - begin)


def _patches(device: Any, x: Array, w: Window, dtype: DType) -> Array:
    """Return the matrix of patches of some images."""
    depth = w.area * w.channels
    if _is_product(w):
        return x.reshape(w.positions, depth)
    patches = device.empty((w.positions, depth), x.dtype)
    shape = sources.over(patches.size)
    sources.launch("patches", "image_to_patches", dtype, shape, (x, patches, *w))
    return patches


@kernel("Conv2D", T=FLOATS)
def _conv(device: Any, node: KernelNode, x: Array, filters: Array) -> Array:
    xp, attrs, dtype = device.xp, node.attrs, _computed_in(node.attrs["T"])
    require(x.ndim == 4, f"the input must have 4 dimensions, got shape {shape_text(x.shape)}")
    images, matrix = widened(nhwc(xp, x, attrs)), widened(filters)
    w = conv_window(images.shape, filters.shape, attrs)
    made = filters.shape[3]
    y = xp.zeros(w.output(made), images.dtype)
    if y.size and filters.size:
        matrix = matrix.reshape(w.area * w.channels, made)
        for part, piece in _parts(w, images.dtype.itemsize):
            rows = y[part].reshape(piece.positions, made)
            xp.matmul(_patches(device, images[part], piece, dtype), matrix, out=rows)
    return given_layout(xp, y, attrs).astype(x.dtype, copy=False)


@kernel("Conv2DBackpropFilter", host=["filter_sizes"], T=FLOATS)
def _conv_filter_grad(device: Any, node: KernelNode, x: Array, sizes: Any, grad: Array) -> Array:
    xp, attrs, dtype = device.xp, node.attrs, _computed_in(node.attrs["T"])
    require(x.ndim == 4, f"the input must have 4 dimensions, got shape {shape_text(x.shape)}")
    images, slope = widened(nhwc(xp, x, attrs)), widened(nhwc(xp, grad, attrs))
    shape = host_shape(sizes, "filter_sizes")
    w = conv_window(images.shape, shape, attrs)
    require_backprop(slope, w.output(shape[3]))
    total = xp.zeros((w.area * w.channels, shape[3]), images.dtype)
    if slope.size and total.size:
        for part, piece in _parts(w, images.dtype.itemsize):
            patches = _patches(device, images[part], piece, dtype)
            total += xp.matmul(patches.T, slope[part].reshape(piece.positions, shape[3]))
    return total.reshape(shape).astype(x.dtype, copy=False)


def input_shape(sizes: Any, filters: Array, grad: Array, attrs: Any) -> tuple[int, ...]:
    """Return the NHWC shape that `input_sizes` tells, whole or as height and width only."""
    given = host_shape(sizes, "input_sizes")
    if len(given) == 4:
        return nhwc_sizes(given, attrs)
    require(len(given) == 2, f"input_sizes must have 4 elements or 2, got {len(given)}")
    require(
        filters.ndim == 4 and grad.ndim == 4,
        "the filter and out_backprop must have 4 dimensions, got shapes "
        f"{shape_text(filters.shape)} and {shape_text(grad.shape)}",
    )
    return (grad.shape[0], *given, filters.shape[2])


@kernel("Conv2DBackpropInput", host=["input_sizes"], T=FLOATS)
def _conv_input_grad(
    device: Any, node: KernelNode, sizes: Any, filters: Array, grad: Array
) -> Array:
    xp, attrs, dtype = device.xp, node.attrs, _computed_in(node.attrs["T"])
    shape = input_shape(sizes, filters, grad, attrs)
    w = conv_window(shape, filters.shape, attrs)
    require(grad.ndim == 4, f"out_backprop must have 4 dimensions, got {shape_text(grad.shape)}")
    slope, made = widened(nhwc(xp, grad, attrs)), filters.shape[3]
    require_backprop(slope, w.output(made))
    dx = xp.zeros(shape, slope.dtype)
    if dx.size and slope.size:
        matrix = widened(filters).reshape(w.area * w.channels, made).T
        for part, piece in _parts(w, slope.dtype.itemsize):
            patches = xp.matmul(slope[part].reshape(piece.positions, made), matrix)
            if _is_product(w):
                dx[part] = patches.reshape(dx[part].shape)
                continue
            shape_of_launch = sources.over(dx[part].size)
            given = (patches, dx[part], *piece)
            sources.launch("patches", "patches_to_image", dtype, shape_of_launch, given)
    return given_layout(xp, dx, attrs).astype(grad.dtype, copy=False)
