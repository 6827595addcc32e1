"""Public names: `@export("nn.relu")` records one, `install` builds the namespaces.

A function's public names stand beside its definition, so a search for one finds exactly
one place. `penstock/__init__.py` calls `install` once, after importing the families.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

_exports: dict[str, Any] = {}


def export(names: str) -> Callable[[T], T]:
    """Return a decorator that records a function or class under space-separated names.

    `"math.add add"` makes it `penstock.math.add` and `penstock.add`.
    """

    def record(value: T) -> T:
        export_value(names, value)
        return value

    return record


def export_value(names: str, value: Any) -> None:
    """Record any value under space-separated public names; each name only once."""
    for name in names.split():
        if name in _exports and _exports[name] is not value:
            raise ValueError(f"public name {name!r} is exported twice")
        _exports[name] = value


def exported() -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, value) in sorted order."""
    yield from sorted(_exports.items())


def install(package: types.ModuleType) -> None:
    """Set every exported name on `package`, making sub-namespaces as modules."""
    for dotted, value in exported():
        *path, last = dotted.split(".")
        target = package
        for part in path:
            target = _namespace(target, part)
        setattr(target, last, value)


def _namespace(parent: types.ModuleType, name: str) -> types.ModuleType:
    existing = parent.__dict__.get(name)
    if isinstance(existing, types.ModuleType):
        return existing
    module = types.ModuleType(f"{parent.__name__}.{name}")
    setattr(parent, name, module)
    sys.modules.setdefault(module.__name__, module)
    return module
