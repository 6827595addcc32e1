"""Nested fetches and feeds → flat lists, and results back into the same nesting.

A fetch is a tensor, an operation, a name, anything with `_as_graph_element`, IndexedSlices,
or a list, tuple, named tuple or dict of fetches. Equal tensors are fetched once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from penstock import errors
from penstock.exports import export
from penstock.graph.graph import Graph
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.indexed_slices import IndexedSlices

Build: TypeAlias = Callable[[Sequence[Any]], Any]


@export("IndexedSlicesValue")
class IndexedSlicesValue(NamedTuple):
    """The value of fetched `IndexedSlices`: three arrays (dense_shape may be None)."""

    values: Any
    indices: Any
    dense_shape: Any


class Fetches:
    """A fetch structure, flattened: which tensors and operations, and how to build results."""

    def __init__(self, graph: Graph, structure: Any) -> None:
        """Flatten `structure`; `FetchError` names what cannot be fetched."""
        self._graph = graph
        self._index: dict[Tensor, int] = {}
        self.targets: dict[Operation, None] = {}
        build = self._compile(structure)
        self.tensors: list[Tensor] = list(self._index)
        self.is_list_of_all = (
            type(structure) is list
            and len(structure) == len(self.tensors)
            and not self.targets
            and all(isinstance(f, Tensor) for f in structure)
        )
        self.build: Build = build

    def _compile(self, fetch: Any) -> Build:
        if isinstance(fetch, (list, tuple)):
            return self._compile_sequence(fetch)
        if isinstance(fetch, Mapping):
            kind: Any = type(fetch)
            keys = list(fetch)
            parts = [self._compile(fetch[k]) for k in keys]
            if kind is dict:
                return lambda v: {k: p(v) for k, p in zip(keys, parts, strict=True)}
            return lambda v: kind([(k, p(v)) for k, p in zip(keys, parts, strict=True)])
        if isinstance(fetch, IndexedSlices):
            inner = [fetch.values, fetch.indices, fetch.dense_shape]
            leaves = [None if t is None else self._leaf(t) for t in inner]
            return lambda v: IndexedSlicesValue(*[None if p is None else p(v) for p in leaves])
        return self._leaf(fetch)

    def _compile_sequence(self, fetch: Any) -> Build:
        parts = [self._compile(f) for f in fetch]
        kind = type(fetch)
        if hasattr(fetch, "_fields"):
            return lambda v: kind(*[p(v) for p in parts])
        if kind is list:
            return lambda v: [p(v) for p in parts]
        return lambda v: kind([p(v) for p in parts])

    def _leaf(self, fetch: Any) -> Build:
        try:
            element = self._graph.as_graph_element(fetch)
        except (TypeError, ValueError, KeyError) as e:
            reason = e.args[0] if e.args else e
            raise errors.FetchError(None, None, f"cannot fetch {fetch!r}: {reason}") from None
        if isinstance(element, Operation):
            self.targets[element] = None
            return lambda _: None
        index = self._index.setdefault(element, len(self._index))
        return lambda v: v[index]


def structure_key(fetch: Any) -> Any:
    """Return something hashable that is equal for equal fetch structures."""
    if isinstance(fetch, (list, tuple)):
        return type(fetch), tuple([structure_key(f) for f in fetch])
    if isinstance(fetch, Mapping):
        return type(fetch), tuple([(k, structure_key(v)) for k, v in fetch.items()])
    return fetch


def feed_tensors(graph: Graph, keys: Sequence[Any]) -> list[Tensor]:
    """Return the tensors that the keys of a feed_dict mean; `FeedError` for what is none."""
    tensors = []
    for key in keys:
        try:
            tensor = graph.as_graph_element(key, allow_operation=False)
        except (TypeError, ValueError, KeyError) as e:
            reason = e.args[0] if e.args else e
            raise errors.FeedError(None, None, f"cannot feed {key!r}: {reason}") from None
        assert isinstance(tensor, Tensor)
        if not graph.is_feedable(tensor):
            raise errors.FeedError(None, None, f'tensor "{tensor.name}" may not be fed')
        tensors.append(tensor)
    return tensors


def fed_shapes(tensors: Sequence[Tensor], values: Sequence[Any]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of fed values by tensor; a value that is None, or no array, has none."""
    shapes = {}
    for tensor, value in zip(tensors, values, strict=True):
        with suppress(ValueError, TypeError):  # the run says what is wrong with the value
            if value is not None:
                shapes[tensor.name] = tuple(map(int, np.shape(value)))
    return shapes


def flatten_feeds(feed_dict: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a feed_dict whose keys are single tensors: tuples and IndexedSlices taken apart."""
    flat: dict[Any, Any] = {}
    for key, value in feed_dict.items():
        if isinstance(key, (tuple, list)):
            if len(key) != len(value):
                raise errors.FeedError(
                    None, None, f"{len(key)} tensors cannot be fed {len(value)} values"
                )
            flat.update(flatten_feeds(dict(zip(key, value, strict=True))))
        elif isinstance(key, IndexedSlices):
            parts = [key.values, key.indices, key.dense_shape]
            flat.update({k: v for k, v in zip(parts, value, strict=False) if k is not None})
        else:
            flat[key] = value
    return flat
