"""Two-dimensional convolution, and the two ops that are its gradients and each other's."""

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
    f"strides: list(int), use_cudnn_on_gpu: bool = True, padding: {PADDINGS}, "
    f"explicit_paddings: list(int) = [], data_format: {FORMATS} = 'NHWC', "
    "dilations: list(int) = [1, 1, 1, 1]"
)
_COPIED = (
    "strides",
    "use_cudnn_on_gpu",
    "padding",
    "explicit_paddings",
    "data_format",
    "dilations",
)


def _conv_shape(ctx: ShapeContext) -> list[Dims]:
    image, kernel = ctx.rank_is(0, 4), ctx.rank_is(1, 4)
    assert image is not None and kernel is not None
    channels = image[channel_axis(ctx)]
    if channels is not None and kernel[2] is not None and channels != kernel[2]:
        ctx.fail(f"the input has {channels} channels, the filter expects {kernel[2]}")
    return [slid_shape(ctx, image, (kernel[0], kernel[1]), ctx.attr("strides"), kernel[3])]


def _input_shape(ctx: ShapeContext) -> list[Dims]:
    """Give the shape that `input_sizes` spells: four sizes, or height and width."""
    kernel, dy = ctx.rank_is(1, 4), ctx.rank_is(2, 4)
    sizes = ctx.shape_from(0)
    assert kernel is not None and dy is not None
    if sizes is None:
        return [(None,) * 4]
    if len(sizes) == 4:
        return [sizes]
    if len(sizes) != 2:
        ctx.fail(f"input_sizes must have 4 elements or 2, got {len(sizes)}")
    if channel_axis(ctx) == 1:
        return [(dy[0], kernel[2], *sizes)]
    return [(dy[0], *sizes, kernel[2])]


def _filter_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 4)
    ctx.rank_is(2, 4)
    sizes = ctx.shape_from(1)
    if sizes is not None and len(sizes) != 4:
        ctx.fail(f"filter_sizes must have 4 elements, got {len(sizes)}")
    return [(None,) * 4 if sizes is None else sizes]


define_op(
    "Conv2D",
    inputs="input: T, filter: T",
    outputs="output: T",
    attrs="T: {floating, int32}, " + _ATTRS,
    shape=_conv_shape,
    doc="The filter [height, width, in, out] slid over images; sums of products.",
)
define_op(
    "Conv2DBackpropInput",
    inputs="input_sizes: int32, filter: T, out_backprop: T",
    outputs="output: T",
    attrs="T: {floating, int32}, " + _ATTRS,
    shape=_input_shape,
    doc="The gradient of Conv2D with respect to its input: a transposed convolution.",
)
define_op(
    "Conv2DBackpropFilter",
    inputs="input: T, filter_sizes: int32, out_backprop: T",
    outputs="output: T",
    attrs="T: floating, " + _ATTRS,
    shape=_filter_shape,
    doc="The gradient of Conv2D with respect to its filter.",
)


convolution_gradients("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", _COPIED)


def _attrs(strides: Any, padding: Any, data_format: str | None, dilations: Any) -> dict[str, Any]:
    layout = data_format or "NHWC"
    return {
        "strides": four_of(1 if strides is None else strides, "strides", layout),
        "dilations": four_of(1 if dilations is None else dilations, "dilations", layout),
        "data_format": layout,
        **padding_attrs(padding, layout),
    }


def only_one(first: Any, second: Any, names: str) -> Any:
    """Return the one of two spellings of an argument that was given."""
    if (first is None) == (second is None):
        raise ValueError(f"give exactly one of {names}")
    return second if first is None else first


@export("nn.conv2d")
def conv2d(
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
    filters: Any = None,
) -> Tensor:
    """Return `filter` [height, width, in, out] slid over images `input` in steps of `strides`.

    `strides` and `dilations` are one number, [height, width], or all four; `padding` is
    "SAME", "VALID", or four pairs of explicit paddings.

    >>> image = ps.ones([1, 3, 3, 1])
    >>> ps.Session().run(ps.nn.conv2d(image, ps.ones([2, 2, 1, 1]), 1, "VALID"))[0, :, :, 0]
    array([[4., 4.],
           [4., 4.]], dtype=float32)
    """
    kernel = only_one(filter, filters, "filter and filters")
    if padding is None:
        raise ValueError("conv2d needs a padding")
    x = convert.to_tensor(input)
    result: Tensor = raw.Conv2D(
        x,
        kernel,
        use_cudnn_on_gpu=use_cudnn_on_gpu,
        name=name,
        **_attrs(strides, padding, data_format, dilations),
    )
    return result


@export("nn.conv2d_backprop_input")
def conv2d_backprop_input(
    input_sizes: Any,
    filter: Any = None,
    out_backprop: Any = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
    filters: Any = None,
) -> Tensor:
    """Return the gradient of a convolution with respect to its input of shape `input_sizes`.

    >>> dy, w = ps.ones([1, 1, 1, 1]), ps.ones([2, 2, 1, 1])
    >>> dx = ps.nn.conv2d_backprop_input([1, 2, 2, 1], w, dy, 1, "VALID")
    >>> ps.Session().run(dx)[0, :, :, 0]
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """
    kernel = only_one(filter, filters, "filter and filters")
    result: Tensor = raw.Conv2DBackpropInput(
        input_sizes,
        kernel,
        out_backprop,
        use_cudnn_on_gpu=use_cudnn_on_gpu,
        name=name,
        **_attrs(strides, padding, data_format, dilations),
    )
    return result


@export("nn.conv2d_backprop_filter")
def conv2d_backprop_filter(
    input: Any,
    filter_sizes: Any,
    out_backprop: Any,
    strides: Any,
    padding: Any,
    use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
) -> Tensor:
    """Return the gradient of a convolution with respect to its filter of shape `filter_sizes`.

    >>> x, dy = ps.ones([1, 2, 2, 1]), ps.ones([1, 2, 2, 1])
    >>> dw = ps.nn.conv2d_backprop_filter(x, [1, 1, 1, 1], dy, 1, "VALID")
    >>> ps.Session().run(dw).ravel()
    array([4.], dtype=float32)
    """
    result: Tensor = raw.Conv2DBackpropFilter(
        input,
        filter_sizes,
        out_backprop,
        use_cudnn_on_gpu=use_cudnn_on_gpu,
        name=name,
        **_attrs(strides, padding, data_format, dilations),
    )
    return result


@export("nn.conv2d_transpose")
def conv2d_transpose(
    value: Any = None,
    filter: Any = None,
    output_shape: Any = None,
    strides: Any = None,
    padding: Any = "SAME",
    data_format: str = "NHWC",
    name: str | None = None,
    input: Any = None,
    filters: Any = None,
    dilations: Any = None,
) -> Tensor:
    """Return `value` spread out by `filter` [height, width, out, in] to `output_shape`.

    It is the gradient of a convolution used as an op of its own, often called deconvolution.

    >>> y = ps.nn.conv2d_transpose(ps.ones([1, 1, 1, 1]), ps.ones([2, 2, 1, 1]), [1, 2, 2, 1], 2)
    >>> ps.Session().run(y)[0, :, :, 0]
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """
    kernel = only_one(filter, filters, "filter and filters")
    images = only_one(value, input, "value and input")
    with under("conv2d_transpose", name) as scope:
        result: Tensor = raw.Conv2DBackpropInput(
            output_shape,
            kernel,
            images,
            name=scope,
            **_attrs(strides, padding, data_format, dilations),
        )
    return result
