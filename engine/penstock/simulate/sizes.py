"""How large every value of an IR is: static shapes, better ones from feeds, guesses for the rest.

Enters: an IR and, if given, shapes of feeds; the shape rules of the ops then run again over the
whole IR. Leaves: a full shape and a number of bytes for each endpoint. What stays unknown is
guessed: a dimension is `unknown_dim` long, a value of unknown rank a vector of that length.
On demand, sizes that values decide are as large as the ops say they can be (`ops.registry`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from penstock import errors
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph.graph import Graph
from penstock.graph.ir import IR, Endpoint, Node
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.infer import ShapeContext, infer_shapes
from penstock.ops.registry import find_op, has_op
from penstock.shapes import Dims, TensorShape, merge, to_dims

UNKNOWN_DIM = 32
"""What an unknown dimension is taken for: a small batch."""

STRING_BYTES = 32
"""What an element that is a string is taken for."""


@export("simulate.Sizes")
class Sizes:
    """Shapes and bytes of every endpoint of an IR."""

    def __init__(
        self,
        ir: IR,
        shapes: Mapping[Any, Any] | None = None,
        unknown_dim: int = UNKNOWN_DIM,
        at_most: bool = False,
    ) -> None:
        """Take the static shapes; `shapes` gives those of feeds by tensor or name (`"x:0"`).

        `at_most` takes sizes that values decide for the largest that they can be.
        Raises `GraphError` for a name that is not fed, `ShapeError` when a shape contradicts
        the graph.
        """
        dims = {n.name: n.shapes for n in ir}
        at_most = at_most and any(has_op(n.op) and find_op(n.op).at_most for n in ir)
        if shapes or at_most:
            fed = {_tensor_name(k): to_dims(v) for k, v in (shapes or {}).items()}
            dims = inferred(ir, fed, at_most)
        self.guessed = {
            (name, i)
            for name, every in dims.items()
            for i, known in enumerate(every)
            if known is None or None in known
        }
        self._unknown = unknown_dim
        self._dims: dict[str, tuple[tuple[int, ...], ...]] = {}
        self._elements: dict[Endpoint, int] = {}
        self._bytes: dict[Endpoint, int] = {}
        width: dict[DType, int] = {}
        for node in ir:
            name = node.name
            every = self._dims[name] = tuple([self._full(d) for d in dims[name]])
            for i, (dtype, full) in enumerate(zip(node.dtypes, every, strict=True)):
                each = width.get(dtype)
                if each is None:
                    each = width[dtype] = bytes_per_element(dtype)
                count = self._elements[name, i] = math.prod(full)
                self._bytes[name, i] = count * each

    def _full(self, dims: Dims) -> tuple[int, ...]:
        if dims is None:
            return (self._unknown,)
        if None in dims:
            return tuple([self._unknown if d is None else d for d in dims])
        return cast("tuple[int, ...]", dims)

    def dims(self, endpoint: Endpoint) -> tuple[int, ...]:
        """Return the shape, guessed where it is not known."""
        return self._dims[endpoint[0]][endpoint[1]]

    def elements(self, endpoint: Endpoint) -> int:
        """Return the number of elements."""
        return self._elements[endpoint]

    def bytes(self, endpoint: Endpoint) -> int:
        """Return the bytes of the elements; handles of resources have none."""
        return self._bytes[endpoint]


def bytes_per_element(dtype: DType) -> int:
    """Return the bytes of one element: none for a handle, a guess for a string."""
    name = dtype.base_dtype.name
    return 0 if name == "resource" else STRING_BYTES if name == "string" else dtype.size


def variable_bytes(node: Node, unknown_dim: int = UNKNOWN_DIM) -> int:
    """Return the bytes of the variable that a `VarHandleOp` node makes the handle of."""
    shape = node.attrs.get("shape")
    dims = shape._dims if isinstance(shape, TensorShape) else None
    count = math.prod(unknown_dim if d is None else d for d in dims) if dims is not None else 0
    return count * bytes_per_element(node.attrs["dtype"])


def _tensor_name(key: Any) -> str:
    name = key if isinstance(key, str) else str(key.name)
    return name if ":" in name else f"{name}:0"


def _merged(tensor: str, known: Dims, given: Dims) -> Dims:
    try:
        return merge(known, given)
    except ValueError as e:
        raise errors.ShapeError(None, None, f'the shape given for "{tensor}": {e}') from None


def inferred(ir: IR, fed: Mapping[str, Dims], at_most: bool = False) -> dict[str, tuple[Dims, ...]]:
    """Return the shapes of all outputs, with the shape rules run again from shapes of feeds.

    With `at_most` those that values decide are bounded, and what follows from them.
    The nodes are added to a graph of their own, which nobody sees.
    """
    graph, made = Graph(), dict[str, Operation]()
    unused = dict(fed)
    for node in ir:
        known = node.shapes
        tensors = tuple([made[name]._outputs[i] for name, i in node.inputs])
        attrs = dict(node.attrs)
        name = attrs.get("_fed", node.name.encode() + b":0").decode()
        if node.op in ("_Arg", "Placeholder", "PlaceholderWithDefault") and name in fed:
            known = (_merged(name, known[0], fed[name]),)
            unused.pop(name, None)
        elif has_op(node.op):
            if at_most:
                known = _bounded(node, tensors, attrs)
            else:
                again = infer_shapes(find_op(node.op), node.name, tensors, attrs, len(node.dtypes))
                known = tuple(map(merge, node.shapes, again))
        outputs = list(zip(node.dtypes, known, strict=True))
        made[node.name] = graph.add_operation(
            node.op, node.name, tensors, attrs, outputs, node.source
        )
    if unused:
        raise errors.GraphError(
            None, None, f"shapes are given of what is not fed: {', '.join(sorted(unused))}"
        )
    return {name: tuple(t._dims for t in o._outputs) for name, o in made.items()}


def _bounded(node: Node, tensors: tuple[Tensor, ...], attrs: dict[str, Any]) -> tuple[Dims, ...]:
    """Return the shapes of a node, those that are not known at their largest, if that is known."""
    op = find_op(node.op)
    try:
        found = infer_shapes(op, node.name, tensors, attrs, len(node.dtypes))
        if op.at_most is not None:
            found = list(map(_filled, found, op.at_most(ShapeContext(op, tensors, attrs))))
    except ValueError:  # largest sizes need not go together as those of a run do
        return node.shapes
    return tuple(map(_filled, node.shapes, found))


def _filled(known: Dims, largest: Dims) -> Dims:
    """Return a shape with what is not known of it taken from another."""
    if known is None or largest is None or len(known) != len(largest):
        return largest if known is None else known
    return tuple([b if a is None else a for a, b in zip(known, largest, strict=True)])
