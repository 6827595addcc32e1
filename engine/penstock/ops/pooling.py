"""Maximum and mean over sliding windows, and their gradients of both orders."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.conv import only_one
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.shape import shape_of
from penstock.ops.windows import (
    FORMATS,
    PADDINGS,
    channel_axis,
    copied_attrs,
    four_of,
    padding_attrs,
    slid_shape,
    spatial,
)
from penstock.ops.wrappers import raw
from penstock.shapes import Dims, merge

_MAX_TYPES = "{floating, int32, int64, uint8, int16, int8, uint16}"
_GRAD_TYPES = "real"
_WINDOW = "ksize: list(int) >= 4, strides: list(int) >= 4"
_TAIL = "data_format: {'NHWC', 'NCHW'} = 'NHWC'"
_COPIED = ("ksize", "strides", "padding", "data_format")


def _pooled(ctx: ShapeContext, i: int, ksize: Any, strides: Any) -> Dims:
    image = ctx.rank_is(i, 4)
    assert image is not None
    window = spatial(ctx, ksize, "ksize")
    return slid_shape(ctx, image, window, strides, image[channel_axis(ctx)])


def _pool_shape(ctx: ShapeContext) -> list[Dims]:
    return [_pooled(ctx, 0, ctx.attr("ksize"), ctx.attr("strides"))]


def _sizes_at(ctx: ShapeContext, i: int) -> list[int] | None:
    values = ctx.ints(i)
    if values is None or any(v is None for v in values):
        return None
    return [v for v in values if v is not None]


def _pool_v2_shape(ctx: ShapeContext, first: int) -> list[Dims]:
    ksize, strides = _sizes_at(ctx, first), _sizes_at(ctx, first + 1)
    if ksize is None or strides is None:
        ctx.rank_is(0, 4)
        return [(None,) * 4]
    return [_pooled(ctx, 0, ksize, strides)]


def _like_input(ctx: ShapeContext) -> list[Dims]:
    """Give the shape of the pooled image; the other two must be like the result."""
    ctx.rank_is(2, 4)
    merge(ctx.rank_is(1, 4), ctx.shape(2))
    return [ctx.rank_is(0, 4)]


def _avg_grad_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(1, 4)
    sizes = ctx.shape_from(0)
    if sizes is not None and len(sizes) != 4:
        ctx.fail(f"orig_input_shape must have 4 elements, got {len(sizes)}")
    return [(None,) * 4 if sizes is None else sizes]


define_op(
    "MaxPool",
    inputs="input: T",
    outputs="output: T",
    attrs=f"T: {_MAX_TYPES} = float32, {_WINDOW}, padding: {PADDINGS}, "
    f"explicit_paddings: list(int) = [], {_TAIL}",
    shape=_pool_shape,
    doc="The largest element of each window.",
)
define_op(
    "MaxPoolV2",
    inputs="input: T, ksize: int32, strides: int32",
    outputs="output: T",
    attrs=f"T: {_MAX_TYPES} = float32, padding: {{'SAME', 'VALID'}}, {_TAIL}",
    shape=lambda ctx: _pool_v2_shape(ctx, 1),
    doc="The largest element of each window; sizes are inputs.",
)
define_op(
    "MaxPoolGrad",
    inputs="orig_input: T, orig_output: T, grad: T",
    outputs="output: T",
    attrs=f"{_WINDOW}, padding: {PADDINGS}, explicit_paddings: list(int) = [], {_TAIL}, "
    f"T: {_GRAD_TYPES} = float32",
    shape=_like_input,
    doc="The gradient of MaxPool: each element of `grad` at its window's (first) largest.",
)
define_op(
    "MaxPoolGradV2",
    inputs="orig_input: T, orig_output: T, grad: T, ksize: int32, strides: int32",
    outputs="output: T",
    attrs=f"padding: {{'SAME', 'VALID'}}, {_TAIL}, T: {_GRAD_TYPES} = float32",
    shape=_like_input,
    doc="The gradient of MaxPoolV2.",
)
define_op(
    "MaxPoolGradGrad",
    inputs="orig_input: T, orig_output: T, grad: T",
    outputs="output: T",
    attrs=f"{_WINDOW}, padding: {{'SAME', 'VALID'}}, {_TAIL}, T: {_GRAD_TYPES}",
    shape=_pool_shape,
    doc="From each window the element of `grad` where `orig_input` is largest.",
)
define_op(
    "MaxPoolGradGradV2",
    inputs="orig_input: T, orig_output: T, grad: T, ksize: int32, strides: int32",
    outputs="output: T",
    attrs=f"padding: {{'SAME', 'VALID'}}, {_TAIL}, T: {_GRAD_TYPES}",
    shape=lambda ctx: _pool_v2_shape(ctx, 3),
    doc="From each window the element of `grad` where `orig_input` is largest.",
)
define_op(
    "AvgPool",
    inputs="value: T",
    outputs="output: T",
    attrs=f"{_WINDOW}, padding: {{'SAME', 'VALID'}}, data_format: {FORMATS} = 'NHWC', T: floating",
    shape=_pool_shape,
    doc="The mean of each window; padding does not count.",
)
define_op(
    "AvgPoolGrad",
    inputs="orig_input_shape: int32, grad: T",
    outputs="output: T",
    attrs=f"{_WINDOW}, padding: {{'SAME', 'VALID'}}, data_format: {FORMATS} = 'NHWC', T: floating",
    shape=_avg_grad_shape,
    doc="The gradient of AvgPool: each element of `grad` spread evenly over its window.",
)


@gradient("MaxPool")
def _max_pool_grad(op: Operation, dy: Tensor) -> Any:
    attrs = copied_attrs(op, *_COPIED, "explicit_paddings")
    return raw.MaxPoolGrad(op.inputs[0], op.outputs[0], dy, **attrs)


@gradient("MaxPoolV2")
def _max_pool_v2_grad(op: Operation, dy: Tensor) -> Any:
    x, ksize, strides = op.inputs
    attrs = copied_attrs(op, "padding", "data_format")
    return raw.MaxPoolGradV2(x, op.outputs[0], dy, ksize, strides, **attrs), None, None


@gradient("MaxPoolGrad")
def _max_pool_grad_grad(op: Operation, g: Tensor) -> Any:
    x, y, _ = op.inputs
    attrs = copied_attrs(op, *_COPIED)
    if op.get_attr("padding") == b"EXPLICIT":
        # MaxPoolGradGrad has no such padding: the image gets a border that never is largest.
        border = np.reshape(op.get_attr("explicit_paddings"), (4, 2)).astype(np.int32)
        kind = x.dtype.base_dtype
        least = np.array(-np.inf if kind.is_floating else kind.min, kind.numpy_dtype)
        wide, g = raw.PadV2(x, border, convert.to_tensor(least)), raw.Pad(g, border)
        attrs["padding"] = "VALID"
        return raw.ZerosLike(x), raw.ZerosLike(y), raw.MaxPoolGradGrad(wide, y, g, **attrs)
    return raw.ZerosLike(x), raw.ZerosLike(y), raw.MaxPoolGradGrad(x, y, g, **attrs)


@gradient("MaxPoolGradV2")
def _max_pool_grad_v2_grad(op: Operation, g: Tensor) -> Any:
    x, y, _, ksize, strides = op.inputs
    attrs = copied_attrs(op, "padding", "data_format")
    picked = raw.MaxPoolGradGradV2(x, y, g, ksize, strides, **attrs)
    return raw.ZerosLike(x), raw.ZerosLike(y), picked, None, None


@gradient("MaxPoolGradGrad")
def _max_pool_grad_grad_grad(op: Operation, g: Tensor) -> Any:
    x, y, _ = op.inputs
    attrs = copied_attrs(op, *_COPIED)
    return raw.ZerosLike(x), raw.ZerosLike(y), raw.MaxPoolGrad(x, y, g, **attrs)


@gradient("MaxPoolGradGradV2")
def _max_pool_grad_grad_v2_grad(op: Operation, g: Tensor) -> Any:
    x, y, _, ksize, strides = op.inputs
    attrs = copied_attrs(op, "padding", "data_format")
    routed = raw.MaxPoolGradV2(x, y, g, ksize, strides, **attrs)
    return raw.ZerosLike(x), raw.ZerosLike(y), routed, None, None


@gradient("AvgPool")
def _avg_pool_grad(op: Operation, dy: Tensor) -> Any:
    return raw.AvgPoolGrad(shape_of(op.inputs[0]), dy, **copied_attrs(op, *_COPIED))


@gradient("AvgPoolGrad")
def _avg_pool_grad_grad(op: Operation, g: Tensor) -> Any:
    return None, raw.AvgPool(g, **copied_attrs(op, *_COPIED))


@export("nn.max_pool")
def max_pool(
    value: Any = None,
    ksize: Any = None,
    strides: Any = None,
    padding: Any = None,
    data_format: str = "NHWC",
    name: str | None = None,
    input: Any = None,
) -> Tensor:
    """Return the largest element of each window of `ksize`, in steps of `strides`.

    Sizes are one number, [height, width], or all four.

    >>> image = ps.reshape(ps.range(16.), [1, 4, 4, 1])
    >>> ps.Session().run(ps.nn.max_pool(image, 2, 2, "VALID"))[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    images = convert.to_tensor(only_one(value, input, "value and input"))
    result: Tensor = raw.MaxPool(
        images,
        ksize=four_of(ksize, "ksize", data_format),
        strides=four_of(strides, "strides", data_format),
        data_format=data_format,
        name=name,
        **padding_attrs(padding, data_format),
    )
    return result


@export("nn.avg_pool")
def avg_pool(
    value: Any = None,
    ksize: Any = None,
    strides: Any = None,
    padding: Any = None,
    data_format: str = "NHWC",
    name: str | None = None,
    input: Any = None,
) -> Tensor:
    """Return the mean of each window of `ksize`, in steps of `strides`.

    Sizes are one number, [height, width], or all four.

    >>> image = ps.reshape(ps.range(16.), [1, 4, 4, 1])
    >>> ps.Session().run(ps.nn.avg_pool(image, 2, 2, "VALID"))[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """
    images = convert.to_tensor(only_one(value, input, "value and input"))
    result: Tensor = raw.AvgPool(
        images,
        ksize=four_of(ksize, "ksize", data_format),
        strides=four_of(strides, "strides", data_format),
        padding=padding.upper(),
        data_format=data_format,
        name=name,
    )
    return result
