"""Flatten: one row for each element of the batch."""

from __future__ import annotations

import math
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.layers.base import Layer
from penstock.layers.convolution import wire_format
from penstock.ops.wrappers import raw


@export("layers.Flatten")
class Flatten(Layer):
    """Inputs of shape [batch, ...] as [batch, features].

    With "channels_first" the channels are moved to the end first, so that weights behind the
    layer mean the same for both formats.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        """Take the format of images."""
        super().__init__(**kwargs)
        self.data_format = data_format or "channels_last"
        wire_format(self.data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        dims = inputs.shape.ndims
        if dims is not None and dims < 2:
            if dims == 0:
                raise ValueError(f"layer {self.name!r} (Flatten) needs a batch, not a scalar")
            result: Tensor = raw.ExpandDims(inputs, 1)
            return result
        if self.data_format == "channels_first" and dims is not None and dims > 2:
            inputs = raw.Transpose(inputs, [0, *range(2, dims), 1])
        sizes = None if dims is None else inputs.shape.as_list()
        known = [] if sizes is None else [n for n in sizes[1:] if n is not None]
        if sizes is not None and len(known) == len(sizes) - 1:
            rest = math.prod(known)
            # With -1 for the batch, an empty one could not tell the size of a row.
            result = raw.Reshape(inputs, [-1 if sizes[0] is None else sizes[0], rest])
            result.set_shape([sizes[0], rest])
            return result
        batch = raw.StridedSlice(raw.Shape(inputs), [0], [1], [1])
        result = raw.Reshape(inputs, raw.ConcatV2([batch, [-1]], 0))
        result.set_shape([None if sizes is None else sizes[0], None])
        return result


@export("layers.flatten")
def flatten(inputs: Any, name: str | None = None, data_format: str = "channels_last") -> Any:
    """Return inputs of shape [batch, ...] as [batch, features].

    >>> ps.layers.flatten(ps.zeros([5, 8, 8, 3])).shape.as_list()
    [5, 192]
    """
    return Flatten(data_format, name=name)(inputs)
