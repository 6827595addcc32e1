"""How an implementation of a program looks, and where it is found.

An implementation is a function that gets the peer's module and the sizes of the catalogue, and
returns a `Job`. `@implements(dialect, name, …)` records it; a dialect is one way to write programs
and may serve several peers. Its modules are imported only in a process that speaks it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

DIALECTS = ("graph", "jax", "torch")


@dataclass(frozen=True)
class Job:
    """A program that is ready to run.

    `step` is what is timed. `results` gives what is compared between the peers before timing
    (called once, before any step), as anything that NumPy makes arrays of. `close` lets go.
    """

    step: Callable[[], object]
    results: Callable[[], Sequence[Any]]
    close: Callable[[], None] = lambda: None


Implementation = Callable[..., Job]
_FOUND: dict[tuple[str, str], Implementation] = {}


def implements(dialect: str, *names: str) -> Callable[[Implementation], Implementation]:
    """Record a function as the dialect's implementation of these programs.

    It is called with the module, the part of the name behind the slash, and the sizes.
    """

    def record(function: Implementation) -> Implementation:
        for name in names:
            if (dialect, name) in _FOUND:
                raise ValueError(f"{name} is implemented twice in {dialect}")
            _FOUND[dialect, name] = function
        return function

    return record


def implementations(dialect: str) -> dict[str, Implementation]:
    """Import all programs of a dialect, and return them by name."""
    package = importlib.import_module(f"benchmarks.{dialect}_programs")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return {name: made for (spoken, name), made in _FOUND.items() if spoken == dialect}
