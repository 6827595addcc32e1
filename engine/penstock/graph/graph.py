"""Graph: the builder behind the API. It only grows; nodes are never rewritten by it.

Owns names, operations in the order they were made, collections, the random seed and the
scope (name, device, control inputs, colocation) of each thread. `add_operation` is called
by `ops/apply.py` alone, after dtypes and shapes are known. All methods may be called from
any thread; one lock guards the tables.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penstock import errors
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph import codec, scopes
from penstock.graph.device_spec import DeviceSpec, merge_device
from penstock.graph.ir import Attr
from penstock.graph.scopes import Scope, ScopeBlock, ScopeHolder
from penstock.graph.source import Source
from penstock.graph.tensor import Operation, Tensor
from penstock.graph.viewer import viewer
from penstock.shapes import Dims

if TYPE_CHECKING:
    from penstock.view.view import View

_VALID_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*\Z")
_VALID_SCOPE = re.compile(r"[A-Za-z0-9_.\\/>-]*\Z")


@functools.lru_cache(maxsize=4096)  # the same few hundred names come again and again
def _is_valid_name(name: str) -> bool:
    return _VALID_NAME.match(name) is not None


class ControlGroup:
    """What one `control_dependencies` block asks for, and which nodes were made in it."""

    __slots__ = ("members", "operations")

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self.operations = operations
        self.members: set[Operation] = set()


@export("Graph")
class Graph:
    """A dataflow graph under construction.

    >>> g = Graph()
    >>> with g.as_default():
    ...     c = ps.constant(2.0, name="c")
    >>> [op.name for op in g.get_operations()]
    ['c']
    """

    def __init__(self) -> None:
        """Make an empty graph."""
        self._lock = threading.RLock()
        self._operations: dict[str, Operation] = {}
        self._used_names: dict[str, int] = {}
        self._holder = ScopeHolder()
        self._collections: dict[str, list[Any]] = {}
        self._finalized = False
        self._rewrites = 0
        self._library: Any = None
        self.seed: int | None = None
        self._op_seeds = 0

    # ---- what is in it

    @property
    def version(self) -> int:
        """A number that grows with every operation."""
        return len(self._operations)

    @property
    def plan_version(self) -> int:
        """Changes when an existing node changes; nodes that are added leave plans valid."""
        return self._rewrites

    @property
    def finalized(self) -> bool:
        """True once `finalize` was called."""
        return self._finalized

    def finalize(self) -> None:
        """Refuse further operations from now on."""
        self._finalized = True

    def get_operations(self) -> list[Operation]:
        """Return the operations in the order they were made."""
        with self._lock:
            return list(self._operations.values())

    def get_operation_by_name(self, name: str) -> Operation:
        """Return the operation; `KeyError` when there is none of that name."""
        if not isinstance(name, str):
            raise TypeError(f"an operation's name is a string, not {name!r}")
        operation = self._operations.get(name)
        if operation is None:
            hint = " (that is the form of a tensor's name)" if ":" in name else ""
            raise KeyError(f"the graph has no operation {name!r}{hint}")
        return operation

    def get_tensor_by_name(self, name: str) -> Tensor:
        """Return the tensor ``op:k``; `ValueError` or `KeyError` when there is none."""
        if not isinstance(name, str):
            raise TypeError(f"a tensor's name is a string, not {name!r}")
        op_name, colon, index = name.rpartition(":")
        if not colon or not index.isdigit():
            raise ValueError(f"{name!r} is not the name of a tensor: expected '<op>:<number>'")
        operation = self._operations.get(op_name)
        if operation is None:
            raise KeyError(f"the graph has no operation {op_name!r}, so no tensor {name!r}")
        if int(index) >= len(operation._outputs):
            count = len(operation._outputs)
            raise KeyError(f"operation {op_name!r} has {count} outputs, so no tensor {name!r}")
        return operation._outputs[int(index)]

    def as_graph_element(
        self, value: Any, allow_tensor: bool = True, allow_operation: bool = True
    ) -> Tensor | Operation:
        """Return the tensor or operation of this graph that `value` is or names."""
        convert = getattr(value, "_as_graph_element", None)
        if convert is not None:
            value = convert()
        if isinstance(value, str):
            if ":" in value and allow_tensor:
                value = self.get_tensor_by_name(value)
            elif allow_operation:
                value = self.get_operation_by_name(value)
            else:
                raise ValueError(f"{value!r} is not the name of a tensor: expected '<op>:<number>'")
        wanted = ((Tensor,) if allow_tensor else ()) + ((Operation,) if allow_operation else ())
        if not isinstance(value, wanted):
            kinds = " or ".join(k.__name__ for k in wanted)
            raise TypeError(f"expected a {kinds}, got {value!r} of type {type(value).__name__}")
        if value.graph is not self:
            raise errors.GraphError(None, None, f"{value!r} is not an element of this graph")
        return value

    def is_feedable(self, tensor: Any) -> bool:
        """Return True unless feeding the tensor was forbidden."""
        return tensor not in self._collections.get("_unfeedable", ())

    def prevent_feeding(self, tensor: Tensor) -> None:
        """Forbid feeding a tensor."""
        self.get_collection_ref("_unfeedable").append(tensor)

    def as_graph_def(self, from_version: int | None = None, add_shapes: bool = False) -> Any:
        """Return the graph as a GraphDef message (wire-compatible with TensorFlow's).

        `from_version` leaves out the first so many operations. `add_shapes` adds the
        attribute `_output_shapes` to each node.
        """
        with self._lock:
            operations = self.get_operations()[from_version or 0 :]
            nodes = [op.to_node() for op in operations]
        return codec.encode_graph(nodes, self._library, add_shapes)

    def visualize(
        self, fetches: Any = None, *, max_nodes: int = 2000, title: str | None = None
    ) -> View:
        """Return a picture of the graph, or of what `fetches` (tensors, operations) need of it.

        In a notebook it shows itself; `.save("graph.html")` writes a page that works offline,
        `.save("graph.svg")` a static picture. Name scopes open and close by a click, colours are
        devices. A larger graph is shown by its scopes, in at most `max_nodes` boxes.

        >>> with ps.Graph().as_default() as graph:
        ...     y = ps.add(1.0, 2.0)
        >>> graph.visualize(y)
        <View of 'graph': 3 nodes>
        """
        view: View = viewer().view_graph(self, fetches, max_nodes, title)
        return view

    def _repr_html_(self) -> str:
        return self.visualize()._repr_html_()

    # ---- building

    @contextmanager
    def mutation(self) -> Iterator[None]:
        """Hold the lock while an existing node changes; invalidates plans."""
        with self._lock:
            self._check_not_finalized()
            yield
            self._rewrites += 1

    def _check_not_finalized(self) -> None:
        if self._finalized:
            raise RuntimeError("the graph is finalized and cannot be changed")

    def add_operation(
        self,
        op_type: str,
        name: str,
        inputs: tuple[Tensor, ...],
        attrs: dict[str, Attr],
        outputs: list[tuple[DType, Dims]],
        source: Source | None,
        controls: Iterable[Operation] = (),
        device: str | None = None,
    ) -> Operation:
        """Append a checked node under a name that is already unique."""
        scope = self._holder.scope
        control_list = list(controls) if controls else []
        if scope.controls:
            control_list += _controls_not_implied(scope.controls, inputs, control_list)
        if scope.colocation:
            _add_colocation(attrs, scope.colocation)
        if scope.attrs:
            attrs = {**attrs, **dict(scope.attrs)}
        if scope.gradient_ops:
            override = dict(scope.gradient_ops).get(op_type)
            if override is not None:
                attrs["_gradient_op_type"] = override.encode()
        operation = Operation(
            self, op_type, name, inputs, control_list, attrs, device or "", source
        )
        if scope.devices:
            _ask_for_devices(operation, scope.devices)
        if scope.colocated_device:
            operation._device = scope.colocated_device
        operation._outputs = tuple([Tensor(operation, i, d, s) for i, (d, s) in enumerate(outputs)])
        with self._lock:
            if self._finalized:
                self._check_not_finalized()
            operation._id = len(self._operations)
            self._operations[name] = operation
            for tensor in inputs:
                tensor._consumers.append(operation)
            for group in scope.controls:
                group.members.add(operation)
        return operation

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """Return `name` under the current name scope, unique by a suffix such as ``_1``."""
        prefix = self._holder.scope.name
        return self._unique(f"{prefix}/{name}" if prefix else name, mark_as_used)

    def _unique(self, name: str, mark_as_used: bool = True) -> str:
        key = name.lower()
        used = self._used_names
        with self._lock:
            count = used.get(key, 0)
            if count == 0:
                if mark_as_used:
                    used[key] = 1
                return name
            candidate = f"{key}_{count}"
            while candidate in used:
                count += 1
                candidate = f"{key}_{count}"
            if mark_as_used:
                used[key] = count + 1
                used[candidate] = 1
            return f"{name}_{count}"

    def name_for(self, name: str) -> str:
        """Return the full, unique name for a node called `name` by its maker.

        A trailing slash takes the name as it is (that is how a scope's own name is used).
        """
        if name.endswith("/"):
            name = name[:-1]
            if name in self._operations:
                return self._unique(name)
            self._used_names.setdefault(name.lower(), 1)
            return name
        if not _is_valid_name(name) and not (self._holder.scope.name and _VALID_SCOPE.match(name)):
            raise errors.GraphError(
                None,
                None,
                f"{name!r} is not a valid name for an operation: use letters, digits, _ . - /",
            )
        return self.unique_name(name)

    @property
    def scope(self) -> Scope:
        """The defaults of this graph in the current thread."""
        return self._holder.scope

    def name_scope(self, name: str | None) -> ScopeBlock[str]:
        """Put names made inside under `name`, made unique; yields it with a slash.

        ``"a/"`` (with the slash) re-enters a scope; None or "" returns to the top.
        """
        if not name:
            return ScopeBlock(self._holder, "", name="")
        if not _is_valid_name(name) and not (self.scope.name and _VALID_SCOPE.match(name)):
            raise errors.GraphError(None, None, f"{name!r} is not a valid scope name")
        full = name[:-1] if name.endswith("/") else self.unique_name(name)
        return ScopeBlock(self._holder, full + "/" if full else "", name=full)

    def get_name_scope(self) -> str:
        """Return the current name scope, without a slash."""
        return self._holder.scope.name

    def device(self, device_name_or_function: Any) -> ScopeBlock[None]:
        """Ask for a device for the nodes made inside; None clears what outer blocks ask.

        A name or `DeviceSpec` fills in what inner blocks leave open. A function is given each
        operation, with what inner blocks ask in `.device`, and returns what it asks instead.
        """
        device = device_name_or_function
        if isinstance(device, DeviceSpec):
            device = device.to_string()
        if isinstance(device, str):
            merge_device(device, "")  # refuses what is not a device name
        elif device is not None and not callable(device):
            raise TypeError(f"a device is a name, a DeviceSpec, a function or None, not {device!r}")
        devices = () if device is None else (*self.scope.devices, device)
        return ScopeBlock(self._holder, None, devices=devices)

    def control_dependencies(self, control_inputs: Iterable[Any] | None) -> ScopeBlock[None]:
        """Make nodes built inside wait for `control_inputs`; None clears outer blocks."""
        if control_inputs is None:
            return ScopeBlock(self._holder, None, controls=())
        operations = []
        for item in control_inputs:
            element = self.as_graph_element(item)
            operations.append(element.op if isinstance(element, Tensor) else element)
        group = ControlGroup(tuple(dict.fromkeys(operations)))
        return ScopeBlock(self._holder, None, controls=(*self.scope.controls, group))

    def colocate_with(self, op: Any, ignore_existing: bool = False) -> ScopeBlock[None]:
        """Ask that nodes made inside share a device with `op`, whatever outer blocks ask for.

        `ignore_existing` forgets outer blocks of this kind; only then may `op` be None.
        """
        outer = Scope() if ignore_existing else self.scope
        if op is None and not ignore_existing:
            raise ValueError("colocate_with(None) needs ignore_existing=True")
        groups, device = outer.colocation, outer.colocated_device
        if op is not None:
            element = self.as_graph_element(op)
            operation = element.op if isinstance(element, Tensor) else element
            groups = tuple(dict.fromkeys([*groups, *operation.colocation_groups()]))
            device = operation._device or device
        return ScopeBlock(
            self._holder, None, colocation=groups, colocated_device=device, devices=()
        )

    def gradient_override_map(self, op_type_map: dict[str, str]) -> ScopeBlock[None]:
        """Differentiate nodes made inside by other registered gradients.

        `op_type_map` maps an op to the name given to `RegisterGradient`.
        """
        merged = {**dict(self.scope.gradient_ops), **op_type_map}
        return ScopeBlock(self._holder, None, gradient_ops=tuple(merged.items()))

    def marked(self, **attrs: Attr) -> ScopeBlock[None]:
        """Add private attributes (names that begin with _) to the nodes made inside."""
        merged = {**dict(self.scope.attrs), **attrs}
        return ScopeBlock(self._holder, None, attrs=tuple(merged.items()))

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        """Make this the default graph inside a `with` block."""
        with scopes.graphs.use(self):
            yield self

    def next_op_seed(self) -> int:
        """Return how many random nodes took their seed from the graph's so far, and count on."""
        with self._lock:
            self._op_seeds += 1
            return self._op_seeds - 1

    # ---- collections

    def add_to_collection(self, name: str, value: Any) -> None:
        """Append `value` to a collection."""
        with self._lock:
            self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names: Iterable[str] | str, value: Any) -> None:
        """Append `value` to several collections, each once."""
        for name in (names,) if isinstance(names, str) else dict.fromkeys(names):
            self.add_to_collection(name, value)

    def get_collection(self, name: str, scope: str | None = None) -> list[Any]:
        """Return a copy of a collection, only what has a name that `scope` matches."""
        items = list(self._collections.get(name, ()))
        if not scope:
            return items
        pattern = re.compile(scope)
        return [i for i in items if hasattr(i, "name") and pattern.match(i.name)]

    def get_collection_ref(self, name: str) -> list[Any]:
        """Return the collection itself: changes to it last."""
        with self._lock:
            return self._collections.setdefault(name, [])

    def clear_collection(self, name: str) -> None:
        """Empty a collection."""
        self._collections.pop(name, None)

    def get_all_collection_keys(self) -> list[str]:
        """Return the names of all collections."""
        return [k for k in self._collections if not k.startswith("_")]


def _controls_not_implied(
    groups: tuple[ControlGroup, ...], inputs: tuple[Tensor, ...], have: list[Operation]
) -> list[Operation]:
    """Return the control inputs of the open blocks, less those a data input implies."""
    added: dict[Operation, None] = {}
    for group in groups:
        if any(t.op in group.members for t in inputs):
            continue
        added.update(dict.fromkeys(group.operations))
    producers = {t.op for t in inputs}
    return [op for op in added if op not in producers and op not in have]


def _add_colocation(attrs: dict[str, Attr], groups: tuple[bytes, ...]) -> None:
    attrs["_class"] = sorted({*attrs.get("_class", ()), *groups})


def _ask_for_devices(operation: Operation, devices: tuple[Any, ...]) -> None:
    """Fill in what the open device blocks ask for, the innermost first."""
    for device in reversed(devices):
        if isinstance(device, str):
            operation._device = merge_device(operation._device, device)
            continue
        wanted = device(operation)
        if isinstance(wanted, DeviceSpec):
            wanted = wanted.to_string()
        if wanted is not None:
            operation._device = merge_device(wanted, "")


@export("get_default_graph")
def get_default_graph() -> Graph:
    """Return the graph that nodes are added to: the innermost `as_default`, else a global one."""
    graph = scopes.graphs.items
    if graph:
        return graph[-1]  # type: ignore[no-any-return]
    return scopes.global_graph(Graph)  # type: ignore[no-any-return]


@export("reset_default_graph")
def reset_default_graph() -> None:
    """Forget the global default graph. Not allowed inside `Graph.as_default`."""
    if scopes.graphs.items:
        raise AssertionError("reset_default_graph must not be called inside Graph.as_default()")
    scopes.reset_global_graph()
