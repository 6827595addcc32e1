"""Proximal optimizers: a step down the gradient, then l1 and l2 shrink the weight.

Weights that l1 shrinks past zero become exactly zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.optimizer import Optimizer, as_dtype_of


class _Proximal(Optimizer):
    """The hyperparameters that both have."""

    def __init__(self, rate: Any, l1: Any, l2: Any, use_locking: bool, name: str) -> None:
        super().__init__(use_locking, name)
        self._learning_rate, self._l1, self._l2 = rate, l1, l2

    def _prepare(self) -> None:
        self._hypers = [
            self._hyper(self._learning_rate, "learning_rate"),
            self._hyper(self._l1, "l1_regularization_strength"),
            self._hyper(self._l2, "l2_regularization_strength"),
        ]

    def _scalars(self, var: Any) -> list[Tensor]:
        return [as_dtype_of(h, var) for h in self._hypers]


@export("train.ProximalGradientDescentOptimizer")
class ProximalGradientDescentOptimizer(_Proximal):
    """Gradient descent whose weights are shrunk by l1 and l2 after each step.

    ``p = var - rate * gradient; var = sign(p) * max(|p| - rate * l1, 0) / (1 + rate * l2)``.
    """

    def __init__(
        self,
        learning_rate: Any,
        l1_regularization_strength: Any = 0.0,
        l2_regularization_strength: Any = 0.0,
        use_locking: bool = False,
        name: str = "ProximalGradientDescent",
    ) -> None:
        """Take the step size and the strengths of both penalties."""
        super().__init__(
            learning_rate, l1_regularization_strength, l2_regularization_strength, use_locking, name
        )

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        result: Operation = raw.ResourceApplyProximalGradientDescent(
            var.handle, *self._scalars(var), grad, use_locking=self._use_locking
        )
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        result: Operation = raw.ResourceSparseApplyProximalGradientDescent(
            var.handle,
            *self._scalars(var),
            grad.values,
            grad.indices,
            use_locking=self._use_locking,
        )
        return result


@export("train.ProximalAdagradOptimizer")
class ProximalAdagradOptimizer(_Proximal):
    """Adagrad whose weights are shrunk by l1 and l2 after each step, at each weight's own rate.

    Slot: accumulator, which starts as `initial_accumulator_value`.
    """

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: Any = 0.0,
        l2_regularization_strength: Any = 0.0,
        use_locking: bool = False,
        name: str = "ProximalAdagrad",
    ) -> None:
        """Take the step size; `ValueError` when the accumulator would start at 0 or below."""
        if initial_accumulator_value <= 0:
            raise ValueError(
                f"initial_accumulator_value must be positive, not {initial_accumulator_value}"
            )
        super().__init__(
            learning_rate, l1_regularization_strength, l2_regularization_strength, use_locking, name
        )
        self._initial = initial_accumulator_value

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        for var in var_list:
            self._constant_slot(var, self._initial, "accumulator", self._name)

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        result: Operation = raw.ResourceApplyProximalAdagrad(
            var.handle,
            self.get_slot(var, "accumulator").handle,
            *self._scalars(var),
            grad,
            use_locking=self._use_locking,
        )
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        result: Operation = raw.ResourceSparseApplyProximalAdagrad(
            var.handle,
            self.get_slot(var, "accumulator").handle,
            *self._scalars(var),
            grad.values,
            grad.indices,
            use_locking=self._use_locking,
        )
        return result
