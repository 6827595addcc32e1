"""Slices of variables: gathering and scattering, and the older reference form of the latter."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.slicing import MASK_ATTRS, strided_shape
from penstock.ops.state import variable_dims
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _gathered(ctx: ShapeContext) -> list[Dims]:
    dims, indices = variable_dims(ctx.inputs[0]), ctx.shape(1)
    if dims is None or indices is None:
        return [None]
    if not dims:
        ctx.fail("the variable is a scalar: there is nothing to gather")
    batch = ctx.attr("batch_dims")
    return [dims[:batch] + indices[batch:] + dims[batch + 1 :]]


define_op(
    "ResourceGather",
    inputs="resource: resource, indices: Tindices",
    outputs="output: dtype",
    attrs="batch_dims: int = 0, validate_indices: bool = True, dtype: type, Tindices: index",
    shape=_gathered,
    stateful=True,
    doc="The rows of the variable at `indices`.",
)


@gradient("ResourceGather")
def _resource_gather_grad(op: Operation, dy: Tensor) -> Any:
    if op.get_attr("batch_dims"):
        raise LookupError(f'"{op.name}": ResourceGather with batch_dims has no gradient')
    handle, indices = op.inputs
    shape = raw.VariableShape(handle, out_type=indices.dtype)
    return rows_gradient(dy, indices, shape), None


def rows_gradient(dy: Tensor, indices: Tensor, shape: Tensor) -> IndexedSlices:
    """Return the gradient of gathering rows of a tensor of that shape."""
    flat = raw.Reshape(indices, [-1])
    if indices._dims is not None and len(indices._dims) == 1:
        return IndexedSlices(dy, indices, shape)
    count = raw.Reshape(raw.Size(indices, out_type=shape.dtype), [1])
    tail = raw.StridedSlice(shape, [1], [0], [1], end_mask=1)
    return IndexedSlices(raw.Reshape(dy, raw.ConcatV2([count, tail], 0)), flat, shape)


def _gathered_nd(ctx: ShapeContext) -> list[Dims]:
    dims, indices = variable_dims(ctx.inputs[0]), ctx.shape(1)
    if dims is None or not indices or indices[-1] is None:
        return [None]
    return [indices[:-1] + dims[indices[-1] :]]


define_op(
    "ResourceGatherNd",
    inputs="resource: resource, indices: Tindices",
    outputs="output: dtype",
    attrs="dtype: type, Tindices: index",
    shape=_gathered_nd,
    stateful=True,
    doc="The slices of the variable at the positions that the rows of `indices` name.",
)


@gradient("ResourceGatherNd")
def _resource_gather_nd_grad(op: Operation, dy: Tensor) -> Any:
    handle, indices = op.inputs
    return raw.ScatterNd(indices, dy, raw.VariableShape(handle, out_type=indices.dtype)), None


def check_rows(dims: Dims, indices: Dims, updates: Dims) -> None:
    """Raise unless `updates` may be scalar or fits `indices` and the rows of `dims`."""
    if updates != () and dims is not None and indices is not None:
        shapes.merge(updates, indices + dims[1:])


def _rows_of_variable(ctx: ShapeContext) -> list[Dims]:
    check_rows(variable_dims(ctx.inputs[0]), ctx.shape(1), ctx.shape(2))
    return []


def _rows_of_reference(ctx: ShapeContext) -> list[Dims]:
    check_rows(*ctx.shapes)
    return [ctx.shape(0)]


def _define_rows(kind: str, types: str, what: str, by_reference: str = "") -> None:
    locking = kind == "Update"
    define_op(
        f"ResourceScatter{kind}",
        inputs="resource: resource, indices: Tindices, updates: dtype",
        attrs=f"dtype: {types}, Tindices: index",
        shape=_rows_of_variable,
        stateful=True,
        doc=f"{what} at `indices`; repeated indices apply in turn.",
    )
    define_op(
        f"Scatter{kind}",
        inputs="ref: Ref(T), indices: Tindices, updates: T",
        outputs="output_ref: Ref(T)",
        attrs=f"T: {by_reference or types}, Tindices: index, use_locking: bool = {locking}",
        shape=_rows_of_reference,
        stateful=True,
        doc=f"{what} at `indices`, through a reference (imported graphs).",
    )
    no_gradient(f"ResourceScatter{kind}", f"Scatter{kind}")


_ORDERED = "{floating, int32, int64}"
_define_rows("Update", "type", "Replace the rows of the variable")
_define_rows("Add", "number", "Add to the rows of the variable")
_define_rows("Sub", "number", "Subtract from the rows of the variable")
_define_rows("Mul", "number", "Multiply the rows of the variable")
_define_rows("Div", "number", "Divide the rows of the variable")
_define_rows("Min", "number", "Take the minimum with the rows of the variable", _ORDERED)
_define_rows("Max", "number", "Take the maximum with the rows of the variable", _ORDERED)


def _define_positions(kind: str, types: str, what: str) -> None:
    tail = "Tindices: index, use_locking: bool = {}, bad_indices_policy: string = ''"
    define_op(
        f"ResourceScatterNd{kind}",
        inputs="ref: resource, indices: Tindices, updates: T",
        attrs="T: type, " + tail.format(True),
        shape=lambda ctx: [],
        stateful=True,
        doc=f"{what} at the positions that the rows of `indices` name.",
    )
    define_op(
        f"ScatterNd{kind}",
        inputs="ref: Ref(T), indices: Tindices, updates: T",
        outputs="output_ref: Ref(T)",
        attrs=f"T: {types}, " + tail.format(kind == "Update"),
        shape=lambda ctx: [ctx.shape(0)],
        stateful=True,
        doc=f"{what} at positions, through a reference (imported graphs).",
    )
    no_gradient(f"ResourceScatterNd{kind}", f"ScatterNd{kind}")


_define_positions("Update", "type", "Replace slices of the variable")
_define_positions("Add", "number", "Add to slices of the variable")
_define_positions("Sub", "number", "Subtract from slices of the variable")


# ---- the part that an index with ranges and strides takes


def _part_of_variable(ctx: ShapeContext) -> list[Dims]:
    shapes.merge(strided_shape(ctx, variable_dims(ctx.inputs[0])), ctx.shape(4))
    return []


def _part_of_reference(ctx: ShapeContext) -> list[Dims]:
    shapes.merge(strided_shape(ctx, ctx.shape(0)), ctx.shape(4))
    return [ctx.shape(0)]


define_op(
    "ResourceStridedSliceAssign",
    inputs="ref: resource, begin: Index, end: Index, strides: Index, value: T",
    attrs=f"T: type, Index: index, {MASK_ATTRS}",
    shape=_part_of_variable,
    stateful=True,
    doc="Replace the part of the variable that `StridedSlice` would take of it.",
)
define_op(
    "StridedSliceAssign",
    inputs="ref: Ref(T), begin: Index, end: Index, strides: Index, value: T",
    outputs="output_ref: Ref(T)",
    attrs=f"T: type, Index: index, {MASK_ATTRS}",
    shape=_part_of_reference,
    stateful=True,
    doc="Replace a part of the variable, through a reference (imported graphs).",
)
no_gradient("ResourceStridedSliceAssign", "StridedSliceAssign")
