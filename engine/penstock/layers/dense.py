"""Dense: every output depends on every input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.layers.base import ZEROS, Layer, activated, require_channels
from penstock.ops.wrappers import raw
from penstock.shapes import TensorShape


@export("layers.Dense")
class Dense(Layer):
    """``activation(inputs @ kernel + bias)`` along the last dimension, which becomes `units`."""

    def __init__(
        self,
        units: int,
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
        """Take the number of outputs and how the weights start."""
        super().__init__(
            trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs
        )
        self.units = int(units)
        self.activation = activation
        self.use_bias = use_bias
        self._kernel = (kernel_initializer, kernel_regularizer, kernel_constraint)
        self._bias = (bias_initializer, bias_regularizer, bias_constraint)
        self.kernel: Any = None
        self.bias: Any = None

    def build(self, input_shape: TensorShape) -> None:
        """Make kernel [inputs, units] and bias [units]."""
        if input_shape.ndims is None or input_shape.ndims < 2:
            raise ValueError(
                f"layer {self.name!r} (Dense) takes inputs of rank 2 or more, not {input_shape}"
            )
        inputs = require_channels(self, input_shape._dims, -1)
        start, regularizer, constraint = self._kernel
        self.kernel = self.add_weight(
            "kernel", [inputs, self.units], None, start, regularizer, constraint=constraint
        )
        if self.use_bias:
            start, regularizer, constraint = self._bias
            self.bias = self.add_weight(
                "bias", [self.units], None, start, regularizer, constraint=constraint
            )

    def call(self, inputs: Tensor) -> Any:
        """Return the outputs."""
        rank = inputs.shape.ndims
        if rank == 2:
            outputs = raw.MatMul(inputs, self.kernel)
        else:
            rows = raw.Reshape(inputs, [-1, inputs.shape.as_list()[-1]])
            head = raw.StridedSlice(raw.Shape(inputs), [0], [-1], [1], begin_mask=1)
            shape = raw.ConcatV2([head, [self.units]], 0)
            outputs = raw.Reshape(raw.MatMul(rows, self.kernel), shape)
            outputs.set_shape([*inputs.shape.as_list()[:-1], self.units])
        if self.use_bias:
            outputs = raw.BiasAdd(outputs, self.bias)
        return activated(outputs, self.activation)

    def compute_output_shape(self, input_shape: Any) -> TensorShape:
        """Return the shape of the outputs for a shape of inputs."""
        return TensorShape([*TensorShape(input_shape).as_list()[:-1], self.units])


@export("layers.dense")
def dense(
    inputs: Any,
    units: int,
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
    """Return ``activation(inputs @ kernel + bias)`` with new variables (or shared ones).

    The kernel starts as `glorot_uniform_initializer` by default. Raises `ValueError` when
    the last dimension of `inputs` is not known.

    >>> y = ps.layers.dense(ps.zeros([3, 4]), 2, name="out")
    >>> y.shape.as_list(), [v.name for v in ps.trainable_variables()]
    ([3, 2], ['out/kernel:0', 'out/bias:0'])
    """
    layer = Dense(
        units,
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
