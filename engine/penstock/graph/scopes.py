"""The stacks of defaults: the only global state of the package.

Which graph is the default and which session evaluates `Tensor.eval` is kept per thread.
Everything else that a scope changes (name, device, control inputs, colocation) belongs to
one graph and lives in its `Scope`, an immutable record that `with` blocks replace.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Scope(NamedTuple):
    """What nodes made now inherit: one per graph and thread."""

    name: str = ""
    devices: tuple[Any, ...] = ()
    controls: tuple[Any, ...] = ()
    colocation: tuple[bytes, ...] = ()
    colocated_device: str = ""
    gradient_ops: tuple[tuple[str, str], ...] = ()
    attrs: tuple[tuple[str, Any], ...] = ()


class ScopeHolder(threading.local):
    """The scope of one graph in the current thread."""

    scope = Scope()


class ScopeBlock(AbstractContextManager[T]):
    """A `with` block in which some fields of the scope have other values; yields `value`.

    An object of its own rather than a generator: gradients enter thousands of them.
    """

    __slots__ = ("_changes", "_holder", "_old", "_value")

    def __init__(self, holder: ScopeHolder, value: T, **changes: Any) -> None:
        self._holder, self._value, self._changes = holder, value, changes

    def __enter__(self) -> T:
        """Set the fields."""
        self._old = self._holder.scope
        self._holder.scope = self._old._replace(**self._changes)
        return self._value

    def __exit__(self, *exc_info: object) -> None:
        """Put the scope back as it was."""
        self._holder.scope = self._old


class DefaultStack(threading.local, Generic[T]):
    """A per-thread stack whose top is the default."""

    def __init__(self) -> None:
        """Start empty in every thread."""
        self.items: list[T] = []

    def top(self) -> T | None:
        """Return the innermost default, or None."""
        return self.items[-1] if self.items else None

    @contextmanager
    def use(self, item: T) -> Iterator[T]:
        """Make `item` the default inside a `with` block."""
        self.items.append(item)
        try:
            yield item
        finally:
            if not self.items or self.items[-1] is not item:
                self.items.remove(item)
                raise RuntimeError("default scopes must be closed in the reverse order")
            self.items.pop()


graphs: DefaultStack[Any] = DefaultStack()
sessions: DefaultStack[Any] = DefaultStack()

_global_graph: list[Any] = []
_lock = threading.Lock()


def global_graph(make: Callable[[], Any]) -> Any:
    """Return the process's default graph, made by `make` on first use."""
    with _lock:
        if not _global_graph:
            _global_graph.append(make())
        return _global_graph[0]


def reset_global_graph() -> None:
    """Forget the process's default graph; the next use makes a new one."""
    with _lock:
        _global_graph.clear()
