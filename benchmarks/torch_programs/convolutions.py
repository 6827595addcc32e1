"""Convolutions and pooling with their gradients; SAME padding that is uneven is a pad before."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from benchmarks import data
from benchmarks.catalogue import PROGRAMS
from benchmarks.programs import Job, implements
from benchmarks.torch_programs.eager import channels_last, channels_second, kernel, tensor

_NAMES = [name for name in PROGRAMS if name.startswith("convolutions/")]


def same_padding(side: int, window: int, stride: int) -> tuple[int, int]:
    """Return what SAME pads before and behind."""
    total = max((-(-side // stride) - 1) * stride + window - side, 0)
    return total // 2, total - total // 2


def convolve(x: Any, k: Any, stride: int = 1) -> Any:
    """Return the convolution of NCHW by OIHW with the padding called SAME."""
    before, behind = same_padding(x.shape[-1], k.shape[-1], stride)
    if before != behind:
        x = functional.pad(x, (before, behind, before, behind))
        before = 0
    return functional.conv2d(x, k, stride=stride, padding=before)


def _inputs(batch: int, side: int, channels: int, filters: int, window: int) -> tuple[Any, Any]:
    x = channels_second(tensor(data.normal("x", batch, side, side, channels)))
    k = tensor(data.weights("k", window, window, channels, filters)).permute(3, 2, 0, 1)
    return x, k.contiguous(memory_format=torch.channels_last)


@implements("torch", *(name for name in _NAMES if "/forward_" in name))
def forward(
    module: Any,
    subject: str,
    batch: int,
    side: int,
    channels: int,
    filters: int,
    window: int,
    stride: int,
) -> Job:
    x, k = _inputs(batch, side, channels, filters, window)
    return kernel(lambda a, b: convolve(a, b, stride), x, k, order=lambda y: [channels_last(y)])


@implements("torch", *(name for name in _NAMES if "/backward_" in name))
def backward(
    module: Any,
    subject: str,
    batch: int,
    side: int,
    channels: int,
    filters: int,
    window: int,
    stride: int,
) -> Job:
    x, k = _inputs(batch, side, channels, filters, window)
    out = -(-side // stride)
    dy = channels_second(tensor(data.normal("dy", batch, out, out, filters)))
    before, behind = same_padding(side, window, stride)
    wanted = [subject != "backward_stem_7x7", True, False]
    padding = before
    if before != behind:
        x = functional.pad(x, (before, behind, before, behind))
        padding = 0

    def gradients(x: Any, k: Any, dy: Any) -> Any:
        return torch.ops.aten.convolution_backward(
            dy, x, k, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, wanted
        )

    def order(found: Any) -> list[Any]:
        cut = slice(before, before + side) if before != behind else slice(None)
        dx = [channels_last(found[0])[:, cut, cut]] if wanted[0] else []
        return [*dx, found[1].permute(2, 3, 1, 0)]

    return kernel(gradients, x, k, dy, order=order)


@implements("torch", "convolutions/max_pool", "convolutions/average_pool")
def pool(module: Any, subject: str, batch: int, side: int, channels: int) -> Job:
    function = functional.max_pool2d if subject == "max_pool" else functional.avg_pool2d
    x = channels_second(tensor(data.normal("x", batch, side, side, channels))).requires_grad_()
    dy = channels_second(tensor(data.normal("dy", batch, side // 2, side // 2, channels)))

    def step() -> tuple[Any, Any]:
        y = function(x, 2)
        return y, torch.autograd.grad(y, x, dy)[0]

    return Job(step, lambda: [channels_last(v).detach().numpy() for v in step()])
