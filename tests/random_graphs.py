"""Random graphs, grown one node at a time, each tensor with the value NumPy gives it.

`grown` is a hypothesis strategy of `Grown` programs. A move takes tensors and adds nodes;
what would leave the range in which precision is certain is built but not used further, so that
graphs have dead ends. Shared subgraphs, duplicates, identity chains, control edges, constants and
nodes that change nothing all occur. Truth values are made only of numbers that are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

import penstock as ps
from penstock.graph.extract import extract
from penstock.graph.ir import IR
from tests.reference import Array, apply

raw = ps.raw_ops
_EXACT = {
    *("Const", "Placeholder", "Identity", "StopGradient", "Neg", "Abs", "Relu", "Square"),
    *("AddV2", "Sub", "Mul", "Maximum", "Minimum", "SelectV2", "Reshape", "Transpose", "Pad"),
    *("ExpandDims", "Squeeze", "ConcatV2", "Pack", "Slice", "StridedSlice", "Tile", "GatherV2"),
    *("BroadcastTo", "ZerosLike", "OnesLike", "Fill", "Max", "Min", "Cast"),
}


@dataclass(frozen=True)
class Value:
    """A tensor, what it is, and whether that holds to the last bit."""

    tensor: ps.Tensor
    array: Array
    exact: bool


@dataclass
class Grown:
    """A program with its feeds, and everything that can be fetched from it."""

    graph: ps.Graph = field(default_factory=ps.Graph)
    feeds: dict[Any, Array] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    known: dict[Any, Value] = field(default_factory=dict)
    fetches: list[Value] = field(default_factory=list)

    def of(self, *kinds: str, exact: bool = False, rank: int = 0) -> list[Value]:
        """Return the usable values whose dtype is of those kinds."""
        return [
            v
            for v in self.values
            if v.array.dtype.kind in kinds and v.array.ndim >= rank and (v.exact or not exact)
        ]

    def take(self, tensor: ps.Tensor) -> Value:
        """Compute a new tensor (and what it needs); keep it where it is tame."""
        value = self.compute(tensor)
        array = value.array
        tame = array.dtype.kind == "b" or not array.size or bool(np.abs(array).max() < 1e4)
        if tame and array.size <= 256 and array.ndim <= 4:
            self.values.append(value)
        return value

    def compute(self, tensor: ps.Tensor) -> Value:
        """Return the value of a tensor, computing what it is made of first."""
        found = self.known.get(tensor)
        if found is None:
            parts = [self.compute(t) for t in tensor.op.inputs]
            node = tensor.op.to_node()
            array = apply(node, [p.array for p in parts])[tensor.value_index]
            whole = array.dtype.kind in "biu"
            exact = all(p.exact for p in parts) and (whole or node.op in _EXACT)
            found = self.known[tensor] = Value(tensor, array, exact)
        return found

    def ir(self) -> IR:
        """Return the program as the IR of a run of its fetches."""
        return extract(self.graph, [v.tensor for v in self.fetches], [], list(self.feeds))

    def __repr__(self) -> str:
        """Show the IR: what hypothesis prints of a failure."""
        return f"\n{self.ir()}\nfeeds: {list(self.feeds.values())}"


Draw = Callable[..., Any]
Move = Callable[[Draw, Grown], "ps.Tensor | None"]
MOVES: list[Move] = []


def move(function: Move) -> Move:
    """Add a way to grow."""
    MOVES.append(function)
    return function


def pick(draw: Draw, values: list[Value]) -> Value | None:
    return draw(st.sampled_from(values)) if values else None


def partner(draw: Draw, grown: Grown, value: Value) -> Value:
    """Return a value of the same dtype that `value` broadcasts with: itself, if need be."""
    fitting = []
    for other in grown.values:
        if other.array.dtype == value.array.dtype:
            try:
                shape = np.broadcast_shapes(other.array.shape, value.array.shape)
            except ValueError:
                continue
            if len(shape) <= 4 and np.prod(shape) <= 256:
                fitting.append(other)
    return draw(st.sampled_from(fitting or [value]))  # type: ignore[no-any-return]


@move
def unary(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.of("f", "i"))
    if value is None:
        return None
    both = ("Neg", "Abs", "Square", "ZerosLike", "OnesLike", "Identity", "StopGradient", "Relu")
    smooth = ("Tanh", "Sigmoid", "Softplus", "Sin", "Cos") if value.array.dtype.kind == "f" else ()
    return getattr(raw, draw(st.sampled_from(both + smooth)))(value.tensor)


@move
def binary(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.of("f", "i"))
    if value is None:
        return None
    other = partner(draw, grown, value)
    ops = ("AddV2", "Sub", "Mul", "Maximum", "Minimum", "SquaredDifference")
    op = draw(st.sampled_from(ops))
    result = getattr(raw, op)(value.tensor, other.tensor)
    if draw(st.booleans()):  # the same once more: a duplicate
        grown.take(getattr(raw, op)(value.tensor, other.tensor))
    return result


@move
def safe_division(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.of("f"))
    if value is None:
        return None
    other = partner(draw, grown, value).tensor
    return raw.RealDiv(value.tensor, raw.AddV2(raw.Square(other), raw.OnesLike(other)))


@move
def comparison(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.of("f", "i", exact=True))
    if value is None:
        return None
    other = partner(draw, grown, value)
    if not other.exact:
        return None
    ops = ("Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual")
    return getattr(raw, draw(st.sampled_from(ops)))(value.tensor, other.tensor)


@move
def logic(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.of("b"))
    if value is None:
        return None
    op = draw(st.sampled_from(("LogicalAnd", "LogicalOr", "LogicalNot")))
    if op == "LogicalNot":
        return raw.LogicalNot(value.tensor)
    return getattr(raw, op)(value.tensor, partner(draw, grown, value).tensor)


@move
def select(draw: Draw, grown: Grown) -> ps.Tensor | None:
    condition, value = pick(draw, grown.of("b")), pick(draw, grown.of("f", "i"))
    if condition is None or value is None:
        return None
    other = partner(draw, grown, value)
    try:
        np.broadcast_shapes(*[v.array.shape for v in (condition, value, other)])
    except ValueError:
        return None
    return raw.SelectV2(condition.tensor, value.tensor, other.tensor)


@move
def reduction(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, [v for v in grown.of("f", "i") if v.array.size])
    if value is None:
        return None
    axes = draw(st.sets(st.integers(0, max(0, value.array.ndim - 1)), max_size=value.array.ndim))
    op = draw(st.sampled_from(("Sum", "Max", "Min", "Mean")))
    if op == "Mean" and value.array.dtype.kind == "i":
        op = "Sum"
    where = np.array(sorted(axes), np.int32)
    return getattr(raw, op)(value.tensor, where, keep_dims=draw(st.booleans()))


@move
def matrix_product(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, [v for v in grown.of("f", rank=2) if v.array.ndim == 2])
    if value is None:
        return None
    first = draw(st.booleans())
    return raw.MatMul(value.tensor, value.tensor, transpose_a=first, transpose_b=not first)


@move
def rearrangement(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.values)
    if value is None:
        return None
    x, shape = value.tensor, value.array.shape
    kind = draw(st.sampled_from(("flatten", "reverse", "permute", "expand", "squeeze", "like")))
    if kind == "flatten":
        return raw.Reshape(x, [-1] if value.array.size else [0])
    if kind == "reverse":
        return raw.Reshape(x, np.array(shape[::-1], np.int32))
    if kind == "permute":
        return raw.Transpose(x, np.array(draw(st.permutations(range(len(shape)))), np.int32))
    if kind == "expand":
        return raw.ExpandDims(x, draw(st.integers(-len(shape) - 1, len(shape))))
    if kind == "like":
        return raw.Reshape(raw.Reshape(x, np.array([value.array.size], np.int32)), raw.Shape(x))
    return raw.Squeeze(x)


@move
def joining(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.values)
    if value is None:
        return None
    same = [
        v
        for v in grown.values
        if v.array.shape == value.array.shape and v.array.dtype == value.array.dtype
    ]
    parts = [value.tensor] + [v.tensor for v in draw(st.lists(st.sampled_from(same), max_size=2))]
    rank = value.array.ndim
    if rank == 0 or draw(st.booleans()):
        return raw.Pack(parts, axis=draw(st.integers(-rank - 1, rank)))
    return raw.ConcatV2([*parts, value.tensor], draw(st.integers(-rank, rank - 1)))


@move
def cutting(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.of("f", "i", "b", rank=1))
    if value is None:
        return None
    size = value.array.shape[0]
    if size and draw(st.booleans()):
        return value.tensor[draw(st.integers(-size, size - 1))]
    bound = st.none() | st.integers(-size - 1, size + 1)
    step = draw(st.sampled_from((None, 1, 2, -1)))
    rest = draw(st.sampled_from(((), (Ellipsis,), (Ellipsis, None), (None,))))
    return value.tensor[(slice(draw(bound), draw(bound), step), *rest)]


@move
def growing(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.of("f", "i", rank=1))
    if value is None:
        return None
    rank, size = value.array.ndim, value.array.shape[0]
    kind = draw(st.sampled_from(("tile", "pad", "gather", "broadcast")))
    if kind == "tile":
        return raw.Tile(value.tensor, np.array([2] + [1] * (rank - 1), np.int32))
    if kind == "pad":
        edges = draw(st.lists(st.integers(0, 1), min_size=2 * rank, max_size=2 * rank))
        return raw.Pad(value.tensor, np.array(edges, np.int32).reshape(rank, 2))
    if kind == "gather" and size:
        rows = draw(st.lists(st.integers(0, size - 1), max_size=4))
        return raw.GatherV2(value.tensor, np.array(rows, np.int32), 0)
    return raw.BroadcastTo(value.tensor, np.array((2, *value.array.shape), np.int32))


@move
def nothing_new(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.of("f"))
    if value is None:
        return None
    kind = value.array.dtype.type
    x = value.tensor
    ways: list[Callable[[], ps.Tensor]] = [
        lambda: raw.Mul(x, kind(1)),
        lambda: raw.Sub(x, kind(0)),
        lambda: raw.AddV2(x, kind(0)),
        lambda: raw.Neg(raw.Neg(x)),
        lambda: raw.Identity(raw.Identity(raw.Identity(x))),
        lambda: raw.AddN([x]),
        lambda: raw.Cast(x, DstT=x.dtype),
    ]
    return draw(st.sampled_from(ways))()


@move
def conversion(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.of("f", "i", "b"))
    if value is None:
        return None
    target = draw(st.sampled_from((ps.float32, ps.float64)))
    if value.tensor.dtype == ps.float32 and not value.exact:
        target = ps.float32  # as a float64 it would be compared more closely than it was computed
    return raw.Cast(value.tensor, DstT=target)


@move
def waiting(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value, other = pick(draw, grown.values), pick(draw, grown.values)
    if value is None or other is None:
        return None
    with ps.control_dependencies([other.tensor]):
        return raw.Identity(value.tensor)


@move
def measuring(draw: Draw, grown: Grown) -> ps.Tensor | None:
    value = pick(draw, grown.values)
    if value is None:
        return None
    return getattr(raw, draw(st.sampled_from(("Shape", "Size", "Rank"))))(value.tensor)


_SHAPES = st.sampled_from(((), (3,), (2, 3), (3, 1), (1, 3), (3, 3), (2, 3, 3), (0, 3)))
_DTYPES = st.sampled_from((np.float32, np.float32, np.float64, np.int32, np.int64, np.bool_))


def drawn_array(draw: Draw) -> Array:
    """Return an array of eighths, whole numbers or truth values."""
    shape, dtype = draw(_SHAPES), np.dtype(draw(_DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    whole = rng.integers(-16, 17, shape)
    return (whole / 8).astype(dtype) if dtype.kind == "f" else (whole // 4).astype(dtype)


@st.composite
def grown(draw: Draw, most: int = 25, static: bool | None = None) -> Grown:
    """Draw a program. `static` says whether shapes are known while it is built."""
    program = Grown()
    with program.graph.as_default():
        for _ in range(draw(st.integers(1, 4))):
            array = drawn_array(draw)
            if draw(st.booleans()):
                tensor = ps.constant(array)
            else:
                known = draw(st.booleans()) if static is None else static
                tensor = ps.placeholder(array.dtype, array.shape if known else None)
                program.feeds[tensor] = array
                program.known[tensor] = Value(tensor, array, True)
            program.take(tensor)
        for _ in range(draw(st.integers(1, most))):
            tensor = draw(st.sampled_from(MOVES))(draw, program)
            if tensor is not None:
                program.take(tensor)
    program.fetches = draw(
        st.lists(st.sampled_from(program.values), min_size=1, max_size=4, unique_by=id)
    )
    return program
