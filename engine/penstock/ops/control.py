"""Scopes and grouping as functions of the default graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from penstock.exports import export
from penstock.graph.device_spec import DeviceSpec
from penstock.graph.graph import get_default_graph
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.wrappers import raw


@export("control_dependencies")
def control_dependencies(control_inputs: Iterable[Any] | None) -> AbstractContextManager[None]:
    """Make nodes built inside the `with` block wait for `control_inputs`.

    None clears what outer blocks ask for. See `Graph.control_dependencies`.
    """
    return get_default_graph().control_dependencies(control_inputs)


@export("device")
def device(
    device_name_or_function: str | DeviceSpec | Callable[[Operation], Any] | None,
) -> AbstractContextManager[None]:
    """Ask for a device for the nodes built inside the `with` block.

    Takes a possibly partial name (`"/gpu:0"`, `"/job:ps"`), a `DeviceSpec`, or a function that
    is given each `Operation` and returns one of these. Of nested blocks the inner one wins where
    both say something; None forgets the outer ones. Raises `GraphError` for what is no name.

    >>> with ps.device("/job:ps/cpu:1"), ps.device("/cpu:0"):
    ...     ps.constant(1).device
    '/job:ps/device:CPU:0'
    """
    return get_default_graph().device(device_name_or_function)


@export("colocate_with")
def colocate_with(op: Any, ignore_existing: bool = False) -> AbstractContextManager[None]:
    """Ask that nodes built inside the `with` block share a device with `op`.

    Stronger than `device` blocks around it, which are forgotten inside. Blocks add up, unless
    `ignore_existing`; with that, `op` may be None. Raises `ValueError` for None without it.

    >>> with ps.device("/cpu:1"):
    ...     x = ps.constant(1)
    >>> with ps.device("/cpu:0"), ps.colocate_with(x):
    ...     ps.constant(2).device
    '/device:CPU:1'
    """
    return get_default_graph().colocate_with(op, ignore_existing)


@export("name_scope")
class name_scope:
    """Put names of nodes built inside under a prefix.

    `default_name` is used when `name` is None; `values` (tensors) only say which graph.

    >>> with ps.Graph().as_default(), ps.name_scope("layer") as scope:
    ...     print(scope, ps.constant(1, name="c").name)
    layer/ layer/c:0
    """

    def __init__(
        self, name: str | None, default_name: str | None = None, values: Any = None
    ) -> None:
        """Choose the name; `TypeError` when there is none to choose."""
        self._name = default_name if name is None else name
        if self._name is None and values is not None:
            raise TypeError("name_scope needs a name or a default_name")
        self._values = values
        self._blocks: list[AbstractContextManager[Any]] = []

    @property
    def name(self) -> str | None:
        """The name asked for."""
        return self._name

    def __enter__(self) -> str:
        """Enter the scope; returns its full name with a slash."""
        default = get_default_graph()
        graph = next(
            (v.graph for v in self._values or () if isinstance(v, (Tensor, Operation))),
            default,
        )
        scope = graph.name_scope(self._name)
        self._blocks = [scope] if graph is default else [graph.as_default(), scope]
        for block in self._blocks[:-1]:
            block.__enter__()
        return scope.__enter__()

    def __exit__(self, *exc_info: Any) -> None:
        """Leave the scope."""
        for block in reversed(self._blocks):
            block.__exit__(*exc_info)


@export("group")
def group(*inputs: Any, name: str | None = None) -> Operation:
    """Return an operation that runs when all `inputs` (tensors, operations, variables) have.

    >>> v = ps.Variable(1)
    >>> both = ps.group(v.initializer, ps.constant(2))
    >>> ps.Session().run(both) is None
    True
    """
    flat = [item for item in _flatten(inputs) if item is not None]
    with control_dependencies(flat):
        operation: Operation = raw.NoOp(name=name or "group_deps")
    return operation


def _flatten(items: Any) -> Iterator[Any]:
    for item in items:
        if isinstance(item, (list, tuple)) and not hasattr(item, "_as_graph_element"):
            yield from _flatten(item)
        else:
            yield item


@export("tuple")
def tuple_(tensors: Any, name: str | None = None, control_inputs: Any = None) -> list[Any]:
    """Return tensors equal to `tensors` that become ready only when all of them are.

    None entries stay None; `IndexedSlices` keep their form.
    """
    with name_scope(name, "tuple"):
        gates = [t for t in tensors if t is not None] + list(control_inputs or ())
        if not gates:
            raise ValueError("tuple needs at least one tensor that is not None")
        gate = group(*gates, name="group_deps")
        return [_gated(t, gate) for t in tensors]


def _gated(value: Any, gate: Operation) -> Any:
    if value is None:
        return None
    with control_dependencies([gate]):
        if hasattr(value, "indices") and hasattr(value, "values") and not isinstance(value, Tensor):
            return value.with_values(raw.Identity(value.values, name="control_dependency"))
        return raw.Identity(value, name="control_dependency")


@contextmanager
def under(scope: str, name: str | None, *values: Any) -> Iterator[str]:
    """Open a name scope for a composed function: `name`, or `scope` by default."""
    with name_scope(name, scope, list(values)) as full:
        yield full
