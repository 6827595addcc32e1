"""Variables as ops: handles, reading and assigning, and their older reference form.

Reference ops (`VariableV2`, `Assign`, …) occur in imported graphs. They have definitions here
but no kernels: the pass `lower_references` turns them into the resource ops above them.
"""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.shapes import Dims

_PASS_ON = ("Identity", "Switch", "Enter", "RefEnter")


def variable_dims(handle: Tensor) -> Dims:
    """Return what is known of the shape of the variable that a handle stands for."""
    op = handle.op
    while op.type in _PASS_ON and op._inputs:
        op = op._inputs[0].op
    shape = op._attrs.get("shape") if op.type == "VarHandleOp" else None
    return None if shape is None else shape._dims


define_op(
    "VarHandleOp",
    outputs="resource: resource",
    attrs="container: string = '', shared_name: string = '', debug_name: string = '', "
    "dtype: type, shape: shape, allowed_devices: list(string) = []",
    shape=lambda ctx: [()],
    stateful=True,
    doc="A handle to the variable of that name, which the session holds.",
)
define_op(
    "VarIsInitializedOp",
    inputs="resource: resource",
    outputs="is_initialized: bool",
    shape=lambda ctx: [()],
    stateful=True,
    doc="Whether the variable has a value.",
)


def _variable_shape_shape(ctx: ShapeContext) -> list[Dims]:
    dims = variable_dims(ctx.inputs[0])
    return [(None if dims is None else len(dims),)]


define_op(
    "VariableShape",
    inputs="input: resource",
    outputs="output: out_type",
    attrs="out_type: index = int32",
    shape=_variable_shape_shape,
    stateful=True,
    doc="The shape of the variable's value.",
)
define_op(
    "ReadVariableOp",
    inputs="resource: resource",
    outputs="value: dtype",
    attrs="dtype: type",
    shape=lambda ctx: [variable_dims(ctx.inputs[0])],
    stateful=True,
    doc="The value of the variable; `FailedPreconditionError` before the first assignment.",
)
define_op(
    "DestroyResourceOp",
    inputs="resource: resource",
    attrs="ignore_lookup_error: bool = True",
    shape=lambda ctx: [],
    stateful=True,
    doc="Take the variable's value away.",
)
no_gradient("VarHandleOp", "VarIsInitializedOp", "VariableShape", "DestroyResourceOp")


@gradient("ReadVariableOp")
def _read_grad(_: Operation, dy: Tensor) -> Any:
    return dy


def _fits_variable(ctx: ShapeContext) -> list[Dims]:
    shapes.merge(variable_dims(ctx.inputs[0]), ctx.shape(1))
    return []


define_op(
    "AssignVariableOp",
    inputs="resource: resource, value: dtype",
    attrs="dtype: type, validate_shape: bool = False",
    shape=_fits_variable,
    stateful=True,
    doc="Give the variable a value.",
)
define_op(
    "AssignAddVariableOp",
    inputs="resource: resource, value: dtype",
    attrs="dtype: type",
    shape=_fits_variable,
    stateful=True,
    doc="Add to the variable.",
)
define_op(
    "AssignSubVariableOp",
    inputs="resource: resource, value: dtype",
    attrs="dtype: type",
    shape=_fits_variable,
    stateful=True,
    doc="Subtract from the variable.",
)
define_op(
    "ResourceCountUpTo",
    inputs="resource: resource",
    outputs="output: T",
    attrs="limit: int, T: index",
    shape=lambda ctx: [()],
    stateful=True,
    doc="The variable's value before it is raised by one; `OutOfRangeError` at the limit.",
)
no_gradient("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "ResourceCountUpTo")


# ---- the reference form


def _declared(ctx: ShapeContext) -> list[Dims]:
    return [ctx.attr("shape")._dims]


def _declared_old(ctx: ShapeContext) -> list[Dims]:
    """Read the oldest form, where the shape [] meant that it was not known."""
    return [ctx.attr("shape")._dims or None]


for _name, _rule in (("VariableV2", _declared), ("Variable", _declared_old)):
    define_op(
        _name,
        outputs="ref: Ref(dtype)",
        attrs="shape: shape, dtype: type, container: string = '', shared_name: string = ''",
        shape=_rule,
        stateful=True,
        doc="A reference to the variable of that name (imported graphs).",
    )
define_op(
    "TemporaryVariable",
    outputs="ref: Ref(dtype)",
    attrs="shape: shape, dtype: type, var_name: string = ''",
    shape=_declared,
    stateful=True,
    doc="A reference to a variable that lives for one step (imported graphs).",
)
define_op(
    "DestroyTemporaryVariable",
    inputs="ref: Ref(T)",
    outputs="value: T",
    attrs="T: type, var_name: string",
    shape=lambda ctx: [ctx.shape(0)],
    stateful=True,
    doc="The last value of a temporary variable (imported graphs).",
)
define_op(
    "IsVariableInitialized",
    inputs="ref: Ref(dtype)",
    outputs="is_initialized: bool",
    attrs="dtype: type",
    shape=lambda ctx: [()],
    stateful=True,
    doc="Whether the referenced variable has a value (imported graphs).",
)
define_op(
    "CountUpTo",
    inputs="ref: Ref(T)",
    outputs="output: T",
    attrs="limit: int, T: index",
    shape=lambda ctx: [()],
    stateful=True,
    doc="The referenced variable's value before it is raised by one (imported graphs).",
)


def _assigned(ctx: ShapeContext) -> list[Dims]:
    return [shapes.merge(*ctx.shapes) if ctx.attr("validate_shape") else ctx.shape(1)]


define_op(
    "Assign",
    inputs="ref: Ref(T), value: T",
    outputs="output_ref: Ref(T)",
    attrs="T: type, validate_shape: bool = True, use_locking: bool = True",
    shape=_assigned,
    stateful=True,
    doc="Give the referenced variable a value (imported graphs).",
)
for _name in ("AssignAdd", "AssignSub"):
    define_op(
        _name,
        inputs="ref: Ref(T), value: T",
        outputs="output_ref: Ref(T)",
        attrs="T: number, use_locking: bool = False",
        shape=lambda ctx: [shapes.merge(*ctx.shapes)],
        stateful=True,
        doc="Add to, or subtract from, the referenced variable (imported graphs).",
    )
no_gradient(
    "VariableV2",
    "Variable",
    "TemporaryVariable",
    "DestroyTemporaryVariable",
    "IsVariableInitialized",
    "CountUpTo",
    "Assign",
    "AssignAdd",
    "AssignSub",
)
