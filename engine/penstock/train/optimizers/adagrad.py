"""Adagrad: each weight's step shrinks with the gradients it has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.optimizer import Optimizer, as_dtype_of


@export("train.AdagradOptimizer")
class AdagradOptimizer(Optimizer):
    """``accumulator += gradient²; var -= learning_rate * gradient / sqrt(accumulator)``.

    Slot: accumulator, which starts as `initial_accumulator_value`.
    """

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:
        """Take the step size; `ValueError` when the accumulator would start at 0 or below."""
        if initial_accumulator_value <= 0:
            raise ValueError(
                f"initial_accumulator_value must be positive, not {initial_accumulator_value}"
            )
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._initial = initial_accumulator_value

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        for var in var_list:
            self._constant_slot(var, self._initial, "accumulator", self._name)

    def _prepare(self) -> None:
        self._rate = self._hyper(self._learning_rate, "learning_rate")

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        result: Operation = raw.ResourceApplyAdagrad(
            var.handle,
            self.get_slot(var, "accumulator").handle,
            as_dtype_of(self._rate, var),
            grad,
            use_locking=self._use_locking,
        )
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        result: Operation = raw.ResourceSparseApplyAdagrad(
            var.handle,
            self.get_slot(var, "accumulator").handle,
            as_dtype_of(self._rate, var),
            grad.values,
            grad.indices,
            use_locking=self._use_locking,
        )
        return result
