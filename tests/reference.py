"""A slow, obvious interpreter of the IR in NumPy: what the runtime and every pass must agree with.

`evaluate` takes an IR and the values of its `_Arg` nodes and returns those of its `_Retval` nodes;
`evaluate_partitions` does so for one IR per device, with a dictionary as rendezvous. Each rule
takes the node and its input arrays and returns the array (or tuple) it makes; dtypes are settled
afterwards from the node, so rules may compute in any precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from penstock.graph.ir import IR, Node
from penstock.graph.transfers import RECVS, SENDS, Key, key_of

Array: TypeAlias = np.ndarray[Any, Any]
Rule: TypeAlias = Callable[..., Any]

RULES: dict[str, Rule] = {}


def evaluate(ir: IR, feeds: Sequence[Any]) -> list[Array]:
    """Return the fetched values, in order, for `feeds` in order."""
    return evaluate_partitions({"": ir}, feeds)


def evaluate_partitions(parts: Mapping[str, IR], feeds: Sequence[Any]) -> list[Array]:
    """Return the fetched values of a step of all `parts`, each in its own order.

    What was sent and never received, or waited for and never sent, is an error.
    """
    fetched: dict[int, Array] = {}
    rendezvous: dict[Key, Array] = {}
    walks = [_walk(part, feeds, fetched, rendezvous) for part in parts.values()]
    before: list[Key] = []
    while waiting := [key for walk in walks if (key := next(walk, None)) is not None]:
        assert waiting != before, f"every partition waits: {waiting}"
        before = waiting
    assert not rendezvous, f"nobody received {list(rendezvous)}"
    return [fetched[i] for i in sorted(fetched)]


def _walk(
    ir: IR, feeds: Sequence[Any], fetched: dict[int, Array], rendezvous: dict[Key, Array]
) -> Iterator[Key]:
    """Run one partition; yield the key of a receive for as long as nothing was sent under it."""
    values: dict[str, tuple[Array, ...]] = {}
    for node in ir:
        inputs = [values[name][index] for name, index in node.inputs]
        assert all(name in values for name in node.controls)
        values[node.name] = ()
        if node.op == "_Arg":
            values[node.name] = (np.asarray(feeds[node.attrs["index"]]),)
        elif node.op == "_Retval":
            fetched[node.attrs["index"]] = inputs[0]
        elif node.op in SENDS:
            rendezvous[key_of(node)] = inputs[0]
        elif node.op in RECVS:
            while key_of(node) not in rendezvous:
                yield key_of(node)
            values[node.name] = (rendezvous.pop(key_of(node)),)
        else:
            values[node.name] = apply(node, inputs)


def apply(node: Node, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """Return the outputs of one node."""
    with np.errstate(all="ignore"):
        result = RULES[node.op](node, *inputs)
    outputs = result if isinstance(result, tuple) else (result,)
    return tuple(
        np.asarray(v).astype(d.numpy_dtype) for v, d in zip(outputs, node.dtypes, strict=True)
    )


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Return a decorator: the function computes the ops of these names."""

    def record(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(ops, function))
        return function

    return record


def _elementwise(table: dict[str, Callable[..., Any]]) -> None:
    for op, function in table.items():
        RULES[op] = lambda _, *inputs, f=function: f(*inputs)


_elementwise(
    {
        "Identity": lambda x: x,
        "StopGradient": lambda x: x,
        "PreventGradient": lambda x: x,
        "Neg": np.negative,
        "Abs": np.abs,
        "Sign": np.sign,
        "Square": lambda x: x * x,
        "Sqrt": np.sqrt,
        "Rsqrt": lambda x: 1 / np.sqrt(x),
        "Reciprocal": lambda x: 1 / x,
        "Exp": np.exp,
        "Log": np.log,
        "Log1p": np.log1p,
        "Sin": np.sin,
        "Cos": np.cos,
        "Tanh": np.tanh,
        "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "Softplus": lambda x: np.logaddexp(x, 0),
        "Relu": lambda x: np.maximum(x, 0),
        "Floor": np.floor,
        "Ceil": np.ceil,
        "LogicalNot": np.logical_not,
        "Add": np.add,
        "AddV2": np.add,
        "Sub": np.subtract,
        "Mul": np.multiply,
        "RealDiv": np.divide,
        "FloorDiv": np.floor_divide,
        "FloorMod": np.mod,
        "Maximum": np.maximum,
        "Minimum": np.minimum,
        "Pow": np.power,
        "SquaredDifference": lambda x, y: (x - y) * (x - y),
        "Less": np.less,
        "LessEqual": np.less_equal,
        "Greater": np.greater,
        "GreaterEqual": np.greater_equal,
        "Equal": np.equal,
        "NotEqual": np.not_equal,
        "LogicalAnd": np.logical_and,
        "LogicalOr": np.logical_or,
        "SelectV2": np.where,
        "AddN": lambda *xs: sum(xs[1:], xs[0]),
        "ZerosLike": np.zeros_like,
        "OnesLike": np.ones_like,
        "Reshape": lambda x, shape: x.reshape(shape),
        "Transpose": lambda x, axes: x.transpose(axes),
        "ExpandDims": lambda x, axis: np.expand_dims(x, int(axis)),
        "BroadcastTo": lambda x, shape: np.broadcast_to(x, tuple(shape)),
        "Tile": lambda x, counts: np.tile(x, tuple(counts)),
        "Pad": lambda x, paddings: np.pad(x, [tuple(p) for p in paddings]),
        "Fill": lambda dims, value: np.full(tuple(dims), value),
        "Range": np.arange,
        "Rank": lambda x: x.ndim,
        "Size": lambda x: x.size,
        "Shape": lambda x: np.array(x.shape),
    }
)


