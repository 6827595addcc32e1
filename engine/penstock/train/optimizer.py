"""Optimizer: gradients of a loss, and the operation that moves variables against them.

`minimize` is `compute_gradients` then `apply_gradients`; between the two a program may change
the gradients. A rule such as Adam is a subclass that says which slots (variables beside each
variable) it keeps and which op updates a variable from a gradient: see `optimizers/`.
Slots of a variable ``w`` are named ``w/<optimizer>``, as checkpoints expect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from penstock import errors
from penstock.autodiff.gradients import gradients, why_no_gradient
from penstock.autodiff.requests import MemoryBudget
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph import walk
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import cast, constants, control, convert
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.train.slots import Slots
from penstock.train.unique_rows import sum_repeated
from penstock.variables.collections import GraphKeys
from penstock.variables.variable import Variable


@export("train.Optimizer")
class Optimizer:
    """Base of optimizers.

    A subclass overrides `_create_slots(var_list)`, `_prepare()`, `_apply_dense(grad, var)`,
    `_apply_sparse(grad, var)` and where needed `_finish`. Repeated rows of sparse gradients
    are summed first unless it sets `_rows_must_be_distinct` to False.
    """

    _rows_must_be_distinct = True

    GATE_NONE = 0
    GATE_OP = 1
    GATE_GRAPH = 2

    def __init__(
        self, use_locking: bool, name: str, use_own_namescope_for_non_slot_vars: bool = False
    ) -> None:
        """Take the name, which slots and the training operation get."""
        if not name:
            raise ValueError("an optimizer needs a name")
        self._name = name
        self._use_locking = use_locking
        self._slots = Slots()

    def get_name(self) -> str:
        """Return the name."""
        return self._name

    def minimize(
        self,
        loss: Any,
        global_step: Any = None,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: int | None = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
        checkpoints: Any = None,
        memory_budget: MemoryBudget | None = None,
    ) -> Any:
        """Return an operation that moves the variables one step towards a smaller `loss`.

        `var_list` defaults to the trainable variables; `global_step` is a variable to which
        each step adds one. `checkpoints` and `memory_budget` bound what the step keeps in memory,
        as in `gradients`. Raises `ValueError` when no variable has a gradient.

        >>> w = ps.Variable(4.)
        >>> step = ps.train.GradientDescentOptimizer(0.25).minimize(w * w, var_list=[w])
        >>> with ps.Session() as sess:
        ...     sess.run(w.initializer)
        ...     sess.run(step)
        ...     print(sess.run(w))
        2.0
        """
        grads_and_vars = self.compute_gradients(
            loss,
            var_list,
            gate_gradients,
            aggregation_method,
            colocate_gradients_with_ops,
            grad_loss,
            checkpoints,
            memory_budget,
        )
        _require_a_gradient(grads_and_vars, loss)
        return self.apply_gradients(grads_and_vars, global_step, name)

    def compute_gradients(
        self,
        loss: Any,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: int | None = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
        checkpoints: Any = None,
        memory_budget: MemoryBudget | None = None,
    ) -> list[tuple[Any, Any]]:
        """Return (gradient, variable) pairs; the gradient is a tensor, IndexedSlices or None."""
        if gate_gradients not in (self.GATE_NONE, self.GATE_OP, self.GATE_GRAPH):
            raise ValueError(
                f"gate_gradients is GATE_NONE, GATE_OP or GATE_GRAPH, not {gate_gradients!r}"
            )
        if callable(loss) and not isinstance(loss, Variable):
            raise TypeError("loss must be a tensor, not a function: graphs are built first")
        variables = _variables(loss, var_list)
        # Updates wait for every read that a gradient is made of (`apply_gradients`), so gating
        # single ops, or none, has the same results.
        grads = gradients(
            loss,
            variables,
            grad_loss,
            colocate_gradients_with_ops=colocate_gradients_with_ops,
            aggregation_method=aggregation_method,
            checkpoints=checkpoints,
            memory_budget=memory_budget,
        )
        if gate_gradients == self.GATE_GRAPH:
            grads = control.tuple_(grads)
        pairs = list(zip(grads, variables, strict=True))
        self._check_dtypes([v for g, v in pairs if g is not None])
        return pairs

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Any, Any]],
        global_step: Any = None,
        name: str | None = None,
        skip_gradients_aggregation: bool = False,
    ) -> Any:
        """Return an operation that applies gradients; pairs whose gradient is None are skipped.

        With `global_step`, a variable, it adds one to that after all updates. Raises
        `ValueError` when there is no pair, or none with a gradient.
        """
        pairs = [(_as_gradient(g, v), v) for g, v in grads_and_vars]
        if not pairs:
            raise ValueError(f"{self._name}: apply_gradients got no variables")
        active = [(g, v) for g, v in pairs if g is not None]
        if not active:
            names = ", ".join(v.name for _, v in pairs)
            raise ValueError(f"{self._name}: no gradients for any of the variables {names}")
        graph = active[0][1].graph
        with graph.as_default():
            with graph.control_dependencies(None):
                self._create_slots([v for _, v in active])
            reads = reads_behind(active)
            with control.name_scope(name, self._name) as scope:
                self._prepare()
                updates = [self._update(g, v, reads.get(v.handle, [])) for g, v in active]
                train_op = self._then_count(updates, global_step, scope)
            if train_op not in graph.get_collection_ref(GraphKeys.TRAIN_OP):
                graph.add_to_collection(GraphKeys.TRAIN_OP, train_op)
        return train_op

    def _update(self, grad: Any, var: Variable, reads: list[Operation]) -> Operation:
        graph = var.graph
        with graph.name_scope("update_" + var.op.name), graph.colocate_with(var.handle.op):
            if isinstance(grad, IndexedSlices) and self._rows_must_be_distinct:
                grad = sum_repeated(grad)
            with graph.control_dependencies(reads):
                if isinstance(grad, IndexedSlices):
                    update = self._apply_sparse(grad, var)
                else:
                    update = self._apply_dense(grad, var)
            if var.constraint is None:
                return update
            with graph.control_dependencies([update]):
                constrained: Operation = var.assign(var.constraint(var), read_value=False)
            return constrained

    def _then_count(self, updates: list[Operation], global_step: Any, scope: str) -> Operation:
        if global_step is None:
            return self._finish(updates, scope)
        graph = updates[0].graph
        one = convert.to_tensor(1, global_step.dtype.base_dtype, "one")
        with graph.control_dependencies([self._finish(updates, "update")]):
            if isinstance(global_step, Variable):
                counted: Operation = global_step.assign_add(one, name=scope, read_value=False)
                return counted
            reference: Tensor = raw.AssignAdd(global_step, one, name=scope)
            return reference.op

    # ---- slots

    def get_slot(self, var: Any, name: str) -> Any:
        """Return the slot `name` of a variable, or None."""
        return self._slots.find(var, name)

    def get_slot_names(self) -> list[str]:
        """Return the names of the slots in use, sorted."""
        return self._slots.names()

    def variables(self) -> list[Any]:
        """Return the variables that the optimizer itself keeps, sorted by name."""
        return self._slots.variables()

    def _zeros_slot(self, var: Any, slot_name: str, op_name: str) -> Variable:
        """Return a slot of the variable's shape and dtype, made as zeros if it is new."""
        return self._slots.find_or_make(
            var, slot_name, op_name, lambda: _filled_like(var, constants.zeros, raw.ZerosLike)
        )

    def _ones_slot(self, var: Any, slot_name: str, op_name: str) -> Variable:
        """Return a slot of the variable's shape and dtype, made as ones if it is new."""
        return self._slots.find_or_make(
            var, slot_name, op_name, lambda: _filled_like(var, constants.ones, raw.OnesLike)
        )

    def _get_or_make_slot(self, var: Any, val: Any, slot_name: str, op_name: str) -> Variable:
        """Return a slot, made with the value `val` if it is new."""
        return self._slots.find_or_make(var, slot_name, op_name, lambda: val)

    def _constant_slot(self, var: Any, value: float, slot_name: str, op_name: str) -> Variable:
        """Return a slot of the variable's shape, made filled with `value` if it is new."""

        def fill() -> Any:
            number = convert.to_tensor(value, var.dtype)
            shape = var.shape if var.shape.is_fully_defined() else raw.Shape(var.initial_value)
            return raw.Fill(convert.to_tensor(shape), number)

        return self._slots.find_or_make(var, slot_name, op_name, fill)

    # ---- what a rule overrides

    def _valid_dtypes(self) -> set[str]:
        return {"float16", "bfloat16", "float32", "float64"}

    def _check_dtypes(self, variables: Sequence[Any]) -> None:
        valid = self._valid_dtypes()
        for v in variables:
            if v.dtype.base_dtype.name not in valid:
                raise ValueError(
                    f"{self._name} cannot train {v.name!r} of dtype {v.dtype.name}, only "
                    f"{', '.join(sorted(valid))}"
                )

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        """Make the slots of the variables; by default there are none."""

    def _prepare(self) -> None:
        """Make the tensors of the hyperparameters, once for all variables."""

    def _apply_dense(self, grad: Tensor, var: Any) -> Operation:
        raise NotImplementedError(f"{type(self).__name__} has no rule for dense gradients")

    def _apply_sparse(self, grad: IndexedSlices, var: Any) -> Operation:
        raise NotImplementedError(f"{type(self).__name__} has no rule for sparse gradients")

    def _finish(self, update_ops: list[Operation], name_scope: str) -> Operation:
        """Return the operation that stands for all updates."""
        return control.group(*update_ops, name=name_scope)

    def _call_if_callable(self, param: Any) -> Any:
        return param() if callable(param) and not isinstance(param, Variable) else param

    def _hyper(self, value: Any, name: str) -> Any:
        """Return a hyperparameter (number, tensor or function of nothing) as a tensor."""
        return convert.convert_to_tensor(self._call_if_callable(value), name=name)


