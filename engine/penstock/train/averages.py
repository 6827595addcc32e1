"""ExponentialMovingAverage: smoothed copies of variables or tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import cast, constants, control, convert
from penstock.ops.wrappers import raw
from penstock.variables.collections import GraphKeys
from penstock.variables.initialization import moving_average_variables, trainable_variables
from penstock.variables.variable import Variable


@export("train.ExponentialMovingAverage")
class ExponentialMovingAverage:
    """Keeps ``average = decay * average + (1 - decay) * value`` for variables or tensors.

    The average of a variable starts at its initial value, that of a tensor at zero (with
    `zero_debias` corrected for that). With `num_updates`, a step count, the decay is at most
    ``(1 + num_updates) / (10 + num_updates)``, so that averages move quickly at first.

    >>> w = ps.Variable(0.)
    >>> ema = ps.train.ExponentialMovingAverage(0.75)
    >>> update = ema.apply([w])
    >>> with ps.Session() as sess:
    ...     sess.run(ps.variables_initializer([w, ema.average(w)]))
    ...     sess.run(w.assign(4.).op)
    ...     sess.run(update)
    ...     print(sess.run(ema.average(w)))
    1.0
    """

    def __init__(
        self,
        decay: Any,
        num_updates: Any = None,
        zero_debias: bool = False,
        name: str = "ExponentialMovingAverage",
    ) -> None:
        """Take the decay, a number or a tensor."""
        self._decay = decay
        self._num_updates = num_updates
        self._zero_debias = zero_debias
        self._name = name
        self._averages: dict[Any, Variable] = {}
        self._bias: dict[Any, tuple[Variable, Variable]] = {}

    @property
    def name(self) -> str:
        """The name that averages get behind the name of what they follow."""
        return self._name

    def apply(self, var_list: Sequence[Any] | None = None) -> Operation:
        """Return an operation that updates the averages (of all trainable variables)."""
        followed = trainable_variables() if var_list is None else list(var_list)
        for value in followed:
            self._follow(value)
        with control.name_scope(self._name) as scope:
            decay = self._current_decay()
            updates = [self._update(value, decay) for value in followed]
            return control.group(*updates, name=scope)

    def _follow(self, value: Any) -> None:
        key = _key(value)
        if not value.dtype.base_dtype.is_floating:
            raise TypeError(f"moving averages are of floats; {value.name!r} is {value.dtype.name}")
        if key in self._averages:
            return
        graph = value.graph
        own = f"{value.op.name}/{self._name}"
        with graph.control_dependencies(None), graph.name_scope(None):
            if isinstance(value, Variable):
                self._averages[key] = _shadow(own, value.initialized_value())
                graph.add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, value)
                return
            if not value.shape.is_fully_defined():
                raise ValueError(
                    f"the average of tensor {value.name!r} needs a known shape, not {value.shape}"
                )
            dtype = value.dtype.base_dtype
            zeros = constants.zeros(value.shape.as_list(), dtype)
            self._averages[key] = _shadow(own, zeros)
            if self._zero_debias:
                left = constants.ones([], dtype)
                self._bias[key] = (_shadow(own + "/biased", zeros), _shadow(own + "/left", left))

    def _current_decay(self) -> Tensor:
        decay = convert.to_tensor(self._decay, dtypes.float32, "decay")
        if self._num_updates is None:
            return decay
        count = cast.cast(self._num_updates, dtypes.float32)
        result: Tensor = raw.Minimum(decay, (1.0 + count) / (10.0 + count))
        return result

    def _update(self, value: Any, decay: Tensor) -> Operation:
        average = self._averages[_key(value)]
        rate = cast.cast(1.0 - decay, average.dtype)
        operation: Operation
        if _key(value) in self._bias:
            biased, left = self._bias[_key(value)]
            total = biased.assign_sub((biased - value) * rate).value()
            weight = 1.0 - left.assign(left * (1.0 - rate)).value()
            operation = average.assign(total / weight, read_value=False)
        else:
            operation = average.assign_sub((average - value) * rate, read_value=False)
        return operation

    def average(self, var: Any) -> Any:
        """Return the variable that holds the average of `var`, or None."""
        return self._averages.get(_key(var))

    def average_name(self, var: Any) -> str:
        """Return the name under which the average of `var` is saved."""
        average = self.average(var)
        return f"{var.op.name}/{self._name}" if average is None else average.op.name

    def variables_to_restore(self, moving_avg_variables: Any = None) -> dict[str, Any]:
        """Return names in a checkpoint and the variables to load them into.

        Followed variables load their averages, others (when in the graph) their own values.
        """
        if moving_avg_variables is None:
            followed = [*trainable_variables(), *moving_average_variables()]
        else:
            followed = list(moving_avg_variables)
        found: dict[str, Any] = {self.average_name(v): v for v in followed}
        if followed:
            averaged = {id(v) for v in followed}
            for v in followed[0].graph.get_collection(GraphKeys.GLOBAL_VARIABLES):
                if id(v) not in averaged and v.op.name not in found:
                    found[v.op.name] = v
        return found


def _key(value: Any) -> Any:
    return value.handle if isinstance(value, Variable) else value


def _shadow(name: str, value: Any) -> Variable:
    return Variable(value, trainable=False, name=name)