@rule("Const")
def _const(node: Node) -> Array:
    return np.asarray(node.attrs["value"])


@rule("NoOp")
def _no_op(_: Node) -> tuple[Array, ...]:
    return ()


@rule("Cast")
def _cast(node: Node, x: Array) -> Array:
    return x.astype(node.attrs["DstT"].numpy_dtype)


@rule("Select")
def _select(_: Node, condition: Array, x: Array, y: Array) -> Array:
    if condition.ndim == 1 and x.ndim > 1:
        condition = condition.reshape(-1, *[1] * (x.ndim - 1))
    return np.where(condition, x, y)


def _reduction(function: Callable[..., Any]) -> Rule:
    def reduce(node: Node, x: Array, axes: Array) -> Any:
        where = tuple(int(a) for a in np.ravel(axes))
        if not where:  # NumPy would add -0.0 to 0.0
            return x
        return function(x, axis=where, keepdims=node.attrs["keep_dims"])

    return reduce


for _op, _function in {
    "Sum": np.sum,
    "Mean": np.mean,
    "Prod": np.prod,
    "Max": np.max,
    "Min": np.min,
    "All": np.all,
    "Any": np.any,
}.items():
    RULES[_op] = _reduction(_function)


@rule("ArgMax")
def _arg_max(_: Node, x: Array, axis: Array) -> Array:
    return np.asarray(x.argmax(int(axis)))


@rule("ArgMin")
def _arg_min(_: Node, x: Array, axis: Array) -> Array:
    return np.asarray(x.argmin(int(axis)))


@rule("Softmax")
def _softmax(_: Node, x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


@rule("Cumsum")
def _cumsum(node: Node, x: Array, axis: Array) -> Array:
    along = int(axis)
    x = np.flip(x, along) if node.attrs["reverse"] else x
    total = np.cumsum(x, along, dtype=x.dtype)
    total = total - x if node.attrs["exclusive"] else total
    return np.flip(total, along) if node.attrs["reverse"] else total


@rule("MatMul")
def _mat_mul(node: Node, a: Array, b: Array) -> Array:
    a = a.T if node.attrs["transpose_a"] else a
    return np.asarray(a @ (b.T if node.attrs["transpose_b"] else b))


@rule("BatchMatMulV2")
def _batch_mat_mul(node: Node, a: Array, b: Array) -> Array:
    a = a.swapaxes(-1, -2).conj() if node.attrs["adj_x"] else a
    return np.asarray(a @ (b.swapaxes(-1, -2).conj() if node.attrs["adj_y"] else b))


@rule("Squeeze")
def _squeeze(node: Node, x: Array) -> Array:
    axes = tuple(node.attrs["squeeze_dims"])
    return np.squeeze(x, axes) if axes else np.squeeze(x)


@rule("ConcatV2")
def _concat(_: Node, *inputs: Array) -> Array:
    return np.concatenate(inputs[:-1], int(inputs[-1]))


@rule("Pack")
def _pack(node: Node, *inputs: Array) -> Array:
    return np.stack(inputs, node.attrs["axis"])


@rule("Unpack")
def _unpack(node: Node, x: Array) -> tuple[Array, ...]:
    return tuple(np.moveaxis(x, node.attrs["axis"], 0))


@rule("Split")
def _split(node: Node, axis: Array, x: Array) -> tuple[Array, ...]:
    return tuple(np.split(x, node.attrs["num_split"], int(axis)))


@rule("GatherV2")
def _gather(_: Node, x: Array, indices: Array, axis: Array) -> Array:
    return np.take(x, indices, int(axis))


@rule("OneHot")
def _one_hot(node: Node, indices: Array, depth: Array, on: Array, off: Array) -> Array:
    axis = node.attrs["axis"]
    hits = np.expand_dims(indices, axis if axis != -1 else indices.ndim)
    shape = [1] * hits.ndim
    shape[axis] = int(depth)
    return np.where(hits == np.arange(int(depth)).reshape(shape), on, off)


@rule("Slice")
def _slice(_: Node, x: Array, begin: Array, size: Array) -> Array:
    ends = [None if n == -1 else b + n for b, n in zip(begin, size, strict=True)]
    return x[tuple(slice(b, e) for b, e in zip(begin, ends, strict=True))]


@rule("StridedSlice")
def _strided_slice(node: Node, x: Array, begin: Array, end: Array, strides: Array) -> Array:
    items: list[Any] = []
    for i, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << i
        if node.attrs["ellipsis_mask"] & bit:
            items.append(Ellipsis)
        elif node.attrs["new_axis_mask"] & bit:
            items.append(None)
        elif node.attrs["shrink_axis_mask"] & bit:
            items.append(int(first))
        else:
            start = None if node.attrs["begin_mask"] & bit else int(first)
            stop = None if node.attrs["end_mask"] & bit else int(last)
            items.append(slice(start, stop, int(step)))
    return np.asarray(x[tuple(items)])
