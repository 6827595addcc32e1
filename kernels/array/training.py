"""Optimizer updates: functions of a weight, its slots and the gradient, assigned at the end.

A rule says how many variables an op has, which inputs are the gradient and the row numbers, and
the formula; everything else is shared. Formulas are `fn(xp, values, gradient, scalars, attrs)`
and return the new values. Sparse updates with an index several times apply one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.indices import checked_indices, rounds
from penstock.kernels.array.table import (
    ANALYTIC,
    FLOATS,
    kernel,
    require,
    shape_text,
    widened,
)
from penstock.kernels.array.update_rules import FORMULAS, Formula


class Rule(NamedTuple):
    """What an op's inputs are. `indices` is None for dense gradients."""

    formula: str
    variables: int
    gradient: int
    indices: int | None = None


_DENSE: dict[str, Rule] = {
    "GradientDescent": Rule("descent", 1, 2),
    "Momentum": Rule("momentum", 2, 3),
    "KerasMomentum": Rule("keras_momentum", 2, 3),
    "Adagrad": Rule("adagrad", 2, 3),
    "AdagradV2": Rule("adagrad", 2, 4),
    "Adam": Rule("adam", 3, 9),
    "RMSProp": Rule("rms_prop", 3, 7),
    "CenteredRMSProp": Rule("centered_rms_prop", 4, 8),
    "Adadelta": Rule("adadelta", 3, 6),
    "Ftrl": Rule("ftrl", 3, 3),
    "FtrlV2": Rule("ftrl_v2", 3, 3),
    "ProximalGradientDescent": Rule("proximal_descent", 1, 4),
    "ProximalAdagrad": Rule("proximal_adagrad", 2, 5),
    "AdagradDA": Rule("adagrad_da", 3, 3),
}
_WITHOUT_ROWS = {"GradientDescent", "Adam", "AdagradV2"}
_REAL_ONLY = {"Ftrl", "FtrlV2", "ProximalGradientDescent", "ProximalAdagrad", "AdagradDA"}


def _scalars(rule: Rule, inputs: tuple[Any, ...]) -> list[Array]:
    found = []
    for i, value in enumerate(inputs):
        if i < rule.variables or i in (rule.gradient, rule.indices):
            continue
        require(
            value.ndim == 0,
            f"input {i} is a hyperparameter and must be a scalar, got shape "
            f"{shape_text(value.shape)}",
        )
        if value.dtype.kind == "c":
            require(
                not bool(value.imag != 0),
                f"input {i} is a hyperparameter and must be real, got {complex(value)}",
            )
        found.append(widened(value))
    return found


def _updated_all(
    xp: Any, formula: Formula, values: list[Array], grad: Array, s: list[Array], attrs: Any
) -> list[Array]:
    require(
        grad.shape == values[0].shape,
        f"the weight has shape {shape_text(values[0].shape)}, the gradient has "
        f"{shape_text(grad.shape)}",
    )
    return list(formula(xp, [widened(v) for v in values], widened(grad), s, attrs))


def _updated_rows(
    xp: Any,
    formula: Formula,
    values: list[Array],
    grad: Array,
    indices: Array,
    s: list[Array],
    attrs: Mapping[str, Any],
) -> list[Array]:
    shape = values[0].shape
    require(len(shape) > 0, "the weight is a scalar: it has no rows to update")
    require(indices.ndim == 1, f"indices must be a vector, got shape {shape_text(indices.shape)}")
    require(
        grad.shape == (*indices.shape, *shape[1:]),
        f"the gradient must have shape {shape_text((*indices.shape, *shape[1:]))} (indices, then "
        f"a row of the weight), got {shape_text(grad.shape)}",
    )
    rows = checked_indices(xp, indices, shape[0])
    results = [value.copy() for value in values]
    for group in rounds(xp, rows):
        at = rows[group]
        old = [widened(result[at]) for result in results]
        changed = formula(xp, old, widened(grad[group]), s, attrs)
        for result, new in zip(results, changed, strict=True):
            result[at] = new.astype(result.dtype, copy=False)
    return results


def _values(variables: tuple[Any, ...]) -> list[Array]:
    """Return the weight and its slots: different variables of one shape."""
    names = [variable.name for variable in variables]
    for name in names:
        require(
            names.count(name) == 1,
            f'variable "{name}" is given twice: the weight and its slots must be different '
            "variables",
        )
    values = [variable.read() for variable in variables]
    for name, value in zip(names, values, strict=True):
        require(
            value.shape == values[0].shape,
            f'variable "{name}" has shape {shape_text(value.shape)}, the weight has '
            f"{shape_text(values[0].shape)}",
        )
    return values


def _update(rule: Rule) -> Callable[..., Any]:
    formula = FORMULAS[rule.formula]

    def compute(xp: Any, node: KernelNode, *inputs: Any) -> Any:
        variables = inputs[: rule.variables]
        values = _values(variables)
        s, grad = _scalars(rule, inputs), inputs[rule.gradient]
        if rule.indices is None:
            results = _updated_all(xp, formula, values, grad, s, node.attrs)
        else:
            indices = inputs[rule.indices]
            results = _updated_rows(xp, formula, values, grad, indices, s, node.attrs)
        for variable, value, result in zip(variables, values, results, strict=True):
            if result is not value:
                variable.assign(result.astype(value.dtype, copy=False))
        return ()

    return compute


for _name, _rule in _DENSE.items():
    _types = FLOATS if _name in _REAL_ONLY else ANALYTIC
    kernel(f"ResourceApply{_name}", T=_types)(_update(_rule))
    if _name not in _WITHOUT_ROWS:
        _sparse = _rule._replace(indices=_rule.gradient + 1)
        kernel(f"ResourceSparseApply{_name}", T=_types)(_update(_sparse))
