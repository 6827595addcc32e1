"""RMSProp: steps scaled by a running mean of squared gradients, with momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.optimizer import Optimizer, as_dtype_of


@export("train.RMSPropOptimizer")
class RMSPropOptimizer(Optimizer):
    """Divide the gradient by the root of the running mean of its square.

    ``rms = decay * rms + (1 - decay) * gradient²``, then
    ``step = momentum * step + learning_rate * gradient / sqrt(rms + epsilon)``, then
    ``var -= step``. With `centered` the running mean of the gradient (slot mg), squared, is
    taken from rms: an estimate of the variance. Slots: rms (starts as ones), momentum, mg.
    """

    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        """Take the hyperparameters."""
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._decay = decay
        self._momentum = momentum
        self._epsilon = epsilon
        self._centered = centered

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        for var in var_list:
            self._ones_slot(var, "rms", self._name)
            if self._centered:
                self._zeros_slot(var, "mg", self._name)
            self._zeros_slot(var, "momentum", self._name)

    def _prepare(self) -> None:
        self._hypers = [
            self._hyper(self._learning_rate, "learning_rate"),
            self._hyper(self._decay, "decay"),
            self._hyper(self._momentum, "momentum"),
            self._hyper(self._epsilon, "epsilon"),
        ]

    def _arguments(self, var: Any) -> list[Any]:
        names = ["mg", "rms", "momentum"] if self._centered else ["rms", "momentum"]
        slots = [self.get_slot(var, name).handle for name in names]
        return [var.handle, *slots, *[as_dtype_of(h, var) for h in self._hypers]]

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        op = raw.ResourceApplyCenteredRMSProp if self._centered else raw.ResourceApplyRMSProp
        result: Operation = op(*self._arguments(var), grad, use_locking=self._use_locking)
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        op = (
            raw.ResourceSparseApplyCenteredRMSProp
            if self._centered
            else raw.ResourceSparseApplyRMSProp
        )
        result: Operation = op(
            *self._arguments(var), grad.values, grad.indices, use_locking=self._use_locking
        )
        return result
