"""Conv2D: a kernel that slides over images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.layers.base import ZEROS, Layer, activated, require_channels, require_rank
from penstock.ops.bias import bias_add
from penstock.ops.conv import conv2d as convolve
from penstock.shapes import TensorShape

FORMATS = {"channels_last": "NHWC", "channels_first": "NCHW"}


def pair(value: Any, what: str) -> list[int]:
    """Return one number or two as [height, width]."""
    numbers = [value, value] if isinstance(value, int) else list(value)
    if len(numbers) != 2 or any(not isinstance(n, int) or n < 1 for n in numbers):
        raise ValueError(f"{what} must be one or two positive numbers, not {value!r}")
    return numbers


def wire_format(data_format: str) -> str:
    """Return the ops' name of a layer's data format."""
    if data_format not in FORMATS:
        raise ValueError(f"data_format is channels_last or channels_first, not {data_format!r}")
    return FORMATS[data_format]


@export("layers.Conv2D")
class Conv2D(Layer):
    """``activation(convolution(inputs, kernel) + bias)`` of images with `filters` channels out."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        data_format: str = "channels_last",
        dilation_rate: int | Sequence[int] = (1, 1),
        activation: Callable[[Any], Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = ZEROS,
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the window and how the weights start."""
        super().__init__(
            trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs
        )
        self.filters = int(filters)
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.strides = pair(strides, "strides")
        self.dilation_rate = pair(dilation_rate, "dilation_rate")
        self.padding = padding
        self.data_format = data_format
        self.activation = activation
        self.use_bias = use_bias
        self._format = wire_format(data_format)
        self._kernel = (kernel_initializer, kernel_regularizer, kernel_constraint)
        self._bias = (bias_initializer, bias_regularizer, bias_constraint)
        self.kernel: Any = None
        self.bias: Any = None

    def build(self, input_shape: TensorShape) -> None:
        """Make kernel [height, width, channels, filters] and bias [filters]."""
        dims = require_rank(self, input_shape, 4)
        channels = require_channels(self, dims, self._format.index("C"))
        start, regularizer, constraint = self._kernel
        self.kernel = self.add_weight(
            "kernel",
            [*self.kernel_size, channels, self.filters],
            None,
            start,
            regularizer,
            constraint=constraint,
        )
        if self.use_bias:
            start, regularizer, constraint = self._bias
            self.bias = self.add_weight(
                "bias", [self.filters], None, start, regularizer, constraint=constraint
            )

    def call(self, inputs: Tensor) -> Any:
        """Return the outputs."""
        outputs = convolve(
            inputs,
            self.kernel,
            strides=self._four(self.strides),
            padding=self.padding.upper(),
            data_format=self._format,
            dilations=self._four(self.dilation_rate),
        )
        if self.use_bias:
            outputs = bias_add(outputs, self.bias, data_format=self._format)
        return activated(outputs, self.activation)

    def _four(self, sizes: list[int]) -> list[int]:
        return [1, *sizes, 1] if self._format == "NHWC" else [1, 1, *sizes]


@export("layers.conv2d")
def conv2d(
    inputs: Any,
    filters: int,
    kernel_size: int | Sequence[int],
    strides: int | Sequence[int] = (1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: int | Sequence[int] = (1, 1),
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = ZEROS,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Any:
    """Return ``activation(convolution(inputs, kernel) + bias)`` with new variables.

    `inputs` are images [batch, height, width, channels], or with "channels_first"
    [batch, channels, height, width]. Raises `ValueError` when the channels are not known.

    >>> y = ps.layers.conv2d(ps.zeros([1, 8, 8, 3]), 16, 3, padding="same", strides=2)
    >>> y.shape.as_list()
    [1, 4, 4, 16]
    """
    layer = Conv2D(
        filters,
        kernel_size,
        strides,
        padding,
        data_format,
        dilation_rate,
        activation,
        use_bias,
        kernel_initializer,
        bias_initializer,
        kernel_regularizer,
        bias_regularizer,
        activity_regularizer,
        kernel_constraint,
        bias_constraint,
        trainable,
        name,
        _scope=name,
        _reuse=reuse,
    )
    return layer(inputs)
