"""Variable: a value that a session keeps between runs.

A variable `w` is four nodes: the handle `w` (VarHandleOp), `w/Assign`, `w/Read/ReadVariableOp`
and `w/IsInitialized/VarIsInitializedOp`; its first value is built under `w/Initializer`.
Using a variable as a tensor adds a read at that place, which sees what the control
dependencies there have made sure of. Fetching it fetches `w/Read/ReadVariableOp:0`.
What changes a variable is in `updatable.py`; lists and initialisers are in `initialization.py`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Any

from penstock import errors, protos, shapes
from penstock.dtypes import DType, as_dtype
from penstock.exports import export
from penstock.graph.graph import Graph, get_default_graph
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.wrappers import raw
from penstock.shapes import Dims, TensorShape
from penstock.variables.collections import GraphKeys
from penstock.variables.operators import TensorOperators
from penstock.variables.updatable import Updatable


@export("VariableSynchronization")
class VariableSynchronization(enum.Enum):
    """When replicas of a variable are brought into line; recorded only."""

    AUTO = 0
    NONE = 1
    ON_WRITE = 2
    ON_READ = 3


@export("VariableAggregation")
class VariableAggregation(enum.Enum):
    """How updates of replicas of a variable are combined; recorded only."""

    NONE = 0
    SUM = 1
    MEAN = 2
    ONLY_FIRST_REPLICA = 3


@export("Variable")
class Variable(TensorOperators, Updatable):
    """A tensor-like value that a session keeps between runs.

    `initial_value` is anything that converts to a tensor, or a function that returns such a
    thing (called inside the variable's own scope). The variable has no value until its
    `initializer` ran; using it earlier raises `FailedPreconditionError`. `trainable` puts it
    into the collection that optimizers look at; `collections` defaults to the global
    variables. With `validate_shape=False` assignments may change the shape. Every variable
    is a resource variable, whatever `use_resource` says.

    >>> w = ps.Variable([1., 2.], name="w")
    >>> with ps.Session() as sess:
    ...     sess.run(w.initializer)
    ...     print(sess.run(w * 2.), sess.run(w.assign_add([1., 1.])))
    [2. 4.] [2. 3.]
    """

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        collections: Iterable[str] | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        expected_shape: Any = None,
        import_scope: str | None = None,
        constraint: Callable[[Any], Any] | None = None,
        use_resource: bool | None = None,
        synchronization: VariableSynchronization = VariableSynchronization.AUTO,
        aggregation: VariableAggregation = VariableAggregation.NONE,
        shape: Any = None,
    ) -> None:
        """Add the nodes of a variable; `ValueError` without an initial value or its shape."""
        if variable_def is not None:
            if initial_value is not None:
                raise ValueError("give Variable an initial_value or a variable_def, not both")
            self._find_nodes(variable_def, import_scope)
            return
        if initial_value is None:
            raise ValueError("Variable needs an initial_value")
        if constraint is not None and not callable(constraint):
            raise ValueError(f"constraint must be a function, not {constraint!r}")
        if isinstance(collections, str):
            raise ValueError(f"collections must be a list of names, not the string {collections!r}")
        self.constraint = constraint
        self.synchronization = synchronization
        self.aggregation = aggregation
        self._trainable = _is_trainable(trainable, synchronization)
        self._updated_by: Operation | None = None
        self._cached: Tensor | None = None
        wanted = None if dtype is None else as_dtype(dtype).base_dtype
        shape = expected_shape if shape is None else shape
        graph = get_default_graph()
        with graph.control_dependencies(None):
            self._add_nodes(graph, initial_value, wanted, name, shape, validate_shape)
            if caching_device is not None:
                with graph.device(caching_device):
                    self._cached = raw.Identity(self._snapshot)
        keys = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if self._trainable and GraphKeys.TRAINABLE_VARIABLES not in keys:
            keys.append(GraphKeys.TRAINABLE_VARIABLES)
        graph.add_to_collections(keys, self)

    def _add_nodes(
        self,
        graph: Graph,
        initial_value: Any,
        dtype: DType | None,
        name: str | None,
        shape: Any,
        validate_shape: bool,
    ) -> None:
        with graph.name_scope(name or "Variable") as scope:
            own = scope[:-1]
            # The variable does not exist yet, so its group is named rather than asked for.
            with (
                graph.name_scope("Initializer"),
                graph.device(None),
                graph.marked(_class=[b"loc:@" + own.encode()]),
            ):
                first = initial_value
                if callable(initial_value) and not isinstance(initial_value, Variable):
                    first = initial_value()
                first = convert.to_tensor(first, dtype, "initial_value")
            dims = _variable_dims(own, first, shape, validate_shape)
            self._initial_value: Tensor | None = first
            self._handle: Tensor = raw.VarHandleOp(
                dtype=first.dtype.base_dtype, shape=TensorShape(dims), shared_name=own, name=scope
            )
            self._dtype = first.dtype.base_dtype
            self._dims: Dims = dims
            with graph.colocate_with(None, ignore_existing=True), graph.device(self._handle.device):
                with graph.name_scope("IsInitialized"):
                    self._is_initialized: Tensor | None = raw.VarIsInitializedOp(self._handle)
                self._initializer: Operation = raw.AssignVariableOp(
                    self._handle, first, name="Assign"
                )
                with graph.name_scope("Read"):
                    self._snapshot: Tensor = self._add_read(None)

    def _find_nodes(self, variable_def: Any, import_scope: str | None) -> None:
        graph = get_default_graph()
        prefix = f"{import_scope}/" if import_scope else ""
        if not variable_def.is_resource:
            raise errors.UnimplementedError(
                None,
                None,
                f"variable {variable_def.variable_name!r} is a reference variable: use its "
                "tensors by name (they run as they are)",
            )
        self._handle = graph.get_tensor_by_name(prefix + variable_def.variable_name)
        self._initializer = graph.get_operation_by_name(prefix + variable_def.initializer_name)
        self._snapshot = graph.get_tensor_by_name(prefix + variable_def.snapshot_name)
        self._initial_value = None
        if variable_def.initial_value_name:
            self._initial_value = graph.get_tensor_by_name(prefix + variable_def.initial_value_name)
        self._dtype = self._handle.op.get_attr("dtype")
        self._dims = self._handle.op.get_attr("shape")._dims
        self._is_initialized = None
        self._updated_by = self._cached = None
        self._trainable = variable_def.trainable
        self.synchronization = VariableSynchronization(variable_def.synchronization)
        self.aggregation = VariableAggregation(variable_def.aggregation)
        self.constraint = None

    # ---- what it is

    @property
    def name(self) -> str:
        """The name of the handle tensor: ``w:0``."""
        return self._handle.name

    @property
    def _shared_name(self) -> str:
        """The name without ``:0``."""
        return self._handle.op.name

    @property
    def handle(self) -> Tensor:
        """The resource tensor that stands for the variable itself."""
        return self._handle

    @property
    def op(self) -> Operation:
        """The operation that makes the handle (of an updated variable: that updates it)."""
        return self._handle.op if self._updated_by is None else self._updated_by

    @property
    def graph(self) -> Graph:
        """The graph it belongs to."""
        return self._handle.graph

    @property
    def device(self) -> str:
        """The device asked for."""
        return self._handle.device

    @property
    def dtype(self) -> DType:
        """The dtype of the value."""
        return self._dtype

    @property
    def shape(self) -> TensorShape:
        """What is known of the value's shape."""
        return TensorShape(self._dims)

    def get_shape(self) -> TensorShape:
        """Return what is known of the value's shape."""
        return TensorShape(self._dims)

    def set_shape(self, shape: Any) -> None:
        """Add knowledge about the shape of reads made from now on."""
        self._dims = shapes.merge(self._dims, shapes.to_dims(shape))

    @property
    def trainable(self) -> bool:
        """True when optimizers change it by default."""
        return self._trainable

    @property
    def initializer(self) -> Operation:
        """The operation that assigns the initial value."""
        return self._initializer

    @property
    def initial_value(self) -> Tensor | None:
        """The tensor of the initial value (None when an imported graph does not say)."""
        return self._initial_value

    def initialized_value(self) -> Tensor:
        """Return the initial value, for the initial value of another variable.

        Both variables then get the same numbers when they are initialised in one run.
        """
        if self._initial_value is None:
            raise ValueError(f"the initial value of variable {self.name!r} is not known")
        return self._initial_value

    def is_initialized(self, name: str | None = None) -> Tensor:
        """Return a bool tensor: does the variable have a value?"""
        result: Tensor = raw.VarIsInitializedOp(self._handle, name=name)
        return result

    # ---- reading

    def value(self) -> Tensor:
        """Return the value as a tensor, read here (or once, on its caching device)."""
        return self._as_tensor(None, None)

    def read_value(self) -> Tensor:
        """Return the value as a tensor, read here and now, whatever was cached."""
        result: Tensor = raw.Identity(self._read(None))
        return result

    def sparse_read(self, indices: Any, name: str | None = None) -> Tensor:
        """Return the rows at `indices`; its gradient is `IndexedSlices`."""
        with self._after_update():
            result: Tensor = raw.ResourceGather(
                self._handle, indices, dtype=self._dtype, name=name or "Gather"
            )
        return result

    def gather_nd(self, indices: Any, name: str | None = None) -> Tensor:
        """Return the elements or slices at `indices`, whose last dimension is a position."""
        with self._after_update():
            result: Tensor = raw.ResourceGatherNd(
                self._handle, indices, dtype=self._dtype, name=name or "GatherNd"
            )
        return result

    def _as_tensor(self, dtype: DType | None, name: str | None) -> Tensor:
        if dtype is not None and dtype is not self._dtype:
            raise errors.DTypeError(
                None,
                None,
                f'variable "{self.name}" has dtype {self._dtype.name}, {dtype.name} is needed: '
                "use tf.cast",
            )
        if self._cached is not None:
            return self._cached
        with self.graph.colocate_with(None, ignore_existing=True):  # read where the variable is
            return self._read(name)

    def _read(self, name: str | None) -> Tensor:
        """Add a read. For the argument ``mul/x`` of an op it is named ``mul/ReadVariableOp``."""
        final = "/" if name and name.endswith("/") else ""  # a full name, not one to be scoped
        op, slash, _ = (name or "").removesuffix("/").rpartition("/")
        with self._after_update():
            return self._add_read(f"{op}/ReadVariableOp{final}" if slash else None)

    def _add_read(self, name: str | None) -> Tensor:
        tensor: Tensor = raw.ReadVariableOp(self._handle, dtype=self._dtype, name=name)
        if tensor._dims != self._dims:
            tensor._dims = shapes.merge(tensor._dims, self._dims)
        return tensor

    def _after_update(self) -> Any:
        return self.graph.control_dependencies(
            [] if self._updated_by is None else [self._updated_by]
        )

    def _as_graph_element(self) -> Tensor:
        return self._snapshot

    def eval(self, session: Any = None) -> Any:
        """Return the value in `session`, or in the default one."""
        return self._as_graph_element().eval(session=session)

    def load(self, value: Any, session: Any = None) -> None:
        """Set the value in `session`, or in the default one, without adding nodes."""
        self._initializer.run({self._initializer.inputs[1]: value}, session)

    # ---- changing

    def _update(self, op: str, *inputs: Any, name: str | None = None, **attrs: Any) -> Operation:
        """Apply a resource op to the handle."""
        with self._after_update():
            operation: Operation = getattr(raw, op)(self._handle, *inputs, name=name, **attrs)
        return operation

    def _updated(self, operation: Operation) -> Variable:
        """Return the variable as it is after `operation`."""
        return _Updated(self, operation)

    def to_proto(self, export_scope: str | None = None) -> Any:
        """Return a `VariableDef` message: the names of the nodes, less `export_scope`.

        None when the variable is not in that scope.
        """
        prefix = f"{export_scope}/" if export_scope else ""
        if not self.name.startswith(prefix):
            return None
        message = protos.VariableDef(
            variable_name=self.name.removeprefix(prefix),
            initializer_name=self._initializer.name.removeprefix(prefix),
            snapshot_name=self._snapshot.name.removeprefix(prefix),
            is_resource=True,
            trainable=self._trainable,
            synchronization=f"VARIABLE_SYNCHRONIZATION_{self.synchronization.name}",
            aggregation=f"VARIABLE_AGGREGATION_{self.aggregation.name}",
        )
        if self._initial_value is not None:
            message.initial_value_name = self._initial_value.name.removeprefix(prefix)
        return message

    @staticmethod
    def from_proto(variable_def: Any, import_scope: str | None = None) -> Variable:
        """Return the variable whose nodes are in the default graph already."""
        return Variable(variable_def=variable_def, import_scope=import_scope)

    def ref(self) -> Variable:
        """Return the variable: it can be a key of dicts and a member of sets itself."""
        return self

    def __hash__(self) -> int:
        """Hash by identity."""
        return id(self)

    def __eq__(self, other: object) -> bool:
        """Compare handles, not values."""
        return self is other

    def __bool__(self) -> bool:
        """Refuse: the value is known only when a session runs."""
        raise TypeError(
            f"the truth of variable {self.name!r} is known only in a session; "
            "use `is not None` for Python decisions"
        )

    def __iter__(self) -> Any:
        """Refuse: use `unstack`."""
        raise TypeError(f"variable {self.name!r} is not iterable; use tf.unstack")

    def __array__(self, *_: Any, **__: Any) -> Any:
        """Refuse: NumPy would get an object array."""
        raise NotImplementedError(
            f"cannot convert variable {self.name!r} to a NumPy array; run it in a session"
        )

    def __repr__(self) -> str:
        """Show name, shape and dtype."""
        return f"<ps.Variable {self.name!r} shape={self.shape} dtype={self._dtype.name}>"


class _Updated(Variable):
    """A variable as it is after an update: every use of it waits for that update."""

    def __init__(self, variable: Variable, operation: Operation) -> None:
        self.__dict__.update(variable.__dict__)
        self._updated_by = operation
        self._cached = None
        # Made at once: by the time it is fetched the graph may be finalized.
        self._after = self._read(None)

    def _as_graph_element(self) -> Tensor:
        return self._after


def _is_trainable(trainable: bool | None, synchronization: VariableSynchronization) -> bool:
    if synchronization is VariableSynchronization.ON_READ:
        if trainable:
            raise ValueError("a variable synchronised ON_READ cannot be trainable")
        return False
    return trainable is None or bool(trainable)


def _variable_dims(name: str, first: Tensor, shape: Any, validate: bool) -> Dims:
    """Return the static shape of a variable from its initial value and what is asked for."""
    if shape is None:
        if validate and first._dims is None:
            raise ValueError(
                f'the initial value of variable "{name}" must have a known rank; give its shape, '
                "or validate_shape=False"
            )
        return first._dims if validate else None
    dims = shapes.to_dims(shape)
    if not shapes.compatible(dims, first._dims):
        raise errors.ShapeError(
            None,
            None,
            f'variable "{name}" of shape {shapes.render(dims)} cannot hold its initial value of '
            f"shape {shapes.render(first._dims)}",
        )
    return dims