def reads_behind(pairs: Sequence[tuple[Any, Any]]) -> dict[Tensor, list[Operation]]:
    """Return, by handle, the reads of the variables that any of the gradients depends on.

    The update of a variable waits for them: otherwise the gradient of another variable could
    be computed from the value after the step.
    """
    handles = {v.handle for _, v in pairs}
    ends = [g.values.op if isinstance(g, IndexedSlices) else g.op for g, _ in pairs]
    reads: dict[Tensor, list[Operation]] = {}
    for op in walk.ancestors(ends, controls=False):
        if op.inputs and op.outputs and op.inputs[0] in handles:
            reads.setdefault(op.inputs[0], []).append(op)
    return reads


def as_dtype_of(value: Tensor, var: Any) -> Tensor:
    """Return a hyperparameter in a variable's dtype."""
    dtype: DType = var.dtype.base_dtype
    if value.dtype.base_dtype is dtype:
        return value
    result: Tensor = cast.cast(value, dtype)
    return result


def _filled_like(var: Any, static: Callable[..., Tensor], dynamic: Callable[..., Any]) -> Any:
    if var.shape.is_fully_defined():
        return static(var.shape.as_list(), var.dtype.base_dtype)
    return dynamic(var.initial_value)


def _variables(loss: Any, var_list: Any) -> list[Any]:
    if var_list is None:
        graph = convert.to_tensor(loss).graph
        found = graph.get_collection(GraphKeys.TRAINABLE_VARIABLES)
        found += graph.get_collection(GraphKeys.TRAINABLE_RESOURCE_VARIABLES)
    else:
        found = list(_flat(var_list))
    if not found:
        raise ValueError("there are no variables to optimize: none is trainable")
    for v in found:
        if not isinstance(v, Variable):
            raise TypeError(f"optimizers change Variables, not {v!r}")
    return found


def _flat(items: Any) -> Iterator[Any]:
    if isinstance(items, (list, tuple)):
        for item in items:
            yield from _flat(item)
    else:
        yield items


def _as_gradient(grad: Any, var: Any) -> Any:
    if not isinstance(var, Variable):
        raise TypeError(f"optimizers change Variables, not {var!r}")
    if grad is None or isinstance(grad, IndexedSlices):
        return grad
    try:
        return convert.to_tensor(grad, var.dtype.base_dtype)
    except errors.OpError:
        raise
    except (TypeError, ValueError) as e:
        raise TypeError(
            f"the gradient of {var.name!r} must be a tensor, IndexedSlices or None: {e}"
        ) from None


def _require_a_gradient(pairs: list[tuple[Any, Any]], loss: Any) -> None:
    if any(g is not None for g, _ in pairs):
        return
    names = ", ".join(v.name for _, v in pairs)
    raise ValueError(
        f"no gradients for any of the variables {names}: {why_no_gradient(loss, pairs[0][1])}"
    )
