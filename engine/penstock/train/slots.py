"""Slots: the variables an optimizer keeps beside the variables it trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.graph.tensor import Tensor
from penstock.variables.scope import get_variable_scope
from penstock.variables.variable import Variable


class Slots:
    """An optimizer's table from (slot name, variable) to slot variables.

    A variable is known by its handle, so an updated variable has the slots of the original.
    Other variables of the optimizer, such as powers of a rate, are kept per graph.
    """

    def __init__(self) -> None:
        """Start without slots."""
        self._slots: dict[str, dict[Tensor, Variable]] = {}
        self._others: dict[tuple[str, Any], Variable] = {}

    def find(self, var: Any, name: str) -> Variable | None:
        """Return a slot, or None."""
        return self._slots.get(name, {}).get(var.handle)

    def find_or_make(self, var: Any, name: str, op_name: str, make: Callable[[], Any]) -> Variable:
        """Return a slot; a new one is called ``<var>/<op_name>`` and starts as `make()`."""
        slot = self.find(var, name)
        if slot is None:
            prefix = get_variable_scope().name
            own = f"{var.handle.op.name}/{op_name}"
            with var.graph.name_scope(None), var.graph.colocate_with(var.handle.op):
                slot = Variable(
                    make,
                    trainable=False,
                    name=f"{prefix}/{own}" if prefix else own,
                    dtype=var.dtype.base_dtype,
                    shape=var.shape,
                )
            self._slots.setdefault(name, {})[var.handle] = slot
        return slot

    def find_other(self, name: str, graph: Any) -> Variable | None:
        """Return a variable that belongs to no variable of the model, or None."""
        return self._others.get((name, graph))

    def find_or_make_other(self, initial_value: Any, name: str, beside: Any) -> Variable:
        """Return a variable of the optimizer itself, made on the device of `beside`."""
        key = (name, beside.graph)
        variable = self._others.get(key)
        if variable is None:
            with beside.graph.colocate_with(beside.handle.op):
                variable = Variable(initial_value, trainable=False, name=name)
            self._others[key] = variable
        return variable

    def names(self) -> list[str]:
        """Return the names of slots, sorted."""
        return sorted(self._slots)

    def variables(self) -> list[Variable]:
        """Return all variables, sorted by name."""
        found = [v for by_var in self._slots.values() for v in by_var.values()]
        return sorted([*found, *self._others.values()], key=lambda v: v.op.name)
