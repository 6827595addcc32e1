"""Momentum: steps along a decaying sum of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.optimizer import Optimizer, as_dtype_of


@export("train.MomentumOptimizer")
class MomentumOptimizer(Optimizer):
    """``accumulation = momentum * accumulation + gradient; var -= learning_rate * accumulation``.

    With `use_nesterov` the step is taken with the accumulation that the next gradient would
    meet: ``var -= learning_rate * (gradient + momentum * accumulation)``. Slot: momentum.
    """

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        """Take step size and decay."""
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        for var in var_list:
            self._zeros_slot(var, "momentum", self._name)

    def _prepare(self) -> None:
        self._rate = self._hyper(self._learning_rate, "learning_rate")
        self._decay = self._hyper(self._momentum, "momentum")

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        result: Operation = raw.ResourceApplyMomentum(
            var.handle,
            self.get_slot(var, "momentum").handle,
            as_dtype_of(self._rate, var),
            grad,
            as_dtype_of(self._decay, var),
            use_locking=self._use_locking,
            use_nesterov=self._use_nesterov,
        )
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        result: Operation = raw.ResourceSparseApplyMomentum(
            var.handle,
            self.get_slot(var, "momentum").handle,
            as_dtype_of(self._rate, var),
            grad.values,
            grad.indices,
            as_dtype_of(self._decay, var),
            use_locking=self._use_locking,
            use_nesterov=self._use_nesterov,
        )
        return result
