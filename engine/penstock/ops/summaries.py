"""Summary ops: numbers and histograms as serialized messages.

The public functions are those of `penstock.summary`.
"""

from __future__ import annotations

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
no_gradient("ScalarSummary", "HistogramSummary", "MergeSummary")
