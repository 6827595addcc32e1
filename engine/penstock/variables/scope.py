"""variable_scope: a prefix for the names of variables, and defaults for making them.

A graph has a stack of `VariableScope`s per thread and a count of scopes opened by each name,
from which unique names are made. A variable's name comes from the variable scopes alone; the
names of other nodes come from the name scope that `variable_scope` opens beside it.
`get_variable` (in `sharing.py`) looks the defaults up here.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final

from penstock import dtypes, errors
from penstock.dtypes import DType
from penstock.exports import export, export_value
from penstock.graph.graph import Graph, get_default_graph
from penstock.ops.control import name_scope
from penstock.variables.collections import GraphKeys


class _Reuse(enum.Enum):
    AUTO_REUSE = 1

    def __bool__(self) -> bool:
        return True  # `reuse or inherited` must prefer it


AUTO_REUSE: Final = _Reuse.AUTO_REUSE
export_value("AUTO_REUSE", AUTO_REUSE)


@export("VariableScope")
class VariableScope:
    """What `get_variable` uses unless it is told otherwise: a prefix and defaults.

    Made by `variable_scope`. `reuse` is False (variables are new), True (they exist) or
    AUTO_REUSE (made when they do not exist).
    """

    def __init__(
        self,
        reuse: Any,
        name: str = "",
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Callable[..., Any] | None = None,
        name_scope: str = "",
        dtype: Any = dtypes.float32,
        use_resource: bool | None = None,
        constraint: Callable[[Any], Any] | None = None,
    ) -> None:
        """Take the defaults as they are."""
        self._reuse = reuse
        self._name = name
        self._initializer = initializer
        self._regularizer = regularizer
        self._caching_device = caching_device
        self._custom_getter = custom_getter
        self._name_scope = name_scope
        self._dtype: DType = dtypes.as_dtype(dtype)
        self._use_resource = use_resource
        self._constraint = constraint
        refuse_partitioner(partitioner)

    @property
    def name(self) -> str:
        """The prefix of variables, without a slash at the end."""
        return self._name

    @property
    def original_name_scope(self) -> str:
        """The name scope that was opened when the scope was made, with a slash."""
        return self._name_scope

    @property
    def reuse(self) -> Any:
        """False, True or AUTO_REUSE."""
        return self._reuse

    @property
    def initializer(self) -> Any:
        """The default initializer."""
        return self._initializer

    @property
    def regularizer(self) -> Any:
        """The default regularizer."""
        return self._regularizer

    @property
    def caching_device(self) -> Any:
        """The device that reads are cached on."""
        return self._caching_device

    @property
    def partitioner(self) -> None:
        """None: variables are not partitioned."""
        return None

    @property
    def custom_getter(self) -> Callable[..., Any] | None:
        """The function that stands before `get_variable`."""
        return self._custom_getter

    @property
    def dtype(self) -> DType:
        """The default dtype."""
        return self._dtype

    @property
    def use_resource(self) -> bool | None:
        """What was asked for; all variables are resource variables."""
        return self._use_resource

    @property
    def constraint(self) -> Callable[[Any], Any] | None:
        """The default constraint."""
        return self._constraint

    def reuse_variables(self) -> None:
        """Take variables from now on to exist."""
        self._reuse = True

    def set_initializer(self, initializer: Any) -> None:
        """Set the default initializer."""
        self._initializer = initializer

    def set_regularizer(self, regularizer: Any) -> None:
        """Set the default regularizer."""
        self._regularizer = regularizer

    def set_caching_device(self, caching_device: Any) -> None:
        """Set the device that reads are cached on."""
        self._caching_device = caching_device

    def set_partitioner(self, partitioner: Any) -> None:
        """Accept None only."""
        refuse_partitioner(partitioner)

    def set_custom_getter(self, custom_getter: Callable[..., Any] | None) -> None:
        """Set the function that stands before `get_variable`."""
        self._custom_getter = custom_getter

    def set_dtype(self, dtype: Any) -> None:
        """Set the default dtype."""
        self._dtype = dtypes.as_dtype(dtype)

    def set_use_resource(self, use_resource: bool | None) -> None:
        """Record the wish; all variables are resource variables."""
        self._use_resource = use_resource

    def get_collection(self, name: str) -> list[Any]:
        """Return what a collection holds of this scope."""
        return get_default_graph().get_collection(name, self._name + "/" if self._name else "")

    def trainable_variables(self) -> list[Any]:
        """Return the trainable variables of this scope."""
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def global_variables(self) -> list[Any]:
        """Return the global variables of this scope."""
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self) -> list[Any]:
        """Return the local variables of this scope."""
        return self.get_collection(GraphKeys.LOCAL_VARIABLES)

    def _with(self, **changes: Any) -> VariableScope:
        """Return a copy in which every change that is not None was made."""
        copy = VariableScope.__new__(VariableScope)
        copy.__dict__.update(self.__dict__)
        copy.__dict__.update({f"_{k}": v for k, v in changes.items() if v is not None})
        return copy


@export("no_regularizer")
def no_regularizer(_: Any) -> None:
    """Return None: as a regularizer it keeps the scope's from being used."""


