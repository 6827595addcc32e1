"""The patches of images under a sliding window, side by side in the channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.shape import like, one_of
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _patches_shape(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.rank_is(0, 4)
    assert dims is not None
    sizes, strides, rates = (ctx.attr(n) for n in ("ksizes", "strides", "rates"))
    for name, values in (("ksizes", sizes), ("strides", strides), ("rates", rates)):
        if len(values) != 4 or values[0] != 1 or values[3] != 1 or min(values) < 1:
            ctx.fail(f"{name} must be [1, rows, columns, 1] with positive numbers, not {values}")
    padding = ctx.attr("padding").decode()
    space = [shapes.window_output(dims[d], sizes[d], strides[d], padding, rates[d]) for d in (1, 2)]
    depth = None if dims[3] is None else dims[3] * sizes[1] * sizes[2]
    return [(dims[0], *space, depth)]


define_op(
    "ExtractImagePatches",
    inputs="images: T",
    outputs="patches: T",
    attrs="ksizes: list(int) >= 4, strides: list(int) >= 4, rates: list(int) >= 4, "
    "T: plain, padding: {'SAME', 'VALID'}",
    shape=_patches_shape,
    doc="The elements under a sliding window, all in the channels of one output pixel.",
)


@gradient("ExtractImagePatches")
def _patches_grad(op: Operation, dy: Tensor) -> Any:
    """Sum each patch element into the pixel it came from, which a picture of numbers tells."""
    images = op.inputs[0]
    window = {n: op.get_attr(n) for n in ("ksizes", "strides", "rates", "padding")}
    shape = raw.Shape(images)
    batch, rows, columns, channels = raw.Unpack(shape, num=4)
    pixels = raw.Mul(rows, columns)
    # Numbers from 1, so that what lies outside of the image, 0, becomes the id -1 and drops out.
    picture = raw.Reshape(raw.Range(1, raw.AddV2(pixels, 1), 1), raw.Pack([1, rows, columns, 1]))
    ids = raw.Reshape(raw.Sub(raw.ExtractImagePatches(picture, **window), 1), [-1])
    parts = raw.Reshape(dy, raw.Pack([batch, raw.Size(ids), channels]))
    total = raw.UnsortedSegmentSum(raw.Transpose(parts, [1, 0, 2]), ids, pixels)
    return like(raw.Reshape(raw.Transpose(total, [1, 0, 2]), shape), images)


@export("extract_image_patches")
def extract_image_patches(
    images: Any,
    ksizes: Any = None,
    strides: Any = None,
    rates: Any = None,
    padding: str | None = None,
    name: str | None = None,
    sizes: Any = None,
) -> Tensor:
    """Return the elements under a sliding window, all in the channels of one output pixel.

    `ksizes`, `strides` and `rates` (distances between the elements of a window) have the form
    [1, rows, columns, 1].

    >>> x = ps.reshape(ps.range(9), [1, 3, 3, 1])
    >>> one = [1, 1, 1, 1]
    >>> ps.Session().run(ps.extract_image_patches(x, [1, 2, 2, 1], one, one, "VALID"))[0, 0]
    array([[0, 1, 3, 4],
           [1, 2, 4, 5]], dtype=int32)
    """
    window = one_of("ksizes", ksizes, "sizes", sizes)
    given = {"ksizes": window, "strides": strides, "rates": rates, "padding": padding}
    for what, value in given.items():
        if value is None:
            raise ValueError(f"extract_image_patches needs {what}")
    lists = {k: [int(n) for n in np.asarray(given[k])] for k in ("ksizes", "strides", "rates")}
    result: Tensor = raw.ExtractImagePatches(images, padding=padding, name=name, **lists)
    return result
