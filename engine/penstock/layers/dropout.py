"""Dropout as a layer: on while training, off otherwise."""

from __future__ import annotations

from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.layers.base import Layer
from penstock.nn.regularization import dropout as drop
from penstock.ops import cast, convert
from penstock.ops.wrappers import raw


@export("layers.Dropout")
class Dropout(Layer):
    """Zero a random share `rate` of the inputs and scale up the others, while training."""

    def __init__(
        self,
        rate: Any = 0.5,
        noise_shape: Any = None,
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Take the share to drop."""
        super().__init__(name=name, **kwargs)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed

    def call(self, inputs: Tensor, training: Any = False) -> Tensor:
        """Return the outputs; `training` is a bool or a bool tensor."""
        if not isinstance(training, Tensor) and not hasattr(training, "_as_tensor"):
            if not training:
                result: Tensor = raw.Identity(inputs)
                return result
            return drop(inputs, rate=self.rate, noise_shape=self.noise_shape, seed=self.seed)
        # A rate of zero keeps everything as it is.
        on = cast.cast(training, inputs.dtype.base_dtype)
        rate = on * convert.to_tensor(self.rate, inputs.dtype.base_dtype)
        return drop(inputs, rate=rate, noise_shape=self.noise_shape, seed=self.seed)


@export("layers.dropout")
def dropout(
    inputs: Any,
    rate: Any = 0.5,
    noise_shape: Any = None,
    seed: int | None = None,
    training: Any = False,
    name: str | None = None,
) -> Any:
    """Return `inputs` with a random share `rate` set to zero, if `training` (a bool or tensor).

    >>> x = ps.layers.dropout(ps.ones([100]), 0.5, seed=1, training=True)
    >>> sorted(set(ps.Session().run(x).tolist()))
    [0.0, 2.0]
    """
    return Dropout(rate, noise_shape, seed, name)(inputs, training=training)
