"""FTRL: follow the regularised leader, which makes small weights exactly zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.optimizer import Optimizer, as_dtype_of


@export("train.FtrlOptimizer")
class FtrlOptimizer(Optimizer):
    """Follow the regularised leader with penalties on size (l1: to zero, l2: to small).

    Slots: accum (starts as `initial_accumulator_value`) and linear. `beta` is added to half
    the l2 strength in units of the learning rate. Raises `ValueError` for a positive
    `learning_rate_power` or negative strengths.
    """

    def __init__(
        self,
        learning_rate: Any,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "Ftrl",
        accum_name: str | None = None,
        linear_name: str | None = None,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float | None = None,
    ) -> None:
        """Take the hyperparameters."""
        super().__init__(use_locking, name)
        if learning_rate_power > 0:
            raise ValueError(f"learning_rate_power must not be positive: {learning_rate_power}")
        for value in (
            initial_accumulator_value,
            l1_regularization_strength,
            l2_regularization_strength,
            l2_shrinkage_regularization_strength,
        ):
            if value < 0:
                raise ValueError(f"strengths and the initial accumulator are not negative: {value}")
        self._learning_rate = learning_rate
        self._power = learning_rate_power
        self._initial = initial_accumulator_value
        self._l1 = l1_regularization_strength
        self._l2 = l2_regularization_strength
        self._beta = beta or 0.0
        self._shrinkage = l2_shrinkage_regularization_strength
        self._accum_name = accum_name
        self._linear_name = linear_name

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        for var in var_list:
            self._constant_slot(var, self._initial, "accum", self._accum_name or self._name)
            self._zeros_slot(var, "linear", self._linear_name or self._name)

    def _prepare(self) -> None:
        rate = self._hyper(self._learning_rate, "learning_rate")
        l2 = self._hyper(self._l2, "l2_regularization_strength")
        if self._beta:
            l2 = l2 + self._beta / (2.0 * rate)
        self._hypers = [rate, self._hyper(self._l1, "l1_regularization_strength"), l2]
        if self._shrinkage:
            name = "l2_shrinkage_regularization_strength"
            self._hypers.append(self._hyper(self._shrinkage, name))
        self._hypers.append(self._hyper(self._power, "learning_rate_power"))

    def _variables_of(self, var: Any) -> list[Tensor]:
        return [var.handle, *(self.get_slot(var, n).handle for n in ("accum", "linear"))]

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        op = raw.ResourceApplyFtrlV2 if self._shrinkage else raw.ResourceApplyFtrl
        hypers = [as_dtype_of(h, var) for h in self._hypers]
        result: Operation = op(
            *self._variables_of(var), grad, *hypers, use_locking=self._use_locking
        )
        return result

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        op = raw.ResourceSparseApplyFtrlV2 if self._shrinkage else raw.ResourceSparseApplyFtrl
        hypers = [as_dtype_of(h, var) for h in self._hypers]
        result: Operation = op(
            *self._variables_of(var),
            grad.values,
            grad.indices,
            *hypers,
            use_locking=self._use_locking,
        )
        return result
