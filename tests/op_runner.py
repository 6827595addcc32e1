"""Builds and runs one row of the op table: graph, feeds, values, gradients.

`Mode` says what the graph knows of shapes: everything, only ranks, or nothing (then constants are
fed as well, so that no op may rely on them while building). Every call makes its own graph and
session.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import penstock as ps
from penstock.ops.registry import find_op
from tests.cases import Array, Case, Input, Inputs, flat_inputs

TOLERANCE = {  # dtype → relative and absolute
    "float64": (1e-9, 1e-9),
    "complex128": (1e-9, 1e-9),
    "float32": (1e-5, 1e-5),
    "complex64": (1e-5, 1e-5),
    "float16": (4e-3, 4e-3),
    "bfloat16": (3e-2, 3e-2),
}


class Mode(enum.Enum):
    """What is known of shapes while the graph is built."""

    KNOWN = "known"
    RANKS = "ranks"
    NOTHING = "nothing"
    LONG = "everything; indices, axes and sizes are int64"


@dataclass
class Built:
    """A row as a graph: what is fed, what comes out."""

    graph: ps.Graph
    placeholders: list[Any]  # flat; None where the input is a constant
    arrays: list[Array]
    outputs: list[ps.Tensor]
    device: str | None = None

    @property
    def feeds(self) -> dict[Any, Array]:
        """Return the values by placeholder."""
        pairs = zip(self.placeholders, self.arrays, strict=True)
        return {p: a for p, a in pairs if p is not None}

    def run(self, fetches: Any) -> Any:
        """Run in a session of its own; every value as an array."""
        with ps.Session(graph=self.graph, config=session_config(self.device)) as session:
            return [np.asarray(v) for v in session.run(fetches, self.feeds)]


def session_config(device: str | None) -> Any:
    """Return the configuration of sessions that have the device that a row asks for."""
    return None if device is None else ps.ConfigProto(device_count={"SIM_GPU": 1})


def build(
    row: Case,
    dtype: str | None,
    mode: Mode,
    inputs: Inputs | None = None,
    graph: ps.Graph | None = None,
    device: str | None = None,
) -> Built:
    """Build a row (or a row with other inputs) into `graph`, by default one of its own.

    The op itself asks for `device`; what feeds it does not.
    """
    inputs = row.inputs if inputs is None else inputs
    arrays = row.arrays(dtype, inputs)
    if mode is Mode.LONG:
        arrays = _with_long_indices(row, inputs, arrays)
    built = Built(graph or ps.Graph(), [], [], [], device)
    with built.graph.as_default():
        arguments = [
            [_tensor(built, i, a, mode) for i, a in zip(item, array, strict=True)]
            if isinstance(item, list)
            else _tensor(built, item, array, mode)
            for item, array in zip(inputs, arrays, strict=True)
        ]
        with ps.device(device):
            result = getattr(ps.raw_ops, row.op)(*arguments, **row.node_attrs(dtype), name="node")
    built.outputs = flat_outputs(result)
    return built


def _tensor(built: Built, item: Input, array: Array, mode: Mode) -> Any:
    built.arrays.append(array)
    if not item.fed and mode is not Mode.NOTHING:
        built.placeholders.append(None)
        return ps.constant(array)
    shapes: dict[Mode, Any] = {Mode.NOTHING: None, Mode.RANKS: [None] * array.ndim}
    placeholder = ps.placeholder(ps.as_dtype(array.dtype), shapes.get(mode, array.shape))
    built.placeholders.append(placeholder)
    return placeholder


def _with_long_indices(row: Case, inputs: Inputs, arrays: list[Any]) -> list[Any]:
    """Return the values with int64 for int32 where an attribute of the op's own leaves the choice.

    The dtype in turn and attributes that the row sets stay as they are.
    """
    op = find_op(row.op)
    kept = {None, "T", *row.attrs}
    for arg, item, array in zip(op.inputs, inputs, arrays, strict=True):
        swept = isinstance(item, list) or item.dtype == row.dtypes[0] or array.dtype != np.int32
        allowed = op.attrs[arg.type_attr].allowed if arg.type_attr else None
        if swept or allowed is None or ps.int64 not in allowed:
            kept.add(arg.type_attr)
    return [
        array if arg.type_attr in kept else array.astype(np.int64)
        for arg, array in zip(op.inputs, arrays, strict=True)
    ]


def modes_of(row: Case) -> list[Mode]:
    """Return the modes that make a difference for a row."""
    arrays = row.arrays(row.dtypes[0])
    longer = _with_long_indices(row, row.inputs, arrays)
    same = all(a is b for a, b in zip(arrays, longer, strict=True))
    return [mode for mode in Mode if mode is not Mode.LONG or not same]


def flat_outputs(result: Any) -> list[ps.Tensor]:
    """Return the tensors of a wrapper's result."""
    if isinstance(result, ps.Tensor):
        return [result]
    if isinstance(result, ps.Operation):
        return list(result.outputs)
    return [t for item in result for t in (item if isinstance(item, list) else [item])]


