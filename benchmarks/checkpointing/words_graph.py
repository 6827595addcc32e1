"""The vocabulary of written.py in graph programs."""

from __future__ import annotations

from typing import Any


class Words:
    """Calls on tensors of `tf`'s default graph; images are NHWC."""

    def __init__(self, tf: Any) -> None:
        self.tf = tf

    def tanh(self, x: Any) -> Any:
        return self.tf.tanh(x)

    def sigmoid(self, x: Any) -> Any:
        return self.tf.sigmoid(x)

    def relu(self, x: Any) -> Any:
        return self.tf.nn.relu(x)

    def gelu(self, x: Any) -> Any:
        return x * (self.tf.erf(x * 0.5**0.5) + 1.0) * 0.5

    def softmax(self, x: Any) -> Any:
        return self.tf.nn.softmax(x)

    def dropout(self, x: Any, rate: float) -> Any:
        return self.tf.nn.dropout(x, rate=rate)

    def total(self, x: Any) -> Any:
        return self.tf.reduce_sum(x)

    def dense(self, x: Any, weights: Any, bias: Any) -> Any:
        return self.tf.nn.bias_add(self.tf.matmul(x, weights), bias)

    def product(self, a: Any, b: Any, transposed: bool) -> Any:
        return self.tf.matmul(a, b, transpose_b=transposed)

    def quarters(self, x: Any) -> Any:
        return self.tf.split(x, 4, axis=1)

    def split_heads(self, x: Any, dims: tuple[int, int, int, int]) -> Any:
        return self.tf.transpose(self.tf.reshape(x, dims), [0, 2, 1, 3])

    def join_heads(self, x: Any, dims: tuple[int, int, int, int]) -> Any:
        batch, length, heads, width = dims
        swapped = self.tf.transpose(x, [0, 2, 1, 3])
        return self.tf.reshape(swapped, [batch * length, heads * width])

    def layer_norm(self, x: Any, scale: Any, offset: Any) -> Any:
        mean, variance = self.tf.nn.moments(x, [-1], keep_dims=True)
        return (x - mean) * self.tf.rsqrt(variance + 1e-5) * scale + offset

    def image(self, x: Any) -> Any:
        return x

    def pixels(self, x: Any) -> Any:
        return self.tf.reshape(x, [-1, x.shape.as_list()[-1]])

    def pixel_mean(self, x: Any) -> Any:
        return self.tf.reduce_mean(x, [1, 2])

    def conv(self, x: Any, k: Any, stride: int) -> Any:
        return self.tf.nn.conv2d(x, k, strides=[1, stride, stride, 1], padding="SAME")

    def upsampled(self, x: Any, k: Any) -> Any:
        batch, height, width, _ = x.shape.as_list()
        shape = [batch, 2 * height, 2 * width, k.shape.as_list()[2]]
        return self.tf.nn.conv2d_transpose(x, k, shape, strides=[1, 2, 2, 1], padding="SAME")

    def batch_norm(self, x: Any, scale: Any, offset: Any) -> Any:
        return self.tf.nn.fused_batch_norm(x, scale, offset, epsilon=1e-3)[0]

    def max_pool(self, x: Any) -> Any:
        return self.tf.nn.max_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")

    def join(self, a: Any, b: Any) -> Any:
        return self.tf.concat([a, b], 3)

    def cross_entropy(self, labels: Any, logits: Any) -> Any:
        losses = self.tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return self.tf.reduce_mean(losses)