def refuse_partitioner(partitioner: Any) -> None:
    """Raise for anything but None."""
    if partitioner is not None:
        raise errors.UnimplementedError(
            None, None, "variables are not partitioned here: leave out partitioner"
        )


class _Scopes(threading.local):
    """Of one graph and thread: the current scope, and how often each name was opened."""

    def __init__(self) -> None:
        self.current = VariableScope(False)
        self.opened: dict[str, int] = {}

    def unique(self, prefix: str) -> str:
        """Return `prefix`, or with a suffix the first name not opened in the current scope."""
        parent = self.current.name
        base = f"{parent}/{prefix}" if parent else prefix
        count, suffix = 0, ""
        while self.opened.get(base + suffix, 0) > 0:
            count += 1
            suffix = f"_{count}"
        return prefix + suffix

    def close_inside(self, name: str) -> None:
        """Forget the scopes opened inside `name`: opening it again starts afresh."""
        for key in self.opened:
            if key.startswith(name + "/"):
                self.opened[key] = 0

    def count(self, name: str) -> None:
        """Note that a scope of this name was opened."""
        self.opened[name] = self.opened.get(name, 0) + 1


_KEY = "_variable_scopes"


def _scopes(graph: Graph) -> _Scopes:
    held = graph.get_collection_ref(_KEY)
    if not held:
        held.append(_Scopes())
    scopes: _Scopes = held[0]
    return scopes


@export("get_variable_scope")
def get_variable_scope() -> VariableScope:
    """Return the current variable scope of the default graph."""
    return _scopes(get_default_graph()).current