def flat_expected(row: Case, dtype: str | None, inputs: Inputs | None = None) -> Any:
    """Return what NumPy says, as flat as the outputs are."""
    expected = row.expected(row.arrays(dtype, inputs), dtype)
    if expected is None:
        return None
    lists = [arg.is_list for arg in find_op(row.op).outputs]
    if len(lists) == 1 and lists[0]:
        return expected
    return [v for item in expected for v in (item if isinstance(item, list) else [item])]


def assert_close(actual: Array, expected: Any, tol: float = 1.0, what: str = "") -> None:
    """Compare with the tolerance of the dtype of `actual`; exactly where it has none."""
    wanted = np.asarray(expected)
    assert actual.shape == wanted.shape, f"{what}: shape {actual.shape}, expected {wanted.shape}"
    tolerance = TOLERANCE.get(ps.as_dtype(actual.dtype).name)
    if tolerance is None:
        np.testing.assert_array_equal(actual, wanted.astype(actual.dtype), err_msg=what)
        return
    wide = np.complex128 if actual.dtype.kind == "c" else np.float64
    rtol, atol = tolerance
    with np.errstate(over="ignore"):
        wanted = wanted.astype(actual.dtype)  # what the dtype cannot hold is infinite
    np.testing.assert_allclose(
        actual.astype(wide), wanted.astype(wide), rtol * tol, atol * tol, err_msg=what
    )


# ---- gradients


@dataclass
class Weighted:
    """The sum of float tensors times random weights: the scalar that is differentiated."""

    tensors: list[ps.Tensor]
    weights: list[Array]

    def value(self, session: Any, feeds: dict[Any, Array]) -> float:
        """Return the scalar, in double precision."""
        values = session.run(self.tensors, feeds)
        pairs = zip(values, self.weights, strict=True)
        return float(sum(np.sum(np.asarray(v, np.float64) * w) for v, w in pairs))

    def gradients(self, sources: Sequence[ps.Tensor]) -> list[ps.Tensor | None]:
        """Return the derivatives by `sources` as dense tensors."""
        grad_ys = [
            ps.constant(w.astype(t.dtype.numpy_dtype))
            for t, w in zip(self.tensors, self.weights, strict=True)
        ]
        found = ps.gradients(self.tensors, sources, grad_ys)
        return [None if g is None else ps.convert_to_tensor(g) for g in found]


def weighted(built: Built, tensors: Sequence[ps.Tensor]) -> Weighted | None:
    """Return the weighted sum of the float tensors among these; None when there are none."""
    floats = [t for t in tensors if t.dtype.is_floating]
    rng = np.random.default_rng(7)
    weights = [rng.uniform(0.5, 1.5, v.shape) for v in built.run(floats)] if floats else []
    return Weighted(floats, weights) if floats else None


def numeric_gradient(
    session: Any, scalar: Weighted, built: Built, index: int, delta: float
) -> np.ndarray[Any, Any]:
    """Return central differences of `scalar` by the input `index`."""
    target, start = built.placeholders[index], built.arrays[index]
    result = np.zeros(start.shape, np.float64)
    for place in np.ndindex(*start.shape):
        ends = []
        for sign in (1, -1):
            moved = start.copy()
            moved[place] += sign * delta
            value = scalar.value(session, {**built.feeds, target: moved})
            ends.append((float(moved[place]), value))
        result[place] = (ends[0][1] - ends[1][1]) / (ends[0][0] - ends[1][0])
    return result


def float_inputs(row: Case, built: Built) -> list[int]:
    """Return the inputs by which a row is differentiated: what it feeds as floats."""
    feeds = [i.fed for i in flat_inputs(row.inputs)]
    pairs = enumerate(zip(built.placeholders, feeds, strict=True))
    found = [i for i, (p, fed) in pairs if fed and p.dtype.is_floating]
    return found if row.grad is True else [i for i in found if i in tuple(row.grad or ())]
