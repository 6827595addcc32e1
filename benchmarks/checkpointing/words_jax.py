"""The vocabulary of written.py in JAX; dropout draws from keys counted within one trace."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.jax_programs.convolutions import convolve, max_pool
from benchmarks.jax_programs.kernels import batch_normalised, layer_normalised


class Words:
    """Calls on arrays; images are NHWC."""

    tanh = staticmethod(jnp.tanh)
    sigmoid = staticmethod(jax.nn.sigmoid)
    relu = staticmethod(jax.nn.relu)
    softmax = staticmethod(jax.nn.softmax)
    total = staticmethod(jnp.sum)
    layer_norm = staticmethod(layer_normalised)
    batch_norm = staticmethod(batch_normalised)
    max_pool = staticmethod(max_pool)

    def __init__(self, key: Any) -> None:
        self.key = key
        self.draws = 0

    def gelu(self, x: Any) -> Any:
        return jax.nn.gelu(x, approximate=False)

    def dropout(self, x: Any, rate: float) -> Any:
        self.draws += 1
        kept = jax.random.bernoulli(jax.random.fold_in(self.key, self.draws), 1 - rate, x.shape)
        return jnp.where(kept, x / (1 - rate), 0)

    def dense(self, x: Any, weights: Any, bias: Any) -> Any:
        return x @ weights + bias

    def product(self, a: Any, b: Any, transposed: bool) -> Any:
        return a @ (b.swapaxes(2, 3) if transposed else b)

    def quarters(self, x: Any) -> Any:
        return jnp.split(x, 4, 1)

    def split_heads(self, x: Any, dims: tuple[int, int, int, int]) -> Any:
        return x.reshape(dims).transpose(0, 2, 1, 3)

    def join_heads(self, x: Any, dims: tuple[int, int, int, int]) -> Any:
        batch, length, heads, width = dims
        return x.transpose(0, 2, 1, 3).reshape(batch * length, heads * width)

    def image(self, x: Any) -> Any:
        return x

    def pixels(self, x: Any) -> Any:
        return x.reshape(-1, x.shape[-1])

    def pixel_mean(self, x: Any) -> Any:
        return jnp.mean(x, (1, 2))

    def conv(self, x: Any, k: Any, stride: int) -> Any:
        return convolve(x, k, stride)

    def upsampled(self, x: Any, k: Any) -> Any:
        # The filter of a transposed convolution, HWOI, turned by 180 degrees.
        dims = ("NHWC", "HWIO", "NHWC")
        turned = k[::-1, ::-1].swapaxes(2, 3)
        return jax.lax.conv_transpose(x, turned, (2, 2), "VALID", dimension_numbers=dims)

    def join(self, a: Any, b: Any) -> Any:
        return jnp.concatenate([a, b], 3)

    def cross_entropy(self, labels: Any, logits: Any) -> Any:
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1))
