"""Operation and Tensor: the handles users hold into a Graph.

A Tensor knows its operation, its output number, its dtype and what is known of its shape.
Operators (`+`, `@`, `[]`, …) are bound by `ops/overloads.py`. Both are identity objects:
`==` compares handles, never values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock import errors, shapes
from penstock.dtypes import DType
from penstock.graph import codec, scopes
from penstock.graph.ir import Attr, Node
from penstock.graph.source import Source
from penstock.shapes import Dims, TensorShape

if TYPE_CHECKING:
    from penstock.graph.graph import Graph


class Operation:
    """A node of a graph: an op applied to tensors."""

    __slots__ = (
        "__weakref__",
        "_attrs",
        "_controls",
        "_device",
        "_id",
        "_inputs",
        "_node",
        "_outputs",
        "_source",
        "graph",
        "name",
        "type",
    )

    def __init__(
        self,
        graph: Graph,
        op_type: str,
        name: str,
        inputs: tuple[Tensor, ...],
        controls: list[Operation],
        attrs: dict[str, Attr],
        device: str,
        source: Source | None,
    ) -> None:
        """Made by `Graph.add_operation` only."""
        self.graph = graph
        self.type = op_type
        self.name = name
        self._inputs = inputs
        self._controls = controls
        self._attrs = attrs
        self._device = device
        self._source = source
        self._outputs: tuple[Tensor, ...] = ()
        self._node: Node | None = None
        self._id = 0

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The data inputs, in order."""
        return self._inputs

    @property
    def control_inputs(self) -> list[Operation]:
        """The operations that must finish before this one starts."""
        return list(self._controls)

    @property
    def outputs(self) -> list[Tensor]:
        """The outputs, in order."""
        return list(self._outputs)

    @property
    def device(self) -> str:
        """The device asked for, possibly partial; empty when none was."""
        return self._device

    @property
    def node_def(self) -> Any:
        """The NodeDef message of this node."""
        return codec.encode_node(self.to_node())

    @property
    def traceback(self) -> Source | None:
        """The user's place that made this node."""
        return self._source

    def get_attr(self, name: str) -> Attr:
        """Return an attribute; `ValueError` when the node has none of that name."""
        try:
            return self._attrs[name]
        except KeyError:
            raise errors.GraphError(
                None, self, f'operation "{self.name}" ({self.type}) has no attribute {name!r}'
            ) from None

    def colocation_groups(self) -> list[bytes]:
        """Return the groups this node must share a device with."""
        own = [b"loc:@" + self.name.encode()]
        return list(self._attrs.get("_class", own))

    def values(self) -> tuple[Tensor, ...]:
        """Return the outputs as a tuple."""
        return self._outputs

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Run this operation in `session`, or in the default one.

        Raises `ValueError` when there is no session.
        """
        _session_for(session, "Operation.run").run(self, feed_dict)

    def add_control_inputs(self, operations: list[Operation]) -> None:
        """Make this node wait for `operations` as well."""
        with self.graph.mutation():
            for operation in operations:
                if operation.graph is not self.graph:
                    raise errors.GraphError(None, self, "control input from another graph")
                if operation not in self._controls:
                    self._controls.append(operation)
            self._node = None

    def set_attr(self, name: str, value: Attr) -> None:
        """Replace an attribute; plans that contain the node are made anew."""
        with self.graph.mutation():
            self._attrs[name] = value
            self._node = None

    def set_device(self, device: str) -> None:
        """Replace the requested device."""
        with self.graph.mutation():
            self._device = device
            self._node = None

    def to_node(self) -> Node:
        """Return this operation as a node of the IR (made once)."""
        node = self._node
        if node is None:
            node = self._node = Node(
                self.name,
                self.type,
                tuple([(t.op.name, t.value_index) for t in self._inputs]),
                tuple([c.name for c in self._controls]),
                self._attrs,
                self._device,
                tuple([t.dtype for t in self._outputs]),
                tuple([t._dims for t in self._outputs]),
                self._source,
            )
        return node

    def describe_inputs(self) -> list[str]:
        """Return one line for each input, as error messages show them."""
        return [f'{t.dtype.name}{shapes.render(t._dims)}  from "{t.op.name}"' for t in self._inputs]

    def __repr__(self) -> str:
        """Show name and type."""
        return f"<ps.Operation {self.name!r} type={self.type}>"

    def __str__(self) -> str:
        """Show the node as the IR prints it."""
        return str(self.to_node())


class Tensor:
    """An output of an operation: a value that a session can compute."""

    __slots__ = ("__weakref__", "_consumers", "_dims", "dtype", "op", "value_index")
    __array_priority__ = 100  # NumPy leaves `array + tensor` to us

    def __init__(self, op: Operation, value_index: int, dtype: DType, dims: Dims) -> None:
        """Made by `Graph.add_operation` only."""
        self.op = op
        self.value_index = value_index
        self.dtype = dtype
        self._dims = dims
        self._consumers: list[Operation] = []

    @property
    def name(self) -> str:
        """``<operation>:<output number>``."""
        return f"{self.op.name}:{self.value_index}"

    @property
    def graph(self) -> Graph:
        """The graph it belongs to."""
        return self.op.graph

    @property
    def device(self) -> str:
        """The device asked for its operation."""
        return self.op._device

    @property
    def shape(self) -> TensorShape:
        """What is known of the shape."""
        return TensorShape(self._dims)

    def get_shape(self) -> TensorShape:
        """Return what is known of the shape."""
        return TensorShape(self._dims)

    def set_shape(self, shape: Any) -> None:
        """Add knowledge about the shape; `ValueError` when it contradicts."""
        with self.op.graph.mutation():
            self._dims = shapes.merge(self._dims, shapes.to_dims(shape))
            self.op._node = None

    def consumers(self) -> list[Operation]:
        """Return the operations that read this tensor."""
        return list(self._consumers)

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Compute this tensor in `session`, or in the default one.

        Raises `ValueError` when there is no session.
        """
        return _session_for(session, "Tensor.eval").run(self, feed_dict)

    if TYPE_CHECKING:  # bound by ops/overloads.py

        def __add__(self, y: Any) -> Tensor: ...
        def __radd__(self, x: Any) -> Tensor: ...
        def __sub__(self, y: Any) -> Tensor: ...
        def __rsub__(self, x: Any) -> Tensor: ...
        def __mul__(self, y: Any) -> Tensor: ...
        def __rmul__(self, x: Any) -> Tensor: ...
        def __truediv__(self, y: Any) -> Tensor: ...
        def __rtruediv__(self, x: Any) -> Tensor: ...
        def __floordiv__(self, y: Any) -> Tensor: ...
        def __rfloordiv__(self, x: Any) -> Tensor: ...
        def __mod__(self, y: Any) -> Tensor: ...
        def __rmod__(self, x: Any) -> Tensor: ...
        def __pow__(self, y: Any) -> Tensor: ...
        def __rpow__(self, x: Any) -> Tensor: ...
        def __matmul__(self, y: Any) -> Tensor: ...
        def __rmatmul__(self, x: Any) -> Tensor: ...
        def __and__(self, y: Any) -> Tensor: ...
        def __or__(self, y: Any) -> Tensor: ...
        def __xor__(self, y: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __lt__(self, y: Any) -> Tensor: ...
        def __le__(self, y: Any) -> Tensor: ...
        def __gt__(self, y: Any) -> Tensor: ...
        def __ge__(self, y: Any) -> Tensor: ...
        def __getitem__(self, key: Any) -> Tensor: ...

    def __hash__(self) -> int:
        """Hash by identity."""
        return id(self)

    def __eq__(self, other: object) -> bool:
        """Compare handles."""
        return self is other

    def __bool__(self) -> bool:
        """Refuse: the value is known only when a session runs."""
        raise TypeError(
            f"the truth of tensor {self.name!r} is known only in a session; "
            "use `is not None` for Python decisions and tf.cond or tf.where in the graph"
        )

    def __iter__(self) -> Any:
        """Refuse: use `unstack`."""
        raise TypeError(f"tensor {self.name!r} is not iterable; use tf.unstack or tf.map_fn")

    def __len__(self) -> int:
        """Refuse: use `shape`."""
        raise TypeError(f"len of tensor {self.name!r} is not defined; use .shape or tf.shape")

    def __array__(self, *_: Any, **__: Any) -> Any:
        """Refuse: NumPy would get an object array."""
        raise NotImplementedError(
            f"cannot convert tensor {self.name!r} to a NumPy array; run it in a session"
        )

    def __repr__(self) -> str:
        """Show name, shape and dtype."""
        return f"<ps.Tensor {self.name!r} shape={self.shape} dtype={self.dtype.name}>"

    def __str__(self) -> str:
        """Show the way TensorFlow prints a tensor."""
        shape = "" if self._dims is None else f", shape={self.shape}"
        return f'Tensor("{self.name}"{shape}, dtype={self.dtype.name})'


def _session_for(session: Any, what: str) -> Any:
    session = session if session is not None else scopes.sessions.top()
    if session is None:
        raise ValueError(
            f"{what} needs a session: pass `session=`, or use it inside `with Session():`"
        )
    return session
