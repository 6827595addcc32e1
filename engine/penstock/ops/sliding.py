"""Convolutions and pooling by the number of spatial dimensions: one or two, strides, dilations.

One dimension is two of which the first has size 1. A dilated window pools a space whose blocks
have moved into the batch, where neighbours are as far apart as the window's elements were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from penstock import errors
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import convert
from penstock.ops.blocks import required_space_to_batch_paddings
from penstock.ops.control import name_scope
from penstock.ops.conv import conv2d, only_one
from penstock.ops.pooling import avg_pool, max_pool
from penstock.ops.shape import one_of
from penstock.ops.wrappers import raw


def _numbers(value: Any, count: int, what: str) -> list[int]:
    """Return `count` positive numbers; one stands for all, None for ones."""
    found = [int(n) for n in np.atleast_1d(1 if value is None else value)]
    found = found * count if len(found) == 1 else found
    if len(found) != count or min(found) < 1:
        raise ValueError(f"{what} must be {count} positive numbers, got {value!r}")
    return found


def _layout(data_format: str | None, count: int) -> bool:
    """Return True when channels come first."""
    last, first = ("NWC", "NCW") if count == 1 else ("NHWC", "NCHW")
    if data_format is None:
        return False
    if data_format not in (last, first):
        raise ValueError(f"data_format must be {last} or {first}, got {data_format!r}")
    return data_format == first


def _as_images(x: Tensor, count: int, first: bool, compute: Callable[..., Tensor]) -> Tensor:
    """Call `compute` with a space of two dimensions, and take the one added away again."""
    if count == 2:
        return compute(x)
    axis = 2 if first else 1
    result: Tensor = raw.Squeeze(compute(raw.ExpandDims(x, axis)), squeeze_dims=[axis])
    return result


def _two_only(count: int, what: str) -> None:
    if count not in (1, 2):
        raise errors.UnimplementedError(
            None, None, f"{what}: {count} spatial dimensions, there are kernels for 1 and 2"
        )


@export("nn.convolution")
def convolution(
    input: Any,
    filter: Any,
    padding: str,
    strides: Any = None,
    dilation_rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    filters: Any = None,
    dilations: Any = None,
) -> Tensor:
    """Return `filter` [sizes..., in, out] slid over the one or two dimensions of `input`.

    >>> x = ps.reshape([1., 2., 3., 4.], [1, 4, 1])
    >>> ps.Session().run(ps.nn.convolution(x, ps.ones([2, 1, 1]), "VALID")).ravel()
    array([3., 5., 7.], dtype=float32)
    """
    kernel = convert.to_tensor(only_one(filter, filters, "filter and filters"))
    if kernel._dims is None:
        raise ValueError("convolution needs a filter of known rank")
    count = len(kernel._dims) - 2
    _two_only(count, "convolution")
    first = _layout(data_format, count)
    steps = _numbers(strides, count, "strides")
    rates = _numbers(
        one_of("dilation_rate", dilation_rate, "dilations", dilations), count, "dilation_rate"
    )
    if max(steps) > 1 and max(rates) > 1:
        raise ValueError(f"convolution: strides {steps} and dilation_rate {rates} exclude another")
    with name_scope(name or "convolution"):
        kernel = kernel if count == 2 else raw.ExpandDims(kernel, 0)
        one = [1] * (2 - count)
        return _as_images(
            convert.to_tensor(input, kernel.dtype.base_dtype),
            count,
            first,
            lambda x: conv2d(
                x,
                kernel,
                one + steps,
                padding,
                data_format="NCHW" if first else "NHWC",
                dilations=one + rates,
            ),
        )


@export("nn.conv1d")
def conv1d(
    value: Any = None,
    filters: Any = None,
    stride: Any = None,
    padding: str | None = None,
    use_cudnn_on_gpu: bool | None = None,
    data_format: str | None = None,
    name: str | None = None,
    input: Any = None,
    dilations: Any = None,
) -> Tensor:
    """Return `filters` [width, in, out] slid over `value` [batch, width, channels].

    `data_format` "NCW" has the channels before the width.

    >>> x = ps.reshape([1., 2., 3., 4.], [1, 4, 1])
    >>> ps.Session().run(ps.nn.conv1d(x, ps.ones([2, 1, 1]), 2, "VALID")).ravel()
    array([3., 7.], dtype=float32)
    """
    x = only_one(value, input, "value and input")
    layout = {"NHWC": "NWC", "NCHW": "NCW"}.get(data_format or "", data_format)
    first = _layout(layout, 1)
    inner = 1 if first else -2

    def width_of(numbers: Any) -> Any:
        found = np.atleast_1d(1 if numbers is None else numbers)
        return int(found[inner]) if len(found) == 3 else int(found[0])

    with name_scope(name or "conv1d"):
        kernel = convert.to_tensor(filters)
        return _as_images(
            convert.to_tensor(x, kernel.dtype.base_dtype),
            1,
            first,
            lambda images: conv2d(
                images,
                raw.ExpandDims(kernel, 0),
                [1, width_of(stride)],
                padding,
                data_format="NCHW" if first else "NHWC",
                dilations=[1, width_of(dilations)],
            ),
        )


@export("nn.atrous_conv2d")
def atrous_conv2d(
    value: Any, filters: Any, rate: int, padding: str, name: str | None = None
) -> Tensor:
    """Return `filters` slid over images, its elements `rate` pixels apart.

    >>> x = ps.reshape(ps.range(9.), [1, 3, 3, 1])
    >>> ps.Session().run(ps.nn.atrous_conv2d(x, ps.ones([2, 2, 1, 1]), 2, "VALID")).ravel()
    array([16.], dtype=float32)
    """
    if int(rate) < 1:
        raise ValueError(f"atrous_conv2d: rate must be at least 1, got {rate}")
    return conv2d(value, filters, 1, padding, dilations=int(rate), name=name or "convolution")


_POOLS = {"MAX": max_pool, "AVG": avg_pool}


@export("nn.pool")
def pool(
    input: Any,
    window_shape: Any,
    pooling_type: str,
    padding: str,
    dilation_rate: Any = None,
    strides: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """Return the largest elements ("MAX") or means ("AVG") under a sliding window.

    `window_shape` has one or two numbers, the spatial dimensions. Under a dilated window "SAME"
    pads with zeros that count, as in TensorFlow.

    >>> x = ps.reshape([1., 5., 2., 4.], [1, 4, 1])
    >>> ps.Session().run(ps.nn.pool(x, [2], "MAX", "VALID")).ravel()
    array([5., 5., 4.], dtype=float32)
    """
    if pooling_type not in _POOLS:
        raise ValueError(f"pooling_type must be MAX or AVG, got {pooling_type!r}")
    if padding.upper() not in ("SAME", "VALID"):
        raise ValueError(f"pool: padding must be SAME or VALID, got {padding!r}")
    count = len(np.atleast_1d(window_shape))
    _two_only(count, "pool")
    first = _layout(data_format, count)
    window = _numbers(window_shape, count, "window_shape")
    steps = _numbers(strides, count, "strides")
    rates = _numbers(
        one_of("dilation_rate", dilation_rate, "dilations", dilations), count, "dilation_rate"
    )
    if max(steps) > 1 and max(rates) > 1:
        raise ValueError(f"pool: strides {steps} and dilation_rate {rates} exclude another")
    one = [1] * (2 - count)

    def slide(x: Tensor, how: str, layout: str) -> Tensor:
        return _POOLS[pooling_type](x, one + window, one + steps, how, layout)

    with name_scope(name or "pool"):
        x = convert.to_tensor(input)
        if max(rates) == 1:
            layout = "NCHW" if first else "NHWC"
            return _as_images(x, count, first, lambda t: slide(t, padding, layout))
        return _dilated(x, count, first, padding, window, rates, slide)


def _dilated(
    x: Tensor,
    count: int,
    first: bool,
    padding: str,
    window: list[int],
    rates: list[int],
    slide: Callable[[Tensor, str, str], Tensor],
) -> Tensor:
    """Pool the positions of every block by themselves, in the batch."""
    to_last = [0, *range(2, count + 2), 1]
    to_first = [0, count + 1, *range(1, count + 1)]
    x = raw.Transpose(x, to_last) if first else x
    base = np.zeros([count, 2], np.int32)
    if padding.upper() == "SAME":
        reach = (np.array(window) - 1) * np.array(rates)
        base = np.stack([reach // 2, reach - reach // 2], axis=1).astype(np.int32)
    space = raw.Shape(x)[1 : count + 1]
    if x._dims is not None and None not in x._dims[1 : count + 1]:
        space = convert.to_tensor(np.array(x._dims[1 : count + 1], np.int32))
    pads, crops = required_space_to_batch_paddings(space, rates, base)
    batched = raw.SpaceToBatchND(x, rates, pads)
    pooled = _as_images(batched, count, False, lambda t: slide(t, "VALID", "NHWC"))
    result: Tensor = raw.BatchToSpaceND(pooled, rates, crops)
    return raw.Transpose(result, to_first) if first else result
