"""Tensors made larger: repeated, or surrounded by a constant or by their own mirror image."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import errors, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.shape import shape_of
from penstock.ops.static_values import partial_ints
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _tiled_shape(ctx: ShapeContext) -> list[Dims]:
    (count,) = ctx.rank_is(1, 1) or (None,)
    dims, multiples = ctx.shape(0), ctx.ints(1)
    if dims is None:
        return [None if count is None else (None,) * count]
    if count not in (None, len(dims)):
        ctx.fail(f"multiples has {count} elements, the input has rank {len(dims)}")
    if multiples is None:
        return [(None,) * len(dims)]
    if any(m is not None and m < 0 for m in multiples):
        ctx.fail(f"multiples must not be negative: {multiples}")
    pairs = zip(dims, multiples, strict=True)
    return [tuple([None if d is None or m is None else d * m for d, m in pairs])]


define_op(
    "Tile",
    inputs="input: T, multiples: Tmultiples",
    outputs="output: T",
    attrs="T: type, Tmultiples: index = int32",
    shape=_tiled_shape,
    export="tile manip.tile",
    doc="""`input` repeated `multiples[i]` times along each dimension i.

    >>> ps.Session().run(ps.tile([1, 2], [2]))
    array([1, 2, 1, 2], dtype=int32)
    """,
)


@gradient("Tile")
def _tile_grad(op: Operation, dy: Tensor) -> Any:
    x, multiples = op.inputs
    known = partial_ints(multiples)
    if shapes.is_fully_defined(x._dims) and known is not None and None not in known:
        assert x._dims is not None
        split = [n for pair in zip(known, x._dims, strict=True) for n in pair]
        over = np.arange(0, 2 * len(x._dims), 2, dtype=np.int32)
        return raw.Sum(raw.Reshape(dy, np.array(split, dtype=np.int32)), over), None
    times = raw.Cast(multiples, DstT="int32")
    split_shape = raw.Reshape(raw.Pack([times, raw.Shape(x)], axis=1), [-1])
    over_axes = raw.Range(0, raw.Size(split_shape), 2)
    return raw.Reshape(raw.Sum(raw.Reshape(dy, split_shape), over_axes), shape_of(x)), None


# ---- padding


def _pairs(ctx: ShapeContext) -> list[tuple[int | None, int | None]] | None:
    """Return the paddings as pairs, as far as they are known."""
    dims, given, value = ctx.shape(0), ctx.shape(1), ctx.value(1)
    if given is not None and (len(given) != 2 or given[1] not in (None, 2)):
        ctx.fail(f"paddings must have shape [rank, 2], not {shapes.render(given)}")
    if dims is not None and given is not None and given[0] not in (None, len(dims)):
        ctx.fail(f"paddings has {given[0]} rows, the input has rank {len(dims)}")
    if value is None:
        rank = len(dims) if dims is not None else given[0] if given is not None else None
        return None if rank is None else [(None, None)] * rank
    if (value < 0).any():
        ctx.fail(f"paddings must not be negative: {value.tolist()}")
    return [(int(before), int(after)) for before, after in value]


def _padded_shape(ctx: ShapeContext) -> list[Dims]:
    pairs, dims = _pairs(ctx), ctx.shape(0)
    if pairs is None or dims is None:
        return [None if pairs is None else (None,) * len(pairs)]
    return [
        tuple(
            [
                None if d is None or before is None or after is None else before + d + after
                for d, (before, after) in zip(dims, pairs, strict=True)
            ]
        )
    ]


define_op(
    "Pad",
    inputs="input: T, paddings: Tpaddings",
    outputs="output: T",
    attrs="T: type, Tpaddings: index = int32",
    shape=_padded_shape,
    doc="`input` surrounded by zeros, paddings[d] = [before, after] along dimension d.",
)
define_op(
    "PadV2",
    inputs="input: T, paddings: Tpaddings, constant_values: T",
    outputs="output: T",
    attrs="T: type, Tpaddings: index = int32",
    shape=_padded_shape,
    doc="`input` surrounded by a constant.",
)


@gradient("Pad")
def _pad_grad(op: Operation, dy: Tensor) -> Any:
    return _inner(op, dy), None


@gradient("PadV2")
def _pad_v2_grad(op: Operation, dy: Tensor) -> Any:
    inner = _inner(op, dy)
    axes = raw.Range(0, raw.Rank(dy), 1)
    return inner, None, raw.Sub(raw.Sum(dy, axes), raw.Sum(inner, axes))


def _inner(op: Operation, dy: Tensor) -> Tensor:
    """Return the part of `dy` where the input is."""
    x, paddings = op.inputs[:2]
    column = raw.StridedSlice(paddings, [0, 0], [0, 1], [1, 1], begin_mask=1, end_mask=1)
    before = raw.Reshape(column, [-1])
    shape = raw.Shape(x, out_type=paddings.dtype)
    result: Tensor = raw.Slice(dy, before, shape)
    return result


def _mirrored_shape(ctx: ShapeContext) -> list[Dims]:
    pairs, dims = _pairs(ctx), ctx.shape(0)
    edge = 0 if ctx.attr("mode") == b"SYMMETRIC" else 1
    for d, pair in zip(dims or (), pairs or (), strict=True) if dims and pairs else ():
        if d is not None and any(n is not None and n > d - edge for n in pair):
            ctx.fail(f"paddings {pair} are too large to mirror a size of {d}")
    return _padded_shape(ctx)


def _unmirrored_shape(ctx: ShapeContext) -> list[Dims]:
    pairs, dims = _pairs(ctx), ctx.shape(0)
    if pairs is None or dims is None:
        return [None]
    result: list[int | None] = []
    for d, (before, after) in zip(dims, pairs, strict=True):
        known = d is not None and before is not None and after is not None
        result.append(d - before - after if known else None)  # type: ignore[operator]
    return [tuple(result)]


define_op(
    "MirrorPad",
    inputs="input: T, paddings: Tpaddings",
    outputs="output: T",
    attrs="T: type, Tpaddings: index = int32, mode: {'REFLECT', 'SYMMETRIC'}",
    shape=_mirrored_shape,
    doc="`input` surrounded by its mirror image; SYMMETRIC repeats the border itself.",
)
define_op(
    "MirrorPadGrad",
    inputs="input: T, paddings: Tpaddings",
    outputs="output: T",
    attrs="T: type, Tpaddings: index = int32, mode: {'REFLECT', 'SYMMETRIC'}",
    shape=_unmirrored_shape,
    doc="The gradient of MirrorPad: the mirrored borders added to where they came from.",
)


@gradient("MirrorPad")
def _mirror_pad_grad(op: Operation, dy: Tensor) -> Any:
    return raw.MirrorPadGrad(dy, op.inputs[1], mode=op.get_attr("mode")), None


@gradient("MirrorPadGrad")
def _mirror_pad_grad_grad(op: Operation, dy: Tensor) -> Any:
    return raw.MirrorPad(dy, op.inputs[1], mode=op.get_attr("mode")), None


@export("pad")
def pad(
    tensor: Any,
    paddings: Any,
    mode: str = "CONSTANT",
    name: str | None = None,
    constant_values: Any = 0,
) -> Tensor:
    """Return `tensor` made larger by paddings[d] = [before, after] along each dimension d.

    `mode` CONSTANT fills with `constant_values`, REFLECT and SYMMETRIC mirror the tensor.

    >>> ps.Session().run(ps.pad([1, 2, 3], [[1, 2]]))
    array([0, 1, 2, 3, 0, 0], dtype=int32)
    >>> ps.Session().run(ps.pad([1, 2, 3], [[2, 0]], "REFLECT"))
    array([3, 2, 1, 2, 3], dtype=int32)
    """
    kind = mode.upper()
    if kind in ("REFLECT", "SYMMETRIC"):
        return raw.MirrorPad(tensor, paddings, mode=kind, name=name)  # type: ignore[no-any-return]
    if kind != "CONSTANT":
        raise errors.InvalidArgumentError(
            None, None, f"pad: mode is CONSTANT, REFLECT or SYMMETRIC, not {mode!r}"
        )
    if isinstance(constant_values, (int, float)) and constant_values == 0:
        return raw.Pad(tensor, paddings, name=name)  # type: ignore[no-any-return]
    x = convert.to_tensor(tensor)
    fill = convert.to_tensor(constant_values, x.dtype.base_dtype)
    return raw.PadV2(x, paddings, fill, name=name)  # type: ignore[no-any-return]
