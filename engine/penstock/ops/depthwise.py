"""Depthwise convolution: a filter of its own for each channel; and its two gradients."""

from __future__ import annotations

from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import convert
from penstock.ops.control import under
from penstock.ops.convolution_gradients import convolution_gradients
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op
from penstock.ops.windows import (
    FORMATS,
    PADDINGS,
    channel_axis,
    four_of,
    padding_attrs,
    slid_shape,
)
from penstock.ops.wrappers import raw
from penstock.shapes import Dims

_ATTRS = (
    f"T: floating, strides: list(int), padding: {PADDINGS}, explicit_paddings: list(int) = [], "
    f"data_format: {FORMATS} = 'NHWC', dilations: list(int) = [1, 1, 1, 1]"
)
_COPIED = ("strides", "padding", "explicit_paddings", "data_format", "dilations")


def _shape(ctx: ShapeContext) -> list[Dims]:
    image, kernel = ctx.rank_is(0, 4), ctx.rank_is(1, 4)
    assert image is not None and kernel is not None
    channels = image[channel_axis(ctx)]
    if channels is not None and kernel[2] is not None and channels != kernel[2]:
        ctx.fail(f"the input has {channels} channels, the filter expects {kernel[2]}")
    known = kernel[2] if channels is None else channels
    out = None if known is None or kernel[3] is None else known * kernel[3]
    return [slid_shape(ctx, image, (kernel[0], kernel[1]), ctx.attr("strides"), out)]


def _spelt(ctx: ShapeContext, i: int) -> list[Dims]:
    """Give the shape that input `i` spells, four sizes."""
    sizes = ctx.shape_from(i)
    if sizes is not None and len(sizes) != 4:
        ctx.fail(f"{ctx.op.inputs[i].name} must have 4 elements, got {len(sizes)}")
    ctx.rank_is(1 - i, 4)
    ctx.rank_is(2, 4)
    return [(None,) * 4 if sizes is None else sizes]


define_op(
    "DepthwiseConv2dNative",
    inputs="input: T, filter: T",
    outputs="output: T",
    attrs=_ATTRS,
    shape=_shape,
    doc="Each channel convolved with its own filters [height, width, channels, multiplier].",
)
define_op(
    "DepthwiseConv2dNativeBackpropInput",
    inputs="input_sizes: int32, filter: T, out_backprop: T",
    outputs="output: T",
    attrs=_ATTRS,
    shape=lambda ctx: _spelt(ctx, 0),
    doc="The gradient of a depthwise convolution with respect to its input.",
)
define_op(
    "DepthwiseConv2dNativeBackpropFilter",
    inputs="input: T, filter_sizes: int32, out_backprop: T",
    outputs="output: T",
    attrs=_ATTRS,
    shape=lambda ctx: _spelt(ctx, 1),
    doc="The gradient of a depthwise convolution with respect to its filter.",
)


convolution_gradients(
    "DepthwiseConv2dNative",
    "DepthwiseConv2dNativeBackpropInput",
    "DepthwiseConv2dNativeBackpropFilter",
    _COPIED,
)


def _attrs(strides: Any, padding: Any, layout: str, dilations: Any) -> dict[str, Any]:
    return {
        "strides": four_of(strides, "strides", layout),
        "dilations": four_of(1 if dilations is None else dilations, "dilations", layout),
        "data_format": layout,
        **padding_attrs(padding, layout),
    }


@export("nn.depthwise_conv2d_native")
def depthwise_conv2d_native(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
) -> Tensor:
    """Return each channel of `input` convolved with its own filters.

    >>> x = ps.constant([[[[1., 10.]]]])
    >>> ps.Session().run(ps.nn.depthwise_conv2d_native(x, [[[[2.], [3.]]]], 1, "VALID")).ravel()
    array([ 2., 30.], dtype=float32)
    """
    x = convert.to_tensor(input)
    attrs = _attrs(strides, padding, data_format, dilations)
    result: Tensor = raw.DepthwiseConv2dNative(x, filter, name=name, **attrs)
    return result


@export("nn.depthwise_conv2d")
def depthwise_conv2d(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """Return each channel of `input` convolved with its own filters, dilated by `rate`.

    >>> x = ps.constant([[[[1., 10.]]]])
    >>> ps.Session().run(ps.nn.depthwise_conv2d(x, [[[[2.], [3.]]]], 1, "VALID")).ravel()
    array([ 2., 30.], dtype=float32)
    """
    if rate is not None and dilations is not None:
        raise ValueError("give only one of rate and dilations")
    spread = dilations if rate is None else rate
    layout = data_format or "NHWC"
    with under("depthwise", name):
        return depthwise_conv2d_native(input, filter, strides, padding, layout, spread)


@export("nn.separable_conv2d")
def separable_conv2d(
    input: Any,
    depthwise_filter: Any,
    pointwise_filter: Any,
    strides: Any,
    padding: Any,
    rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """Return a depthwise convolution followed by one that mixes channels pixel by pixel.

    >>> x = ps.constant([[[[1., 10.]]]])
    >>> y = ps.nn.separable_conv2d(x, [[[[2.], [3.]]]], [[[[1.], [1.]]]], 1, "VALID")
    >>> ps.Session().run(y).ravel()
    array([32.], dtype=float32)
    """
    with under("separable_conv2d", name) as scope:
        deep = depthwise_conv2d(
            input, depthwise_filter, strides, padding, rate, "depthwise", data_format, dilations
        )
        result: Tensor = raw.Conv2D(
            deep,
            pointwise_filter,
            strides=[1, 1, 1, 1],
            padding="VALID",
            data_format=data_format or "NHWC",
            name=scope,
        )
    return result
