"""The vocabulary of written.py in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from benchmarks.torch_programs.convolutions import convolve


class Words:
    """Calls on tensors; images are NHWC arrays seen as NCHW, filters are stored OIHW."""

    tanh = staticmethod(torch.tanh)
    sigmoid = staticmethod(torch.sigmoid)
    relu = staticmethod(torch.relu)
    gelu = staticmethod(functional.gelu)

    def softmax(self, x: Any) -> Any:
        return torch.softmax(x, -1)

    def dropout(self, x: Any, rate: float) -> Any:
        return functional.dropout(x, rate)

    def total(self, x: Any) -> Any:
        return x.sum()

    def dense(self, x: Any, weights: Any, bias: Any) -> Any:
        return torch.addmm(bias, x, weights)

    def product(self, a: Any, b: Any, transposed: bool) -> Any:
        return a @ (b.transpose(2, 3) if transposed else b)

    def quarters(self, x: Any) -> Any:
        return x.chunk(4, 1)

    def split_heads(self, x: Any, dims: tuple[int, int, int, int]) -> Any:
        return x.view(dims).transpose(1, 2)

    def join_heads(self, x: Any, dims: tuple[int, int, int, int]) -> Any:
        batch, length, heads, width = dims
        return x.transpose(1, 2).reshape(batch * length, heads * width)

    def layer_norm(self, x: Any, scale: Any, offset: Any) -> Any:
        return functional.layer_norm(x, scale.shape, scale, offset, 1e-5)

    def image(self, x: Any) -> Any:
        return x.permute(0, 3, 1, 2)

    def pixels(self, x: Any) -> Any:
        return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])

    def pixel_mean(self, x: Any) -> Any:
        return x.mean((2, 3))

    def conv(self, x: Any, k: Any, stride: int) -> Any:
        return convolve(x, k, stride)

    def upsampled(self, x: Any, k: Any) -> Any:
        return functional.conv_transpose2d(x, k, stride=2)

    def batch_norm(self, x: Any, scale: Any, offset: Any) -> Any:
        return functional.batch_norm(x, None, None, scale, offset, training=True, eps=1e-3)

    def max_pool(self, x: Any) -> Any:
        return functional.max_pool2d(x, 2)

    def join(self, a: Any, b: Any) -> Any:
        return torch.cat([a, b], 1)

    def cross_entropy(self, labels: Any, logits: Any) -> Any:
        return functional.cross_entropy(logits, labels.long())
