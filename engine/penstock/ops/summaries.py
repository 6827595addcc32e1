"""Summary ops: numbers and histograms as serialized messages.

The public functions are those of `penstock.summary`.
"""

from __future__ import annotations

import numpy as np

from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, no_gradient
from penstock.shapes import Dims, merge


def _scalar_shape(ctx: ShapeContext) -> list[Dims]:
    merge(ctx.shape(0), ctx.shape(1))
    return [()]


def _histogram_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 0)
    return [()]


define_op(
    "ScalarSummary",
    inputs="tags: string, values: T",
    outputs="summary: string",
    attrs="T: real",
    shape=_scalar_shape,
    doc="A serialized Summary with one number for each tag.",
)
define_op(
    "HistogramSummary",
    inputs="tag: string, values: T",
    outputs="summary: string",
    attrs="T: real = float32",
    shape=_histogram_shape,
    doc="A serialized Summary with a histogram; `InvalidArgumentError` if a value is not finite.",
)
define_op(
    "MergeSummary",
    inputs="inputs: N*string",
    outputs="summary: string",
    attrs="N: int >= 1",
    shape=lambda ctx: [()],
    doc="One serialized Summary with the values of all inputs; no tag may occur twice.",
)


def _image_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 0)
    dims = ctx.rank_is(1, 4)
    if dims is not None and dims[3] not in (1, 3, 4, None):
        ctx.fail(f"images have 1, 3 or 4 channels, not {dims[3]}")
    return [()]


def _tensor_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 0)
    ctx.rank_is(2, 0)
    return [()]


_image = define_op(
    "ImageSummary",
    inputs="tag: string, tensor: T",
    outputs="summary: string",
    attrs="max_images: int >= 1 = 3, T: {uint8, float32, float16, float64} = float32, "
    "bad_color: tensor = 0",
    shape=_image_shape,
    doc="A serialized Summary with the first `max_images` images of a batch as PNG files.",
)
define_op(
    "TensorSummaryV2",
    inputs="tag: string, tensor: T, serialized_summary_metadata: string",
    outputs="summary: string",
    attrs="T: type",
    shape=_tensor_shape,
    doc="A serialized Summary with a tensor and what the metadata says of it.",
)
# The little language of attributes has no arrays: opaque red.
_image.attrs["bad_color"] = _image.attrs["bad_color"]._replace(
    default=np.array([255, 0, 0, 255], np.uint8)
)
no_gradient("ScalarSummary", "HistogramSummary", "MergeSummary", "ImageSummary", "TensorSummaryV2")
