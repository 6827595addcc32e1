"""gradients(ys, xs): symbolic reverse-mode differentiation of a graph.

Enters: tensors of one graph. Leaves: for each x the tensor (or IndexedSlices) of
d sum(ys) / dx, or None where no differentiable path leads from x to ys. Added nodes carry
the attribute `_grad_of` with the name of the forward node they differentiate, which
checkpointing later relies on. The walk follows data edges only, backwards from ys, over the
operations that lie between xs and ys; each op's rule comes from its section.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any, TypeAlias

import numpy as np

from penstock import errors, shapes
from penstock.autodiff.requests import MemoryBudget, request_attrs
from penstock.exports import export
from penstock.graph import walk
from penstock.graph.collector import collector_paused
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.control import name_scope
from penstock.ops.indexed_slices import IndexedSlices, add_slices, to_dense
from penstock.ops.registry import find_gradient, register_named_gradient
from penstock.ops.wrappers import raw

Gradient: TypeAlias = "Tensor | IndexedSlices | None"


@export("AggregationMethod")
class AggregationMethod:
    """How partial gradients are summed: by one AddN, or each as it arrives.

    EXPERIMENTAL_ACCUMULATE_N needs memory for one sum and not for all parts. Where `checkpoints`
    or `memory_budget` ask for little memory it is taken, too, if the sums are the same bits: not
    for 16-bit floats, which one AddN sums in float32.
    """

    ADD_N = 0
    DEFAULT = 0
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


@export("UnconnectedGradients")
class UnconnectedGradients:
    """What `gradients` returns for an x that no y depends on."""

    NONE = "none"
    ZERO = "zero"


@export("gradients")
def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
    stop_gradients: Any = None,
    unconnected_gradients: str = UnconnectedGradients.NONE,
    checkpoints: Any = None,
    memory_budget: MemoryBudget | None = None,
) -> list[Any]:
    """Return d sum(ys)/dx for each x, as nodes added to the graph.

    `grad_ys` are the gradients that flow into ys (ones by default; None entries too).
    Tensors in `stop_gradients` count as constants: nothing flows through them, and an x among
    them gets its partial derivative. An x without a path to any y gives None,
    or zeros with ``unconnected_gradients="zero"``; `why_no_gradient` explains a None.
    `gate_gradients` makes an op's gradients ready together.

    `checkpoints` ("speed", "memory", "collection" or a list of tensors) says what the forward
    pass keeps; the rest is computed again, which changes no result. `memory_budget` (bytes, or
    a text such as "500MB", for every device or as a dict by device) is a hard limit for what a
    run of them allocates: activations, gradients, what kernels take for themselves, results that
    are fetched or assigned; not the variables there are, nor feeds. A plan that cannot keep it
    raises `Infeasible`, a run that would break it `ResourceExhaustedError`. Raises `LookupError`
    when an op on the way has no gradient defined and `TypeError` for dtypes that have no
    derivative.

    >>> x = ps.placeholder(ps.float32, [])
    >>> (g,) = ps.gradients(x * x, x)
    >>> float(ps.Session().run(g, {x: 3.0}))
    6.0
    """
    if aggregation_method not in (None, 0, 1, 2):
        raise ValueError(f"unknown aggregation method {aggregation_method!r}")
    unconnected = getattr(unconnected_gradients, "value", unconnected_gradients)
    if unconnected not in ("none", "zero"):
        raise ValueError(f"unconnected_gradients is 'none' or 'zero', not {unconnected!r}")
    y_list = [convert.to_tensor(y) for y in _as_list(ys)]
    x_list = [_source(x) for x in _as_list(xs)]
    stops = [_source(s) for s in _as_list(stop_gradients)]
    _check_one_graph([*y_list, *x_list, *stops])
    if not y_list:
        return [None] * len(x_list)
    graph = y_list[0].graph
    with (
        graph.as_default(),
        name_scope(name) as scope,
        collector_paused(),
        graph.marked(**request_attrs(graph, scope, checkpoints, memory_budget)),
    ):
        walker = _Walker(y_list, x_list, stops, colocate_gradients_with_ops, gate_gradients)
        walker.accumulate = aggregation_method == AggregationMethod.EXPERIMENTAL_ACCUMULATE_N
        walker.frugal = checkpoints is not None or memory_budget is not None
        walker.run(_initial_gradients(y_list, _as_list(grad_ys)))
        result = [walker.result(x) for x in x_list]
        if unconnected == "zero":
            result = [
                raw.ZerosLike(x) if g is None else g for x, g in zip(x_list, result, strict=True)
            ]
    return result


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value]


def _source(x: Any) -> Tensor:
    """Return the tensor to differentiate by: a variable's handle, or the tensor itself."""
    handle = getattr(x, "handle", None)
    if handle is not None and not isinstance(x, Tensor):
        return handle  # type: ignore[no-any-return]
    if isinstance(x, IndexedSlices):
        return x.values
    if not isinstance(x, Tensor):
        raise TypeError(f"gradients needs tensors or variables, not {x!r}")
    return x


