"""Optimizer updates in place: one launch for a weight and its slots. See cuda/training.cu.

Hyperparameters are read in device memory: nobody waits for a learning rate that was computed there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from penstock import dtypes
from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import FLOATS, require, shape_text
from penstock.kernels.gpu import faults, sources
from penstock.kernels.gpu.table import kernel
from penstock.kernels.gpu.variables import common_shape, own_value


class Rule(NamedTuple):
    """Which kernel an op runs and what its inputs are."""

    name: Callable[[Mapping[str, Any]], str]
    variables: int
    gradient: int


def _fixed(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda attrs: name


def _nesterov(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda attrs: name + ("_nesterov" if attrs.get("use_nesterov", False) else "")


def _adagrad(attrs: Mapping[str, Any]) -> str:
    return "adagrad" if attrs.get("update_slots", True) else "adagrad_frozen"


_RULES = {
    "GradientDescent": Rule(_fixed("gradient_descent"), 1, 2),
    "Momentum": Rule(_nesterov("momentum"), 2, 3),
    "KerasMomentum": Rule(_nesterov("keras_momentum"), 2, 3),
    "Adagrad": Rule(_adagrad, 2, 3),
    "AdagradV2": Rule(_adagrad, 2, 4),
    "Adam": Rule(_nesterov("adam"), 3, 9),
    "RMSProp": Rule(_fixed("rms_prop"), 3, 7),
    "CenteredRMSProp": Rule(_fixed("centered_rms_prop"), 4, 8),
    "Adadelta": Rule(_fixed("adadelta"), 3, 6),
}
_DENSE_ONLY = {"GradientDescent", "Adam", "AdagradV2"}


def _scalars(rule: Rule, inputs: Sequence[Any], sparse: bool) -> list[Array | None]:
    taken = {rule.gradient, rule.gradient + 1} if sparse else {rule.gradient}
    found: list[Array | None] = []
    for i in range(rule.variables, len(inputs)):
        if i in taken:
            continue
        require(
            inputs[i].ndim == 0,
            f"input {i} is a hyperparameter and must be a scalar, got shape "
            f"{shape_text(inputs[i].shape)}",
        )
        found.append(inputs[i])
    return found + [None] * (6 - len(found))


def _require_rows(shape: tuple[int, ...], grad: Array, indices: Array) -> None:
    require(len(shape) > 0, "the weight is a scalar: it has no rows to update")
    require(indices.ndim == 1, f"indices must be a vector, got shape {shape_text(indices.shape)}")
    expected = (*indices.shape, *shape[1:])
    require(
        grad.shape == expected,
        f"the gradient must have shape {shape_text(expected)} (indices, then a row of the "
        f"weight), got {shape_text(grad.shape)}",
    )


def _update(rule: Rule, sparse: bool) -> Callable[..., Any]:
    def compute(device: Any, node: KernelNode, *inputs: Any) -> Any:
        handles, grad = inputs[: rule.variables], inputs[rule.gradient]
        shape = common_shape(handles, grad.dtype)
        scalars = _scalars(rule, inputs, sparse)
        if sparse:
            _require_rows(shape, grad, inputs[rule.gradient + 1])
        else:
            require(
                grad.shape == shape,
                f"the weight has shape {shape_text(shape)}, the gradient has "
                f"{shape_text(grad.shape)}",
            )
        if grad.size == 0:
            return ()
        values = [own_value(device, handle) for handle in handles]
        given = [*values, *[None] * (4 - len(values)), grad, *scalars]
        name, dtype = rule.name(node.attrs), node.attrs["T"]
        if sparse:
            rows, order = _sorted(device, inputs[rule.gradient + 1])
            site = device.faults.expect(node.name, node.op, faults.index_text(rows.shape))
            given += [rows, order, int(rows.size), grad.size // rows.size, shape[0]]
            given += [device.faults.record, site]
            name += "_rows"
        else:
            given.append(int(grad.size))
        sources.launch("training", name, dtype, sources.over(grad.size), given)
        for handle, value in zip(handles, values, strict=True):
            handle.assign(value)
        return ()

    return compute


def _sorted(device: Any, indices: Array) -> tuple[Array, Array]:
    """Return indices in ascending order and where each stood, equal ones in their order."""
    wide = indices.astype(dtypes.int64.numpy_dtype, copy=False)
    order = device.stable_order(wide)
    return wide[order], order


for _name, _rule in _RULES.items():
    kernel(f"ResourceApply{_name}", T=FLOATS)(_update(_rule, sparse=False))
    if _name not in _DENSE_ONLY:
        kernel(f"ResourceSparseApply{_name}", T=FLOATS)(_update(_rule, sparse=True))
