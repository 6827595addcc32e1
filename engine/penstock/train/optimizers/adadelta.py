"""Adadelta: steps in proportion to the size of past steps, without a unit of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.optimizer import Optimizer, as_dtype_of


@export("train.AdadeltaOptimizer")
class AdadeltaOptimizer(Optimizer):
    """Scale the gradient by the ratio of running means of past steps and past gradients.

    ``accum = rho * accum + (1 - rho) * gradient²``;
    ``step = gradient * sqrt(accum_update + epsilon) / sqrt(accum + epsilon)``;
    ``accum_update = rho * accum_update + (1 - rho) * step²; var -= learning_rate * step``.
    Slots: accum and accum_update.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Any = 0.95,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adadelta",
    ) -> None:
        """Take the hyperparameters."""
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._rho = rho
        self._epsilon = epsilon

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        for var in var_list:
            self._zeros_slot(var, "accum", self._name)
            self._zeros_slot(var, "accum_update", self._name)

    def _prepare(self) -> None:
        self._hypers = [
            self._hyper(self._learning_rate, "lr"),
            self._hyper(self._rho, "rho"),
            self._hyper(self._epsilon, "epsilon"),
        ]

    def _arguments(self, var: Any) -> list[Any]:
        slots = [self.get_slot(var, name).handle for name in ("accum", "accum_update")]
        return [var.handle, *slots, *[as_dtype_of(h, var) for h in self._hypers]]

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        result: Operation = raw.ResourceApplyAdadelta(
            *self._arguments(var), grad, use_locking=self._use_locking
        )
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        result: Operation = raw.ResourceSparseApplyAdadelta(
            *self._arguments(var), grad.values, grad.indices, use_locking=self._use_locking
        )
        return result
