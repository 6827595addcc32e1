"""BatchNormalization: inputs brought to mean 0 and variance 1, then scaled and shifted.

While training, the statistics are those of the batch, and operations in the collection
UPDATE_OPS move the variables `moving_mean` and `moving_variance` towards them; a training
step must depend on these. Otherwise the moving statistics are used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes, errors
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.layers.base import ONES, ZEROS, Layer, require_channels
from penstock.nn.normalization import batch_normalization as normalize
from penstock.nn.normalization import moments
from penstock.ops import cast, convert
from penstock.ops.wrappers import raw
from penstock.shapes import TensorShape, normalize_axis


@export("layers.BatchNormalization")
class BatchNormalization(Layer):
    """``gamma * (inputs - mean) / sqrt(variance + epsilon) + beta`` for each index of `axis`."""

    def __init__(
        self,
        axis: Any = -1,
        momentum: Any = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = ZEROS,
        gamma_initializer: Any = ONES,
        moving_mean_initializer: Any = ZEROS,
        moving_variance_initializer: Any = ONES,
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: Any = 0.99,
        fused: bool | None = None,
        trainable: bool = True,
        virtual_batch_size: int | None = None,
        adjustment: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the axis and how statistics move; `UnimplementedError` for renormalisation."""
        super().__init__(trainable=trainable, name=name, **kwargs)
        if renorm or virtual_batch_size is not None or adjustment is not None:
            raise errors.UnimplementedError(
                None, None, "batch_normalization: renorm, virtual_batch_size and adjustment"
            )
        self.axis = axis[0] if isinstance(axis, (list, tuple)) else axis
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self._fused = fused
        self._beta = (beta_initializer, beta_regularizer, beta_constraint)
        self._gamma = (gamma_initializer, gamma_regularizer, gamma_constraint)
        self._moving = (moving_mean_initializer, moving_variance_initializer)
        self.beta: Any = None
        self.gamma: Any = None

    def build(self, input_shape: TensorShape) -> None:
        """Make gamma, beta and the moving statistics, one element for each index of the axis."""
        if input_shape.ndims is None:
            raise ValueError(f"layer {self.name!r} (BatchNormalization) needs a known rank")
        self._rank = input_shape.ndims
        self._axis = normalize_axis(self.axis, self._rank)
        size = [require_channels(self, input_shape._dims, self._axis)]
        # Small floats have too few digits for statistics.
        small = self.dtype in (dtypes.float16, dtypes.bfloat16)
        kind = dtypes.float32 if small else self.dtype
        if self.scale:
            start, regularizer, constraint = self._gamma
            self.gamma = self.add_weight(
                "gamma", size, kind, start, regularizer, constraint=constraint
            )
        if self.center:
            start, regularizer, constraint = self._beta
            self.beta = self.add_weight(
                "beta", size, kind, start, regularizer, constraint=constraint
            )
        mean, variance = self._moving
        self.moving_mean = self.add_weight("moving_mean", size, kind, mean, trainable=False)
        self.moving_variance = self.add_weight(
            "moving_variance", size, kind, variance, trainable=False
        )

    def call(self, inputs: Tensor, training: Any = False) -> Tensor:
        """Return the outputs; `training` is a bool or a bool tensor."""
        kind = self.moving_mean.dtype.base_dtype
        x = inputs if inputs.dtype.base_dtype is kind else cast.cast(inputs, kind)
        mean, variance = self._statistics(x, training)
        shape = [1] * self._rank
        shape[self._axis] = -1
        last = self._axis == self._rank - 1
        parts = [mean, variance, self.beta, self.gamma]
        mean, variance, beta, gamma = (
            p if p is None or last else raw.Reshape(p, shape) for p in parts
        )
        outputs = normalize(x, mean, variance, beta, gamma, self.epsilon)
        return outputs if kind is inputs.dtype.base_dtype else cast.cast(outputs, inputs.dtype)

    def _statistics(self, x: Tensor, training: Any) -> tuple[Any, Any]:
        is_tensor = isinstance(training, Tensor) or hasattr(training, "_as_tensor")
        if not is_tensor and not training:
            return self.moving_mean.value(), self.moving_variance.value()
        axes = [i for i in range(self._rank) if i != self._axis]
        mean, variance = moments(x, axes)
        rate = 1.0 - convert.to_tensor(self.momentum, mean.dtype)
        if is_tensor:
            rate = rate * cast.cast(training, mean.dtype)
        unbiased = variance * self._correction(x, axes) if self._counts_degrees else variance
        self.add_update(
            [_follow(self.moving_mean, mean, rate), _follow(self.moving_variance, unbiased, rate)]
        )
        if is_tensor:
            on = convert.to_tensor(training)
            mean = raw.SelectV2(on, mean, self.moving_mean)
            variance = raw.SelectV2(on, variance, self.moving_variance)
        return mean, variance

    @property
    def _counts_degrees(self) -> bool:
        """True for images, where the moving variance is that of a sample: n / (n - 1)."""
        return self._fused is not False and self._rank == 4 and self._axis in (1, 3)

    def _correction(self, x: Tensor, axes: list[int]) -> Tensor:
        sizes = raw.GatherV2(raw.Shape(x), np.array(axes, np.int32), 0)
        count = raw.Cast(raw.Prod(sizes, [0]), DstT=x.dtype.base_dtype)
        result: Tensor = count / raw.Maximum(count - 1.0, 1.0)
        return result


def _follow(variable: Any, value: Tensor, rate: Tensor) -> Operation:
    step = (variable.value() - value) * rate
    operation: Operation = variable.assign_sub(step, name="AssignMovingAvg", read_value=False)
    return operation


@export("layers.batch_normalization")
def batch_normalization(
    inputs: Any,
    axis: Any = -1,
    momentum: Any = 0.99,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Any = ZEROS,
    gamma_initializer: Any = ONES,
    moving_mean_initializer: Any = ZEROS,
    moving_variance_initializer: Any = ONES,
    beta_regularizer: Any = None,
    gamma_regularizer: Any = None,
    beta_constraint: Any = None,
    gamma_constraint: Any = None,
    training: Any = False,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
    renorm: bool = False,
    renorm_clipping: Any = None,
    renorm_momentum: Any = 0.99,
    fused: bool | None = None,
    virtual_batch_size: int | None = None,
    adjustment: Any = None,
) -> Any:
    """Return `inputs` normalised along all dimensions but `axis`, with new variables.

    While `training` (a bool or a bool tensor) by the statistics of the batch, otherwise by
    the moving ones, which the operations in the collection UPDATE_OPS update.

    >>> y = ps.layers.batch_normalization(ps.constant([[1.], [3.]]), training=True)
    >>> with ps.Session() as sess:
    ...     sess.run(ps.global_variables_initializer())
    ...     print(sess.run(y).ravel().round(3))
    [-1.  1.]
    """
    layer = BatchNormalization(
        axis,
        momentum,
        epsilon,
        center,
        scale,
        beta_initializer,
        gamma_initializer,
        moving_mean_initializer,
        moving_variance_initializer,
        beta_regularizer,
        gamma_regularizer,
        beta_constraint,
        gamma_constraint,
        renorm,
        renorm_clipping,
        renorm_momentum,
        fused,
        trainable,
        virtual_batch_size,
        adjustment,
        name,
        _scope=name,
        _reuse=reuse,
    )
    return layer(inputs, training=training)
