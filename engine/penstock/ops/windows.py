"""Sliding windows over images: the shape rules of convolutions and pooling, and their attributes.

Sizes of both layouts are read here: "NHWC" keeps height and width in the middle, "NCHW" last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock import shapes
from penstock.graph.tensor import Operation
from penstock.ops.infer import ShapeContext
from penstock.shapes import Dims

PADDINGS = "{'SAME', 'VALID', 'EXPLICIT'}"
FORMATS = "{'NHWC', 'NCHW'}"


def is_channels_first(data_format: bytes) -> bool:
    """Return True for the layouts with channels before the spatial dimensions."""
    return data_format.startswith(b"NC")


def channel_axis(ctx: ShapeContext) -> int:
    """Return where the channels of a rank-4 image are."""
    named = "data_format" in ctx.op.attrs
    return 1 if named and is_channels_first(ctx.attr("data_format")) else 3


def spatial(ctx: ShapeContext, four: Sequence[Any], what: str) -> tuple[Any, Any]:
    """Return the two spatial entries of a list of four; the other two must be 1."""
    if len(four) != 4:
        ctx.fail(f"{what} must have 4 elements, got {list(four)}")
    first = 2 if channel_axis(ctx) == 1 else 1
    height, width = four[first], four[first + 1]
    if any(v is not None and v != 1 for i, v in enumerate(four) if i not in (first, first + 1)):
        ctx.fail(f"{what} must be 1 for batch and channels, got {list(four)}")
    if any(v is not None and v <= 0 for v in (height, width)):
        ctx.fail(f"{what} must be positive, got {list(four)}")
    return height, width


def slid_shape(
    ctx: ShapeContext,
    image: Dims,
    window: tuple[int | None, int | None],
    strides: Sequence[int],
    channels: int | None,
) -> Dims:
    """Return the shape of `window` slid over a rank-4 `image`, with that many channels."""
    assert image is not None
    first = channel_axis(ctx) == 1
    sizes = image[2:] if first else image[1:3]
    steps = spatial(ctx, strides, "strides")
    dilations = (1, 1)
    if "dilations" in ctx.op.attrs:
        dilations = spatial(ctx, ctx.attr("dilations"), "dilations")
    padding = ctx.attr("padding").decode()
    if padding == "EXPLICIT":
        pads = _explicit_pads(ctx)
        sizes = tuple([None if s is None else s + sum(p) for s, p in zip(sizes, pads, strict=True)])
        padding = "VALID"
    height, width = (
        shapes.window_output(sizes[i], window[i], steps[i], padding, dilations[i]) for i in range(2)
    )
    return (image[0], channels, height, width) if first else (image[0], height, width, channels)


def _explicit_pads(ctx: ShapeContext) -> list[tuple[int, int]]:
    pads = ctx.attr("explicit_paddings")
    if len(pads) != 8:
        ctx.fail(f"explicit_paddings must have 8 elements, got {len(pads)}")
    first = 4 if channel_axis(ctx) == 1 else 2
    if any(p < 0 for p in pads) or any(pads[:first]) or any(pads[first + 4 :]):
        ctx.fail(f"explicit_paddings must be 0 for batch and channels, and >= 0, got {pads}")
    return [(pads[first], pads[first + 1]), (pads[first + 2], pads[first + 3])]


def copied_attrs(op: Operation, *names: str) -> dict[str, Any]:
    """Return attributes of a node, to be given to another one."""
    return {name: op.get_attr(name) for name in names}


def four_of(value: Any, what: str, data_format: str) -> list[int]:
    """Return a size as the four numbers that ops take.

    `value` is one number, [height, width], or all four.
    """
    numbers = [int(v) for v in value] if isinstance(value, (list, tuple)) else [int(value)]
    if len(numbers) == 4:
        return numbers
    if len(numbers) not in (1, 2):
        raise ValueError(f"{what} must be 1, 2 or 4 numbers, got {value!r}")
    height, width = numbers * 2 if len(numbers) == 1 else numbers
    return [1, 1, height, width] if data_format.startswith("NC") else [1, height, width, 1]


def padding_attrs(padding: Any, data_format: str) -> dict[str, Any]:
    """Return `padding` and `explicit_paddings` for a name or for a list of four pairs."""
    if isinstance(padding, str):
        return {"padding": padding.upper()}
    pairs = [[int(v) for v in pair] for pair in padding]
    if len(pairs) != 4 or any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"padding must be a name or four pairs, got {padding!r}")
    flat = [v for pair in pairs for v in pair]
    return {"padding": "EXPLICIT", "explicit_paddings": flat}
