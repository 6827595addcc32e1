"""A bias for each channel."""

from __future__ import annotations

from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.control import under
from penstock.ops.infer import ShapeContext
from penstock.ops.matmul import matmul
from penstock.ops.registry import define_op, gradient
from penstock.ops.windows import FORMATS, is_channels_first
from penstock.ops.wrappers import raw
from penstock.shapes import Dims, merge


def _axis(ctx: ShapeContext, dims: tuple[int | None, ...]) -> int:
    if len(dims) < 2:
        ctx.fail(f"input 0 must have at least 2 dimensions, not {len(dims)}")
    named = "data_format" in ctx.op.attrs
    return 1 if named and is_channels_first(ctx.attr("data_format")) else len(dims) - 1


def _biased_shape(ctx: ShapeContext) -> list[Dims]:
    dims, bias = ctx.shape(0), ctx.rank_is(1, 1)
    if dims is None:
        return [None]
    assert bias is not None
    axis = _axis(ctx, dims)
    (channels,) = merge((dims[axis],), bias) or (None,)
    return [(*dims[:axis], channels, *dims[axis + 1 :])]


def _bias_shape(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.shape(0)
    return [(None,) if dims is None else (dims[_axis(ctx, dims)],)]


define_op(
    "BiasAdd",
    inputs="value: T, bias: T",
    outputs="output: T",
    attrs=f"T: number, data_format: {FORMATS} = 'NHWC'",
    shape=_biased_shape,
    doc="`value` with one number of `bias` added to each channel.",
)
define_op(
    "BiasAddV1",
    inputs="value: T, bias: T",
    outputs="output: T",
    attrs="T: number",
    shape=_biased_shape,
    doc="`value` with one number of `bias` added to each channel, the last dimension.",
)
define_op(
    "BiasAddGrad",
    inputs="out_backprop: T",
    outputs="output: T",
    attrs=f"T: number, data_format: {FORMATS} = 'NHWC'",
    shape=_bias_shape,
    doc="The gradient of BiasAdd with respect to the bias: a sum over all but the channels.",
)


@gradient("BiasAdd")
def _bias_add_grad(op: Operation, dy: Tensor) -> Any:
    return dy, raw.BiasAddGrad(dy, data_format=op.get_attr("data_format"))


@gradient("BiasAddV1")
def _bias_add_v1_grad(op: Operation, dy: Tensor) -> Any:
    return dy, raw.BiasAddGrad(dy)


@gradient("BiasAddGrad")
def _bias_add_grad_grad(op: Operation, g: Tensor) -> Any:
    (dy,) = op.inputs
    data_format = op.get_attr("data_format")
    # Adding to zeros spreads the bias over the shape of dy in either layout.
    return raw.BiasAdd(raw.ZerosLike(dy), g, data_format=data_format)


@export("nn.bias_add")
def bias_add(
    value: Any, bias: Any, data_format: str | None = None, name: str | None = None
) -> Tensor:
    """Return `value` with one number of the vector `bias` added to each channel.

    >>> ps.Session().run(ps.nn.bias_add([[1., 2.], [3., 4.]], [10., 20.]))
    array([[11., 22.],
           [13., 24.]], dtype=float32)
    """
    x = convert.to_tensor(value)
    layout = "NCHW" if data_format is not None and data_format.startswith("NC") else "NHWC"
    added = convert.to_tensor(bias, x.dtype.base_dtype)
    result: Tensor = raw.BiasAdd(x, added, data_format=layout, name=name)
    return result


@export("nn.xw_plus_b")
def xw_plus_b(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """Return the matrix product of `x` and `weights`, plus `biases` for each column.

    >>> ps.Session().run(ps.nn.xw_plus_b([[1., 2.]], [[1.], [1.]], [0.5]))
    array([[3.5]], dtype=float32)
    """
    with under("xw_plus_b", name) as scope:
        return bias_add(matmul(x, weights), biases, name=scope)


@export("nn.relu_layer")
def relu_layer(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """Return the positive part of `x` times `weights` plus `biases`.

    >>> ps.Session().run(ps.nn.relu_layer([[1., 2.]], [[1., -1.], [1., -1.]], [0.5, 0.5]))
    array([[3.5, 0. ]], dtype=float32)
    """
    with under("relu_layer", name) as scope:
        result: Tensor = raw.Relu(xw_plus_b(x, weights, biases), name=scope)
    return result
