"""Pooling: the largest or the mean element of windows of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.layers.base import Layer, require_rank
from penstock.layers.convolution import pair, wire_format
from penstock.ops.pooling import avg_pool, max_pool


class _Pooling2D(Layer):
    _pool: Callable[..., Tensor]

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str = "valid",
        data_format: str = "channels_last",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the window."""
        super().__init__(name=name, **kwargs)
        self.pool_size = pair(pool_size, "pool_size")
        self.strides = pair(strides, "strides")
        self.padding = padding
        self.data_format = data_format
        self._format = wire_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        require_rank(self, inputs.shape, 4)
        return type(self)._pool(
            inputs, self.pool_size, self.strides, self.padding.upper(), self._format
        )


@export("layers.MaxPooling2D")
class MaxPooling2D(_Pooling2D):
    """The largest element of each window of `pool_size`, in steps of `strides`."""

    _pool = staticmethod(max_pool)


@export("layers.AveragePooling2D")
class AveragePooling2D(_Pooling2D):
    """The mean element of each window of `pool_size`, in steps of `strides`."""

    _pool = staticmethod(avg_pool)


@export("layers.max_pooling2d")
def max_pooling2d(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int],
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Any:
    """Return the largest element of each window of images.

    >>> ps.layers.max_pooling2d(ps.zeros([1, 8, 8, 3]), 2, 2).shape.as_list()
    [1, 4, 4, 3]
    """
    return MaxPooling2D(pool_size, strides, padding, data_format, name)(inputs)


@export("layers.average_pooling2d")
def average_pooling2d(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int],
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Any:
    """Return the mean element of each window of images."""
    return AveragePooling2D(pool_size, strides, padding, data_format, name)(inputs)
