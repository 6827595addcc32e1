"""Adam: steps along the running mean of gradients, scaled by that of their squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import control
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.optimizer import Optimizer, as_dtype_of
from penstock.variables.variable import Variable


@export("train.AdamOptimizer")
class AdamOptimizer(Optimizer):
    """Adam, with the means corrected for their start at zero.

    ``m = beta1 * m + (1 - beta1) * gradient; v = beta2 * v + (1 - beta2) * gradient²``, then
    ``var -= learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)``.
    A sparse gradient decays all of m and v and moves all of var, as a dense one with zeros
    would. Slots: m and v; beta1_power and beta2_power are variables of the optimizer.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
        use_own_namescope_for_non_slot_vars: bool = False,
    ) -> None:
        """Take the hyperparameters."""
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._beta1 = beta1
        self._beta2 = beta2
        self._epsilon = epsilon
        self._powers_prefix = name + "/" if use_own_namescope_for_non_slot_vars else ""

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        # Beside the variable that sorts first, so that the device does not depend on the order.
        first = min(var_list, key=lambda v: str(v.name))
        for value, name in ((self._beta1, "beta1_power"), (self._beta2, "beta2_power")):
            start = self._call_if_callable(value)
            self._slots.find_or_make_other(start, self._powers_prefix + name, first)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _prepare(self) -> None:
        self._rate = self._hyper(self._learning_rate, "learning_rate")
        self._beta1_t = self._hyper(self._beta1, "beta1")
        self._beta2_t = self._hyper(self._beta2, "beta2")
        self._epsilon_t = self._hyper(self._epsilon, "epsilon")
        powers = self._beta_powers(self._rate.graph)
        self._power1, self._power2 = (p.value() for p in powers)

    def _beta_powers(self, graph: Any) -> tuple[Variable, Variable]:
        names = (self._powers_prefix + "beta1_power", self._powers_prefix + "beta2_power")
        first, second = (self._slots.find_other(name, graph) for name in names)
        assert first is not None and second is not None
        return first, second

    def _get_beta_accumulators(self) -> tuple[Variable, Variable]:
        """Return the variables that hold beta1^t and beta2^t."""
        return self._beta_powers(self._rate.graph)

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        hypers = (self._power1, self._power2, self._rate)
        more = (self._beta1_t, self._beta2_t, self._epsilon_t)
        result: Operation = raw.ResourceApplyAdam(
            var.handle,
            self.get_slot(var, "m").handle,
            self.get_slot(var, "v").handle,
            *[as_dtype_of(h, var) for h in (*hypers, *more)],
            grad,
            use_locking=self._use_locking,
        )
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        beta1, beta2 = as_dtype_of(self._beta1_t, var), as_dtype_of(self._beta2_t, var)
        power1, power2 = as_dtype_of(self._power1, var), as_dtype_of(self._power2, var)
        rate = as_dtype_of(self._rate, var) * raw.Sqrt(1.0 - power2) / (1.0 - power1)
        g = grad.values
        m = _follow(self.get_slot(var, "m"), beta1, grad.with_values(g * (1.0 - beta1)))
        v = _follow(self.get_slot(var, "v"), beta2, grad.with_values(g * g * (1.0 - beta2)))
        step = rate * m / (raw.Sqrt(v) + as_dtype_of(self._epsilon_t, var))
        result: Operation = var.assign_sub(step, read_value=False)
        return result

    def _finish(self, update_ops: list[Operation], name_scope: str) -> Operation:
        powers = self._beta_powers(update_ops[0].graph)
        with control.control_dependencies(update_ops):
            grown = [
                power.assign(power * as_dtype_of(beta, power), read_value=False)
                for power, beta in zip(powers, (self._beta1_t, self._beta2_t), strict=True)
            ]
        return control.group(*update_ops, *grown, name=name_scope)


def _follow(slot: Variable, decay: Tensor, delta: IndexedSlices) -> Tensor:
    """Set a slot to ``decay * slot + delta`` and return its new value."""
    result: Tensor = slot.assign(slot * decay).scatter_add(delta).value()
    return result
