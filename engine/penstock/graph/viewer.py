"""The way from a graph or a plan up to its pictures.

Pictures stand on a higher rung and are loaded when somebody first looks: `penstock/__init__.py`
registers how, `Graph.visualize` and `PlanExplanation.visualize` ask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_loaders: list[Callable[[], Any]] = []


def register(load: Callable[[], Any]) -> None:
    """Say how the module `penstock.view` is imported."""
    _loaders[:] = [load]


def viewer() -> Any:
    """Return the module `penstock.view`."""
    return _loaders[0]()
