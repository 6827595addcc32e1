"""Optimizer updates: one op reads a gradient and changes a variable and its slots in place.

Each row of the table gives two ops: `Resource<name>` on resource variables, and `<name>` on
references, which occurs in imported graphs and is lowered to the first.
"""

from __future__ import annotations

from collections.abc import Callable

from penstock import shapes
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, no_gradient
from penstock.ops.state import variable_dims
from penstock.shapes import Dims

_LOCKING = "use_locking: bool = False"
_NESTEROV = f"{_LOCKING}, use_nesterov: bool = False"
_SLOTS = f"{_LOCKING}, update_slots: bool = True"
_BY_LR = f"{_LOCKING}, multiply_linear_by_lr: bool = False"

# name: variables; other inputs; attributes; text
_UPDATES: dict[str, tuple[str, str, str, str]] = {
    "ApplyGradientDescent": ("var", "alpha delta", _LOCKING, "var -= alpha * delta"),
    "ApplyMomentum": (
        "var accum",
        "lr grad momentum",
        _NESTEROV,
        "accum = momentum * accum + grad; var -= lr * accum",
    ),
    "ApplyAdagrad": (
        "var accum",
        "lr grad",
        _SLOTS,
        "accum += grad²; var -= lr * grad / sqrt(accum)",
    ),
    "ApplyAdagradV2": (
        "var accum",
        "lr epsilon grad",
        _SLOTS,
        "accum += grad²; var -= lr * grad / (sqrt(accum) + epsilon)",
    ),
    "ApplyAdam": (
        "var m v",
        "beta1_power beta2_power lr beta1 beta2 epsilon grad",
        _NESTEROV,
        "m and v follow grad and grad²; var -= lr' * m / (sqrt(v) + epsilon)",
    ),
    "ApplyRMSProp": (
        "var ms mom",
        "lr rho momentum epsilon grad",
        _LOCKING,
        "ms follows grad²; mom = momentum * mom + lr * grad / sqrt(ms + epsilon); var -= mom",
    ),
    "ApplyCenteredRMSProp": (
        "var mg ms mom",
        "lr rho momentum epsilon grad",
        _LOCKING,
        "as ApplyRMSProp, with the variance of the gradient in place of its mean square",
    ),
    "ApplyAdadelta": (
        "var accum accum_update",
        "lr rho epsilon grad",
        _LOCKING,
        "steps in proportion to the root mean square of past steps and gradients",
    ),
    "ApplyFtrl": (
        "var accum linear",
        "grad lr l1 l2 lr_power",
        _BY_LR,
        "follow the regularised leader: weights below l1 become exactly zero",
    ),
    "ApplyFtrlV2": (
        "var accum linear",
        "grad lr l1 l2 l2_shrinkage lr_power",
        _BY_LR,
        "ApplyFtrl with a penalty on the weight's size",
    ),
    "ApplyProximalGradientDescent": (
        "var",
        "alpha l1 l2 delta",
        _LOCKING,
        "a step of gradient descent, then var is shrunk by l1 and l2: small weights become zero",
    ),
    "ApplyProximalAdagrad": (
        "var accum",
        "lr l1 l2 grad",
        _LOCKING,
        "a step of Adagrad, then var is shrunk by l1 and l2: small weights become zero",
    ),
    "ApplyAdagradDA": (
        "var gradient_accumulator gradient_squared_accumulator",
        "grad lr l1 l2 global_step",
        _LOCKING,
        "dual averaging: var from the sums of all gradients and of their squares",
    ),
}

_SPARSE_UPDATES: dict[str, tuple[str, str, str]] = {
    "SparseApplyMomentum": ("var accum", "lr grad indices momentum", _NESTEROV),
    "SparseApplyAdagrad": ("var accum", "lr grad indices", _SLOTS),
    "SparseApplyRMSProp": ("var ms mom", "lr rho momentum epsilon grad indices", _LOCKING),
    "SparseApplyCenteredRMSProp": (
        "var mg ms mom",
        "lr rho momentum epsilon grad indices",
        _LOCKING,
    ),
    "SparseApplyAdadelta": (
        "var accum accum_update",
        "lr rho epsilon grad indices",
        _LOCKING,
    ),
    "SparseApplyFtrl": ("var accum linear", "grad indices lr l1 l2 lr_power", _BY_LR),
    "SparseApplyFtrlV2": (
        "var accum linear",
        "grad indices lr l1 l2 l2_shrinkage lr_power",
        _BY_LR,
    ),
    "SparseApplyProximalGradientDescent": ("var", "alpha l1 l2 grad indices", _LOCKING),
    "SparseApplyProximalAdagrad": ("var accum", "lr l1 l2 grad indices", _LOCKING),
    "SparseApplyAdagradDA": (
        "var gradient_accumulator gradient_squared_accumulator",
        "grad indices lr l1 l2 global_step",
        _LOCKING,
    ),
}


def _rule(
    variables: int, names: list[str], on_references: bool
) -> Callable[[ShapeContext], list[Dims]]:
    """Return the shape rule: weight and slots agree, the gradient fits, the rest is scalar."""
    gradient = next(i for i, n in enumerate(names) if n in ("grad", "delta"))
    indices = names.index("indices") if "indices" in names else None

    def rule(ctx: ShapeContext) -> list[Dims]:
        dims: Dims = None
        for i in range(variables):
            own = ctx.shape(i) if on_references else variable_dims(ctx.inputs[i])
            dims = shapes.merge(dims, own)
        for i in range(variables, len(names)):
            if i not in (gradient, indices):
                ctx.rank_is(i, 0)
        expected = dims
        if indices is not None and dims is not None:
            (count,) = ctx.rank_is(indices, 1) or (None,)
            expected = (count, *dims[1:])
        shapes.merge(expected, ctx.shape(gradient))
        return [dims] if on_references else []

    return rule


def _define(name: str, variables: str, others: str, attrs: str, doc: str) -> None:
    heads, rest = variables.split(), others.split()
    types = {"indices": "Tindices", "global_step": "int64"}
    tail = ", ".join(f"{n}: {types.get(n, 'T')}" for n in rest)
    head_attrs = "T: number" + (", Tindices: index" if "indices" in rest else "")
    names = [*heads, *rest]
    define_op(
        f"Resource{name}",
        inputs=", ".join(f"{n}: resource" for n in heads) + f", {tail}",
        attrs=f"{head_attrs}, {attrs}",
        shape=_rule(len(heads), names, False),
        stateful=True,
        doc=doc,
    )
    no_gradient(f"Resource{name}")
    if "Keras" in name:
        return
    define_op(
        name,
        inputs=", ".join(f"{n}: Ref(T)" for n in heads) + f", {tail}",
        outputs="out: Ref(T)",
        attrs=f"{head_attrs}, {attrs}",
        shape=_rule(len(heads), names, True),
        stateful=True,
        doc=f"{doc} (imported graphs).",
    )
    no_gradient(name)


for _name, _row in _UPDATES.items():
    _define(_name, *_row)
for _name, (_variables, _others, _attrs) in _SPARSE_UPDATES.items():
    _dense = _name.removeprefix("Sparse")
    _define(_name, _variables, _others, _attrs, f"`{_dense}` for the rows at `indices` only")
_KERAS = "accum = momentum * accum - lr * grad; var += accum"
_define("ApplyKerasMomentum", "var accum", "lr grad momentum", _NESTEROV, _KERAS)
_define(
    "SparseApplyKerasMomentum",
    "var accum",
    "lr grad indices momentum",
    _NESTEROV,
    "`ApplyKerasMomentum` for the rows at `indices` only",
)
