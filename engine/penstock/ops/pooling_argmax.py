"""Maximum pooling that also tells where the maxima are."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.windows import copied_attrs, four_of, slid_shape, spatial
from penstock.ops.wrappers import raw
from penstock.shapes import Dims, merge

_NAMES = ("ksize", "strides", "padding", "include_batch_in_index")


def _pooled(ctx: ShapeContext) -> list[Dims]:
    image = ctx.rank_is(0, 4)
    assert image is not None
    window = spatial(ctx, ctx.attr("ksize"), "ksize")
    return [slid_shape(ctx, image, window, ctx.attr("strides"), image[3])] * 2


def _like_image(ctx: ShapeContext) -> list[Dims]:
    merge(ctx.rank_is(1, 4), ctx.rank_is(2, 4))
    return [ctx.rank_is(0, 4)]


define_op(
    "MaxPoolWithArgmax",
    inputs="input: T",
    outputs="output: T, argmax: Targmax",
    attrs="ksize: list(int) >= 4, strides: list(int) >= 4, Targmax: index = int64, "
    "padding: {'SAME', 'VALID'}, include_batch_in_index: bool = False, T: real",
    shape=_pooled,
    doc="The largest element of each window, and its number within its image.",
)
define_op(
    "MaxPoolGradWithArgmax",
    inputs="input: T, grad: T, argmax: Targmax",
    outputs="output: T",
    attrs="ksize: list(int) >= 4, strides: list(int) >= 4, padding: {'SAME', 'VALID'}, "
    "include_batch_in_index: bool = False, Targmax: index, T: real",
    shape=_like_image,
    doc="The gradient of MaxPoolWithArgmax: each element of `grad` where `argmax` says.",
)


@gradient("MaxPoolWithArgmax")
def _argmax_pool_grad(op: Operation, dy: Tensor, _: Any) -> Any:
    return raw.MaxPoolGradWithArgmax(op.inputs[0], dy, op.outputs[1], **copied_attrs(op, *_NAMES))


@gradient("MaxPoolGradWithArgmax")
def _argmax_pool_grad_grad(op: Operation, g: Tensor) -> Any:
    x, dy, places = op.inputs
    flat = raw.Reshape(g, [-1])
    if not op.get_attr("include_batch_in_index"):
        # Rows of one image each: the number within the image picks from its row.
        shape = raw.Shape(x)
        batch = raw.StridedSlice(shape, [0], [1], [1], shrink_axis_mask=1)
        sizes = raw.StridedSlice(shape, [1], [4], [1])
        starts = raw.Mul(raw.Range(0, batch, 1), raw.Prod(sizes, [0]))
        starts = raw.Reshape(raw.Cast(starts, DstT=places.dtype), [-1, 1, 1, 1])
        places = raw.AddV2(places, starts)
    picked = raw.Reshape(raw.GatherV2(flat, raw.Reshape(places, [-1]), 0), raw.Shape(dy))
    return raw.ZerosLike(x), picked, None


@export("nn.max_pool_with_argmax")
def max_pool_with_argmax(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: str,
    data_format: str = "NHWC",
    Targmax: Any = None,
    name: str | None = None,
    output_dtype: Any = None,
    include_batch_in_index: bool = False,
) -> Any:
    """Return the largest element of each window, and its number within its image.

    >>> image = ps.constant([[[[1.], [4.]], [[3.], [2.]]]])
    >>> values, places = ps.Session().run(ps.nn.max_pool_with_argmax(image, 2, 2, "VALID"))
    >>> float(values.item()), int(places.item())
    (4.0, 1)
    """
    if data_format != "NHWC":
        raise ValueError("max_pool_with_argmax needs data_format NHWC")
    wanted = Targmax if output_dtype is None else output_dtype
    return raw.MaxPoolWithArgmax(
        convert.to_tensor(input),
        ksize=four_of(ksize, "ksize", "NHWC"),
        strides=four_of(strides, "strides", "NHWC"),
        Targmax=dtypes.int64 if wanted is None else dtypes.as_dtype(wanted),
        padding=padding.upper(),
        include_batch_in_index=include_batch_in_index,
        name=name,
    )
