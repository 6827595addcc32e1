"""Blocks of space moved into the batch dimension or into the channels, and back.

The pairs undo each other, so each is the other's gradient.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.static_values import constant_value
from penstock.ops.wrappers import raw
from penstock.shapes import Dims

Pairs = list[tuple[int | None, int | None]]


def _pairs(ctx: ShapeContext, i: int, count: int | None, what: str) -> Pairs | None:
    """Return the [count, 2] numbers of input `i`; None while they are not known."""
    dims, value = ctx.rank_is(i, 2), ctx.value(i)
    assert dims is not None
    if dims[1] not in (None, 2) or (None not in (count, dims[0]) and dims[0] != count):
        ctx.fail(f"{what} must have shape [{count}, 2], not {list(dims)}")
    if value is None:
        return None if count is None else [(None, None)] * count
    if (value < 0).any():
        ctx.fail(f"{what} must not be negative: {value.tolist()}")
    return [(int(a), int(b)) for a, b in value]


def _whole(size: int | None, pair: tuple[int | None, int | None], sign: int) -> int | None:
    return None if size is None or None in pair else size + sign * (pair[0] + pair[1])  # type: ignore[operator]


def _batched(ctx: ShapeContext, dims: tuple[Any, ...], blocks: list[Any], pads: Pairs) -> Dims:
    space = []
    for size, block, pair in zip(dims[1:], blocks, pads, strict=False):
        whole = _whole(size, pair, 1)
        if whole is not None and block is not None and whole % block:
            ctx.fail(f"block size {block} does not divide {whole}, a size with its paddings")
        space.append(None if whole is None or block is None else whole // block)
    known = dims[0] is not None and None not in blocks
    batch = dims[0] * math.prod(blocks) if known else None
    return (batch, *space, *dims[len(blocks) + 1 :])


def _spaced(ctx: ShapeContext, dims: tuple[Any, ...], blocks: list[Any], crops: Pairs) -> Dims:
    space = []
    for size, block, pair in zip(dims[1:], blocks, crops, strict=False):
        left = None if size is None or block is None else _whole(size * block, pair, -1)
        if left is not None and left < 0:
            ctx.fail(f"crops {list(pair)} are more than the size {size * block}")
        space.append(left)
    batch = None
    if dims[0] is not None and None not in blocks:
        positions = math.prod(blocks)
        if dims[0] % positions:
            ctx.fail(f"the batch size {dims[0]} is not a multiple of {positions} block elements")
        batch = dims[0] // positions
    return (batch, *space, *dims[len(blocks) + 1 :])


def _nd_shape(ctx: ShapeContext, to_batch: bool) -> list[Dims]:
    dims, counts = ctx.shape(0), ctx.rank_is(1, 1)
    assert counts is not None
    blocks = ctx.ints(1)
    count = counts[0] if blocks is None else len(blocks)
    margins = _pairs(ctx, 2, count, "paddings" if to_batch else "crops")
    if blocks is not None and any(b is not None and b < 1 for b in blocks):
        ctx.fail(f"block sizes must be at least 1: {blocks}")
    if dims is None or count is None:
        return [None]
    if len(dims) <= count:
        ctx.fail(f"input 0 must have rank {count + 1} at least, not {len(dims)}")
    rule = _batched if to_batch else _spaced
    return [rule(ctx, dims, blocks or [None] * count, margins or [(None, None)] * count)]


def _image_shape(ctx: ShapeContext, to_batch: bool) -> list[Dims]:
    dims, block = ctx.rank_is(0, 4), ctx.attr("block_size")
    assert dims is not None
    margins = _pairs(ctx, 1, 2, "paddings" if to_batch else "crops")
    rule = _batched if to_batch else _spaced
    return [rule(ctx, dims, [block, block], margins or [(None, None)] * 2)]


define_op(
    "SpaceToBatchND",
    inputs="input: T, block_shape: Tblock_shape, paddings: Tpaddings",
    outputs="output: T",
    attrs="T: type, Tblock_shape: index = int32, Tpaddings: index = int32",
    shape=lambda ctx: _nd_shape(ctx, True),
    export="space_to_batch_nd manip.space_to_batch_nd",
    doc="""Blocks of the dimensions after the first, zero-padded, moved into the first.

    Element i of the result's batch holds position i // batch of every block.

    >>> ps.Session().run(ps.space_to_batch_nd([[1, 2, 3, 4]], [2], [[0, 0]]))
    array([[1, 3],
           [2, 4]], dtype=int32)
    """,
)
define_op(
    "BatchToSpaceND",
    inputs="input: T, block_shape: Tblock_shape, crops: Tcrops",
    outputs="output: T",
    attrs="T: type, Tblock_shape: index = int32, Tcrops: index = int32",
    shape=lambda ctx: _nd_shape(ctx, False),
    export="batch_to_space_nd manip.batch_to_space_nd",
    doc="""The reverse of `space_to_batch_nd`; `crops` are cut off at both ends afterwards.

    >>> ps.Session().run(ps.batch_to_space_nd([[1, 3], [2, 4]], [2], [[0, 0]]))
    array([[1, 2, 3, 4]], dtype=int32)
    """,
)
define_op(
    "SpaceToBatch",
    inputs="input: T, paddings: Tpaddings",
    outputs="output: T",
    attrs="T: type, Tpaddings: index = int32, block_size: int >= 2",
    shape=lambda ctx: _image_shape(ctx, True),
    doc="Square blocks of images, zero-padded, moved into the batch (older form).",
)
define_op(
    "BatchToSpace",
    inputs="input: T, crops: Tidx",
    outputs="output: T",
    attrs="T: type, block_size: int >= 2, Tidx: index = int32",
    shape=lambda ctx: _image_shape(ctx, False),
    doc="The reverse of `SpaceToBatch`; `crops` are cut off afterwards.",
)


@gradient("SpaceToBatchND")
def _space_to_batch_nd_grad(op: Operation, dy: Tensor) -> Any:
    return raw.BatchToSpaceND(dy, *op.inputs[1:]), None, None


@gradient("BatchToSpaceND")
def _batch_to_space_nd_grad(op: Operation, dy: Tensor) -> Any:
    return raw.SpaceToBatchND(dy, *op.inputs[1:]), None, None


@gradient("SpaceToBatch")
def _space_to_batch_grad(op: Operation, dy: Tensor) -> Any:
    return raw.BatchToSpace(dy, op.inputs[1], block_size=op.get_attr("block_size")), None


@gradient("BatchToSpace")
def _batch_to_space_grad(op: Operation, dy: Tensor) -> Any:
    return raw.SpaceToBatch(dy, op.inputs[1], block_size=op.get_attr("block_size")), None


def _block_of(block_size: Any, block_shape: Any, rank: Any) -> Any:
    if (block_size is None) == (block_shape is None):
        raise ValueError("give one of block_size and block_shape")
    if block_shape is not None:
        return block_shape
    return np.full([rank], block_size, np.int32)


@export("space_to_batch")
def space_to_batch(
    input: Any,
    paddings: Any,
    block_size: int | None = None,
    name: str | None = None,
    block_shape: Any = None,
) -> Tensor:
    """Return blocks of height and width, zero-padded, moved into the batch dimension.

    >>> x = ps.reshape([1, 2, 3, 4], [1, 2, 2, 1])
    >>> ps.Session().run(ps.space_to_batch(x, [[0, 0], [0, 0]], 2)).ravel()
    array([1, 2, 3, 4], dtype=int32)
    """
    block = _block_of(block_size, block_shape, 2)
    result: Tensor = raw.SpaceToBatchND(input, block, paddings, name=name)
    return result


@export("batch_to_space")
def batch_to_space(
    input: Any,
    crops: Any,
    block_size: int | None,
    name: str | None = None,
    block_shape: Any = None,
) -> Tensor:
    """Return the reverse of `space_to_batch`, with `crops` cut off afterwards.

    >>> x = ps.reshape([1, 2, 3, 4], [4, 1, 1, 1])
    >>> ps.Session().run(ps.batch_to_space(x, [[0, 0], [0, 0]], 2)).shape
    (1, 2, 2, 1)
    """
    block = _block_of(block_size, block_shape, 2)
    result: Tensor = raw.BatchToSpaceND(input, block, crops, name=name)
    return result


@export("required_space_to_batch_paddings")
def required_space_to_batch_paddings(
    input_shape: Any, block_shape: Any, base_paddings: Any = None, name: str | None = None
) -> tuple[Any, Any]:
    """Return the paddings that make blocks fit, and the crops that undo them.

    `input_shape` are the spatial sizes. `base_paddings` are applied in any case; only what
    comes on top of them, at the end of each dimension, is in the crops.

    >>> paddings, crops = ps.required_space_to_batch_paddings([5], [2])
    >>> ps.Session().run([paddings, crops])
    [array([[0, 1]], dtype=int32), array([[0, 1]], dtype=int32)]
    """
    size, block = (convert.to_tensor(v, dtypes.int32) for v in (input_shape, block_shape))
    if base_paddings is None:
        base_paddings = raw.Tile(raw.ExpandDims(raw.ZerosLike(block), 1), [1, 2])
    base = convert.to_tensor(base_paddings, dtypes.int32)
    known = [constant_value(t) for t in (size, block, base)]
    if all(v is not None for v in known):
        sizes, blocks, given = (np.asarray(v) for v in known)
        missing = -(sizes + given.sum(axis=1)) % blocks
        paddings = np.stack([given[:, 0], given[:, 1] + missing], axis=1)
        crops = np.stack([np.zeros_like(missing), missing], axis=1)
        return convert.to_tensor(paddings), convert.to_tensor(crops)
    before, after = raw.Unpack(base, num=2, axis=1)
    whole = raw.AddV2(size, raw.AddV2(before, after))
    extra = raw.FloorMod(raw.Neg(whole), block)
    paddings_of = raw.Pack([before, raw.AddV2(after, extra)], axis=1)
    return paddings_of, raw.Pack([raw.ZerosLike(extra), extra], axis=1)


# ---- channels


def _depth_shape(ctx: ShapeContext, to_space: bool) -> list[Dims]:
    layout, block = ctx.attr("data_format"), ctx.attr("block_size")
    dims = ctx.rank_is(0, 5 if layout == b"NCHW_VECT_C" else 4)
    assert dims is not None
    channels, first = (3, 1) if layout == b"NHWC" else (1, 2)
    out = list(dims)
    for d, factor in ((channels, block * block), (first, block), (first + 1, block)):
        size, grows = dims[d], to_space != (d == channels)
        if size is None:
            continue
        if not grows and size % factor:
            ctx.fail(f"dimension {d} has size {size}, not a multiple of {factor}")
        out[d] = size * factor if grows else size // factor
    return [tuple(out)]


_DEPTH_ATTRS = (
    "T: type, block_size: int >= 2, data_format: {'NHWC', 'NCHW', 'NCHW_VECT_C'} = 'NHWC'"
)
define_op(
    "SpaceToDepth",
    inputs="input: T",
    outputs="output: T",
    attrs=_DEPTH_ATTRS,
    shape=lambda ctx: _depth_shape(ctx, False),
    doc="Square blocks of images moved into the channels.",
)
define_op(
    "DepthToSpace",
    inputs="input: T",
    outputs="output: T",
    attrs=_DEPTH_ATTRS,
    shape=lambda ctx: _depth_shape(ctx, True),
    doc="The reverse of `SpaceToDepth`: channels spread out into square blocks.",
)


@gradient("SpaceToDepth", "DepthToSpace")
def _depth_grad(op: Operation, dy: Tensor) -> Any:
    back = raw.DepthToSpace if op.type == "SpaceToDepth" else raw.SpaceToDepth
    layout = op.get_attr("data_format")
    return back(dy, block_size=op.get_attr("block_size"), data_format=layout)


@export("space_to_depth nn.space_to_depth")
def space_to_depth(
    input: Any, block_size: int, name: str | None = None, data_format: str = "NHWC"
) -> Tensor:
    """Return images whose square blocks have moved into the channels.

    >>> x = ps.reshape([1, 2, 3, 4], [1, 2, 2, 1])
    >>> ps.Session().run(ps.space_to_depth(x, 2))
    array([[[[1, 2, 3, 4]]]], dtype=int32)
    """
    result: Tensor = raw.SpaceToDepth(
        input, block_size=block_size, data_format=data_format, name=name
    )
    return result


@export("depth_to_space nn.depth_to_space")
def depth_to_space(
    input: Any, block_size: int, name: str | None = None, data_format: str = "NHWC"
) -> Tensor:
    """Return images whose channels are spread out into square blocks.

    >>> ps.Session().run(ps.depth_to_space([[[[1, 2, 3, 4]]]], 2)).shape
    (1, 2, 2, 1)
    """
    result: Tensor = raw.DepthToSpace(
        input, block_size=block_size, data_format=data_format, name=name
    )
    return result
