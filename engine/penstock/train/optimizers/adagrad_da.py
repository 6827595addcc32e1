"""Adagrad with dual averaging: weights follow from the sums of all gradients so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.optimizer import Optimizer, as_dtype_of


@export("train.AdagradDAOptimizer")
class AdagradDAOptimizer(Optimizer):
    """Dual averaging, for sparse linear models: with l1 most weights are exactly zero.

    ``sum += gradient; squares += gradient²``, then with t the number of steps
    ``var = -rate * shrunk(sum, l1 * t) / (l2 * rate * t + sqrt(squares))``. A weight's first
    value is forgotten. Slots: gradient_accumulator and gradient_squared_accumulator, which
    starts as `initial_gradient_squared_accumulator_value`.
    """

    def __init__(
        self,
        learning_rate: Any,
        global_step: Any,
        initial_gradient_squared_accumulator_value: float = 0.1,
        l1_regularization_strength: Any = 0.0,
        l2_regularization_strength: Any = 0.0,
        use_locking: bool = False,
        name: str = "AdagradDA",
    ) -> None:
        """Take the rate and the step; `ValueError` if the squares would start at 0 or below."""
        initial = initial_gradient_squared_accumulator_value
        if initial <= 0:
            raise ValueError(
                f"initial_gradient_squared_accumulator_value must be positive, not {initial}"
            )
        super().__init__(use_locking, name)
        self._learning_rate, self._global_step = learning_rate, global_step
        self._initial = initial
        self._l1, self._l2 = l1_regularization_strength, l2_regularization_strength

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        for var in var_list:
            self._constant_slot(var, 0.0, "gradient_accumulator", self._name)
            self._constant_slot(var, self._initial, "gradient_squared_accumulator", self._name)

    def _prepare(self) -> None:
        self._hypers = [
            self._hyper(self._learning_rate, "learning_rate"),
            self._hyper(self._l1, "l1_regularization_strength"),
            self._hyper(self._l2, "l2_regularization_strength"),
        ]
        step = raw.Cast(convert.to_tensor(self._global_step), DstT=dtypes.int64)
        self._step = step + 1  # this step is not counted yet

    def _handles(self, var: Any) -> list[Tensor]:
        slots = ("gradient_accumulator", "gradient_squared_accumulator")
        return [var.handle, *(self.get_slot(var, s).handle for s in slots)]

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        result: Operation = raw.ResourceApplyAdagradDA(
            *self._handles(var),
            grad,
            *(as_dtype_of(h, var) for h in self._hypers),
            self._step,
            use_locking=self._use_locking,
        )
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        result: Operation = raw.ResourceSparseApplyAdagradDA(
            *self._handles(var),
            grad.values,
            grad.indices,
            *(as_dtype_of(h, var) for h in self._hypers),
            self._step,
            use_locking=self._use_locking,
        )
        return result