@export("variable_scope")
class variable_scope:
    """Open a scope for variables (and a name scope of the same name) in a `with` block.

    `name_or_scope` is a name under the current scope, or a `VariableScope` to enter again.
    With None, `default_name` is made unique. `reuse` is inherited; True finds existing
    variables, AUTO_REUSE makes those that do not exist. `values` (tensors) say which graph.
    `auxiliary_name_scope=False` opens no new name scope. Raises `ValueError` or `TypeError`
    for contradictory arguments.

    >>> with ps.Graph().as_default():
    ...     with ps.variable_scope("layer"):
    ...         w = ps.get_variable("w", [2])
    ...     with ps.variable_scope("layer", reuse=True):
    ...         again = ps.get_variable("w", [2])
    >>> w.name, again is w
    ('layer/w:0', True)
    """

    def __init__(
        self,
        name_or_scope: str | VariableScope | None,
        default_name: str | None = None,
        values: Sequence[Any] | None = None,
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Callable[..., Any] | None = None,
        reuse: Any = None,
        dtype: Any = None,
        use_resource: bool | None = None,
        constraint: Callable[[Any], Any] | None = None,
        auxiliary_name_scope: bool = True,
    ) -> None:
        """Check the arguments; the scope is opened by `with`."""
        if name_or_scope is None and default_name is None:
            raise TypeError("variable_scope needs a name_or_scope or a default_name")
        if name_or_scope is not None and not isinstance(name_or_scope, (str, VariableScope)):
            raise TypeError(
                f"name_or_scope must be a string or a VariableScope, not {name_or_scope!r}"
            )
        if name_or_scope is None and reuse:
            raise ValueError(
                "variable_scope cannot reuse variables under a default_name, which is made "
                "unique: give name_or_scope"
            )
        if not isinstance(auxiliary_name_scope, bool):
            raise TypeError(f"auxiliary_name_scope must be a bool, not {auxiliary_name_scope!r}")
        refuse_partitioner(partitioner)
        self._target = name_or_scope
        self._default_name = default_name
        self._values = values
        self._reuse = reuse or None  # False means: as the outer scope
        self._name_scoped = auxiliary_name_scope
        self._changes = {
            "initializer": initializer,
            "regularizer": regularizer,
            "caching_device": caching_device,
            "dtype": None if dtype is None else dtypes.as_dtype(dtype),
            "use_resource": use_resource,
            "constraint": constraint,
        }
        self._getter = custom_getter
        self._stack = ExitStack()

    def __enter__(self) -> VariableScope:
        """Open the scope; returns it."""
        with self._stack:  # undoes a part of it when the rest fails
            graph = next((v.graph for v in self._values or () if hasattr(v, "graph")), None)
            if graph is not None and graph is not get_default_graph():
                self._stack.enter_context(graph.as_default())
            graph = get_default_graph()
            scopes = _scopes(graph)
            if isinstance(self._target, VariableScope):
                scope = self._re_entered(self._target, scopes)
            else:
                scope = self._named(self._target, scopes, graph)
            self._stack.callback(setattr, scopes, "current", scopes.current)
            scopes.current = scope
            self._stack = self._stack.pop_all()
        return scope

    def __exit__(self, *exc_info: Any) -> None:
        """Return to the outer scope."""
        self._stack.__exit__(*exc_info)

    def _re_entered(self, target: VariableScope, scopes: _Scopes) -> VariableScope:
        self._open_name_scope(target.name.rpartition("/")[2])
        scopes.count(target.name)
        # Scopes opened inside keep their numbers once this block ends.
        self._stack.callback(setattr, scopes, "opened", dict(scopes.opened))
        getter = _nested(self._getter, target.custom_getter)
        return target._with(**self._changes, reuse=self._reuse, custom_getter=getter)

    def _named(self, name: str | None, scopes: _Scopes, graph: Graph) -> VariableScope:
        outer = scopes.current
        part = scopes.unique(self._default_name or "") if name is None else name
        # A default name is made unique among name scopes independently of variable scopes.
        shown = self._default_name if name is None else name
        here = graph.get_name_scope()
        path = self._open_name_scope(shown) or (here + "/" if here else "")
        full = f"{outer.name}/{part}" if outer.name else part
        scopes.count(full)
        self._stack.callback(scopes.close_inside, full)
        return outer._with(
            **self._changes,
            reuse=self._reuse,
            custom_getter=_nested(self._getter, outer.custom_getter),
            name=full,
            name_scope=path,
        )

    def _open_name_scope(self, name: str | None) -> str | None:
        if not name or not self._name_scoped:  # the root scope has no name scope of its own
            return None
        return self._stack.enter_context(name_scope(name))


def _nested(
    inner: Callable[..., Any] | None, outer: Callable[..., Any] | None
) -> Callable[..., Any] | None:
    """Return a custom getter that asks `inner`, whose getter asks `outer`."""
    if inner is None or outer is None:
        return inner or outer
    first, second = inner, outer

    def both(getter: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def next_getter(*a: Any, **k: Any) -> Any:
            return second(getter, *a, **k)

        return first(next_getter, *args, **kwargs)

    return both
