"""The IR: a graph as small frozen data, which passes take and return.

`IR` is an ordered mapping from name to `Node` in which every node stands after the nodes it
reads (edges of loops will be the one exception). Nothing in it is shared with the `Graph`
it came from except attribute values, which are never changed. Feeds are `_Arg` nodes and
fetches `_Retval` nodes, so an IR says by itself what goes in and what comes out; `roots`
names the nodes that must run. Print one to read it; write one by hand in a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from penstock.dtypes import DType
from penstock.graph.source import Source
from penstock.shapes import Dims, TensorShape, render

Endpoint: TypeAlias = tuple[str, int]
Attr: TypeAlias = Any
"""bool, int, float, bytes, DType, TensorShape, numpy.ndarray, Func, or a list of these."""


class Func(NamedTuple):
    """An attribute that names a function of the graph's library, with its attributes."""

    name: str
    attrs: dict[str, Any]


class Node(NamedTuple):
    """One node: what it computes, from what, where."""

    name: str
    op: str
    inputs: tuple[Endpoint, ...]
    controls: tuple[str, ...]
    attrs: Mapping[str, Attr]
    device: str
    dtypes: tuple[DType, ...]
    shapes: tuple[Dims, ...]
    source: Source | None = None

    def replace(self, **changes: Any) -> Node:
        """Return a copy with some fields changed."""
        return self._replace(**changes)

    def predecessors(self) -> Iterator[str]:
        """Yield the names of the nodes this one waits for, with repetitions."""
        for name, _ in self.inputs:
            yield name
        yield from self.controls

    def __str__(self) -> str:
        """Show one line: outputs, op, inputs, control inputs, attributes."""
        outputs = ", ".join(
            f"{d.name}{render(s)}" for d, s in zip(self.dtypes, self.shapes, strict=True)
        )
        inputs = [f"{name}:{i}" if i else name for name, i in self.inputs]
        inputs += [f"^{name}" for name in self.controls]
        attrs = ", ".join(
            f"{k}={render_attr(v)}" for k, v in sorted(self.attrs.items()) if k not in _IMPLIED
        )
        text = f"{self.name} = {self.op}({', '.join(inputs)})"
        if attrs:
            text += f" {{{attrs}}}"
        if outputs:
            text += f" -> {outputs}"
        return text + (f" @{self.device}" if self.device else "")


_IMPLIED = {"T", "dtype", "Tidx", "Tindices", "Tparams"}


def render_attr(value: Attr) -> str:
    """Return the short text of an attribute value."""
    if isinstance(value, np.ndarray):
        if value.size <= 8:
            return str(value.tolist())
        return f"<{value.dtype}{list(value.shape)}>"
    if isinstance(value, DType):
        return value.name
    if isinstance(value, TensorShape):
        return render(value._dims)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(render_attr(v) for v in value) + "]"
    return str(value)


class IR:
    """An ordered set of nodes and the roots that must run."""

    __slots__ = ("nodes", "roots")

    def __init__(self, nodes: Iterable[Node] | dict[str, Node], roots: Iterable[str]) -> None:
        """Take nodes in an order that respects their edges."""
        self.nodes: dict[str, Node] = (
            nodes if isinstance(nodes, dict) else {n.name: n for n in nodes}
        )
        self.roots: tuple[str, ...] = tuple(roots)

    def __getitem__(self, name: str) -> Node:
        """Return the node of that name."""
        return self.nodes[name]

    def __contains__(self, name: object) -> bool:
        """Return True when there is a node of that name."""
        return name in self.nodes

    def __iter__(self) -> Iterator[Node]:
        """Iterate over the nodes in order."""
        return iter(self.nodes.values())

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.nodes)

    def __str__(self) -> str:
        """Show one node a line, then the roots."""
        return "\n".join([*map(str, self), f"roots: {', '.join(self.roots)}"])

    def consumers(self) -> dict[str, list[str]]:
        """Return, for each node, the names of those that wait for it (once each)."""
        result: dict[str, list[str]] = {name: [] for name in self.nodes}
        for node in self:
            for name in dict.fromkeys(node.predecessors()):
                result[name].append(node.name)
        return result