def _check_one_graph(tensors: Sequence[Tensor]) -> None:
    for t in tensors[1:]:
        if t.graph is not tensors[0].graph:
            raise errors.GraphError(
                None,
                None,
                f'gradients: "{tensors[0].name}" and "{t.name}" belong to different graphs',
            )


def _initial_gradients(ys: list[Tensor], grad_ys: list[Any]) -> list[Gradient]:
    if grad_ys and len(grad_ys) != len(ys):
        raise ValueError(f"{len(ys)} ys need as many grad_ys, got {len(grad_ys)}")
    result: list[Gradient] = []
    for i, y in enumerate(ys):
        if not (y.dtype.is_floating or y.dtype.is_complex):
            raise errors.DTypeError(
                None,
                None,
                f'gradients: y "{y.name}" is {y.dtype.name}; only floats have derivatives',
            )
        given = grad_ys[i] if grad_ys else None
        if given is None:
            result.append(_ones_like(y))
        elif isinstance(given, IndexedSlices):
            result.append(given)
        else:
            g = convert.to_tensor(given, y.dtype.base_dtype, f"grad_ys_{i}")
            if not shapes.compatible(g._dims, y._dims):
                raise errors.ShapeError(
                    None,
                    None,
                    f"gradients: grad_ys[{i}] has shape {shapes.render(g._dims)}, "
                    f'y "{y.name}" has {shapes.render(y._dims)}',
                )
            result.append(g)
    return result


def _ones_like(y: Tensor) -> Tensor:
    dims = y._dims
    one = convert.add_constant(np.ones((), y.dtype.numpy_dtype), "grad_ys_value")
    known = dims is not None and shapes.is_fully_defined(dims)
    shape = np.array(dims, dtype=np.int32) if known else raw.Shape(y)
    result: Tensor = raw.Fill(shape, one, name="grad_ys")
    return result


class _Walker:
    """One reverse walk: which operations take part, and the partial gradients so far."""

    def __init__(
        self,
        ys: list[Tensor],
        xs: list[Tensor],
        stops: list[Tensor],
        colocate: bool,
        gate: bool,
    ) -> None:
        self.ys, self.xs, self.colocate, self.gate = ys, xs, colocate, gate
        self.graph = ys[0].graph
        self.stops = set(stops)
        self.keep = set(xs)
        self.accumulate = self.frugal = False
        self.partials: dict[Tensor, list[Any]] = {}
        self.done: dict[Tensor, Any] = {}
        after = walk.descendants(xs) | {x.op for x in xs}
        order = walk.ancestors([y.op for y in ys], self.stops.__contains__, controls=False)
        self.order = [op for op in order if op in after]

    def run(self, seeds: list[Gradient]) -> None:
        """Visit the operations between xs and ys, consumers first."""
        for y, seed in zip(self.ys, seeds, strict=True):
            self._add(y, seed)
        between = set(self.order)
        for operation in reversed(self.order):
            grads = [None if t in self.stops else self._finish(t) for t in operation._outputs]
            if all(g is None for g in grads) or not self._reaches_x(operation, between):
                continue
            self._visit(operation, grads)

    def _reaches_x(self, operation: Operation, between: set[Operation]) -> bool:
        return any(
            t in self.keep or (t.op in between and t not in self.stops) for t in operation._inputs
        )

    def _visit(self, operation: Operation, grads: list[Any]) -> None:
        override = operation._attrs.get("_gradient_op_type")
        try:
            rule = find_gradient(
                operation.type, override.decode(errors="backslashreplace") if override else None
            )
        except LookupError:
            raise LookupError(
                f'no gradient is defined for op "{operation.name}" ({operation.type}); '
                "define one with RegisterGradient or stop it with tf.stop_gradient"
            ) from None
        if rule is None:
            return
        trainable = [t.dtype.is_floating or t.dtype.is_complex for t in operation._outputs]
        # An op whose float outputs all lack a gradient passes nothing on.
        if not any(g is not None for g, ok in zip(grads, trainable, strict=True) if ok):
            return
        with (
            self.graph.marked(_grad_of=operation.name.encode()),
            self.graph.name_scope(operation.name + "_grad"),
            self.graph.colocate_with(operation) if self.colocate else nullcontext(),
        ):
            full = [
                raw.ZerosLike(t) if g is None and ok else g
                for t, g, ok in zip(operation._outputs, grads, trainable, strict=True)
            ]
            results = _as_results(rule(operation, *full), operation)
            if self.gate and len([r for r in results if r is not None]) > 1:
                results = _gate(results)
            for tensor, result in zip(operation._inputs, results, strict=True):
                self._take(operation, tensor, result)

    def _take(self, operation: Operation, tensor: Tensor, result: Any) -> None:
        if result is None or (tensor in self.stops and tensor not in self.keep):
            return
        if isinstance(result, Tensor):
            dims = tensor._dims
            if tensor.dtype.name != "resource":
                if not shapes.compatible(dims, result._dims):
                    raise errors.InternalError(
                        None,
                        operation,
                        f'the gradient of "{operation.name}" ({operation.type}) by '
                        f'"{tensor.name}" has shape {shapes.render(result._dims)}, '
                        f"the input has {shapes.render(dims)}",
                    )
                if dims is not None and result._dims != dims:
                    result._dims = shapes.merge(result._dims, dims)
                    result.op._node = None
        self._add(tensor, result)

    def _add(self, tensor: Tensor, gradient: Any) -> None:
        self.partials.setdefault(tensor, []).append(gradient)

    def _finish(self, tensor: Tensor) -> Any:
        """Sum the partial gradients of a tensor, once all its consumers are visited."""
        if tensor in self.done:
            return self.done[tensor]
        parts = self.partials.pop(tensor, [])
        total = _sum(parts, self.accumulate or (self.frugal and tensor.dtype.name not in _HALVES))
        if tensor in self.keep:
            self.done[tensor] = total
        return total

    def result(self, x: Tensor) -> Any:
        """Return the gradient by `x`, or None."""
        return self._finish(x)


