"""Gradient descent: var -= learning_rate * gradient."""

from __future__ import annotations

from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.optimizer import Optimizer, as_dtype_of


@export("train.GradientDescentOptimizer")
class GradientDescentOptimizer(Optimizer):
    """Plain gradient descent: ``var -= learning_rate * gradient``.

    `learning_rate` is a number, a scalar tensor, or a function that returns one.
    """

    # Subtracting repeated rows one after the other is subtracting their sum.
    _rows_must_be_distinct = False

    def __init__(
        self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent"
    ) -> None:
        """Take the step size."""
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate

    def _prepare(self) -> None:
        self._rate = self._hyper(self._learning_rate, "learning_rate")

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        result: Operation = raw.ResourceApplyGradientDescent(
            var.handle, as_dtype_of(self._rate, var), grad, use_locking=self._use_locking
        )
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        step = grad.values * as_dtype_of(self._rate, var)
        result: Operation = raw.ResourceScatterSub(var.handle, grad.indices, step)
        return result