def _as_results(returned: Any, operation: Operation) -> list[Any]:
    results = list(returned) if isinstance(returned, (list, tuple)) else [returned]
    if len(results) != len(operation._inputs):
        raise ValueError(
            f'the gradient of "{operation.name}" ({operation.type}) returned {len(results)} '
            f"values for {len(operation._inputs)} inputs"
        )
    return results


def _gate(results: list[Any]) -> list[Any]:
    from_ops = [r for r in results if r is not None]
    with from_ops[0].graph.control_dependencies([r.op for r in from_ops]):
        return [
            r.with_values(raw.Identity(r.values))
            if isinstance(r, IndexedSlices)
            else (None if r is None else raw.Identity(r))
            for r in results
        ]


_HALVES = ("float16", "bfloat16")


def _sum(parts: list[Any], accumulate: bool) -> Any:
    parts = [p for p in parts if p is not None]
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(p, IndexedSlices) for p in parts):
        return add_slices(parts)
    dense = [to_dense(p) for p in parts]
    if not accumulate:
        return raw.AddN(dense)
    total = dense[0]
    for part in dense[1:]:
        total = raw.AddN([total, part])
    return total


@export("why_no_gradient")
def why_no_gradient(y: Any, x: Any) -> str:
    """Return one sentence saying where the path from `x` to `y` breaks, or that it does not.

    >>> x = ps.placeholder(ps.float32, [3], name="x")
    >>> print(ps.why_no_gradient(ps.argmax(x), x))  # doctest: +ELLIPSIS
    "ArgMax:0" is int64: only floats have derivatives...
    """
    target, source = convert.to_tensor(y), _source(x)
    if not (target.dtype.is_floating or target.dtype.is_complex):
        return f'"{target.name}" is {target.dtype.name}: only floats have derivatives'
    after = walk.descendants([source])
    if target is not source and target.op not in after:
        return f'"{target.name}" does not depend on "{source.name}": no path of data edges'
    before = set(walk.ancestors([target.op], controls=False))
    breaks = _breaks(source, target, after & before)
    if not breaks:
        return f'there is a gradient from "{target.name}" to "{source.name}"'
    return f'every path from "{source.name}" to "{target.name}" breaks: ' + "; ".join(breaks[:3])


def _breaks(source: Tensor, target: Tensor, between: Iterable[Operation]) -> list[str]:
    """Walk forward from `source` over differentiable edges; list where that ends."""
    breaks: list[str] = []
    members, seen, stack = set(between), {source}, [source]
    while stack:
        tensor = stack.pop()
        if tensor is target:
            return []
        for op in tensor._consumers:
            if op not in members:
                continue
            reason = _why_blocked(op)
            if reason:
                breaks.append(reason)
                continue
            for out in op._outputs:
                if out not in seen:
                    seen.add(out)
                    stack.append(out)
    return breaks


def _why_blocked(op: Operation) -> str | None:
    override = op._attrs.get("_gradient_op_type")
    try:
        rule = find_gradient(
            op.type, override.decode(errors="backslashreplace") if override else None
        )
    except LookupError:
        return f'"{op.name}" ({op.type}) has no gradient defined'
    if rule is None:
        return f'"{op.name}" ({op.type}) is not differentiable'
    if all(not (t.dtype.is_floating or t.dtype.is_complex) for t in op._outputs):
        if any(t.dtype.name == "resource" for t in op._outputs):
            return None
        return f'"{op.name}" ({op.type}) gives {op._outputs[0].dtype.name}'
    return None


@export("RegisterGradient")
class RegisterGradient:
    """Decorator that registers a gradient function under a name.

    The name is an op's, or one for `Graph.gradient_override_map`. The function is called as
    `fn(op, *grads)` and returns one gradient per input. `KeyError` when the name is taken.
    """

    def __init__(self, op_type: str) -> None:
        """Take the name."""
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string")
        self._op_type = op_type

    def __call__(self, fn: Any) -> Any:
        """Register `fn`."""
        register_named_gradient(self._op_type, fn)
        return fn


@export("NoGradient NotDifferentiable")
def not_differentiable(op_type: str) -> None:
    """State that ops of this type pass no gradient."""
    register_named_gradient(op_type, "none")
