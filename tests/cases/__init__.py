"""The table of op cases: what a row is, and how its inputs are written.

One file a family lists its rows as `CASES`; `tests/test_every_op.py` runs each of them: values
against NumPy, static shapes, gradients, refusals, on every kernel. A row:

    case("SquaredDifference", f32(2, 3), f32(3), numpy=lambda x, y: (x - y) ** 2)

Inputs of the row's first dtype stand for each of `dtypes` in turn. Placeholders feed them, but what
`const` makes is part of the graph (axes, shapes, sizes). Lists stand for list inputs.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

import penstock as ps

Array: TypeAlias = np.ndarray[Any, Any]
Draw: TypeAlias = Callable[[np.random.Generator, tuple[int, ...], np.dtype[Any]], Array]

FLOAT2 = ("float32", "float64")
FLOATS = (*FLOAT2, "float16", "bfloat16")
SIGNED = ("int32", "int64", "int8", "int16")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
COMPLEX = ("complex64", "complex128")
REALS = FLOATS + INTEGERS
NUMBERS = REALS + COMPLEX
PLAIN = (*NUMBERS, "bool")
EVERY = (*PLAIN, "string")

T = object()
"""As an attribute's value: the dtype that the row runs with at the moment."""


@dataclass(frozen=True)
class Input:
    """One tensor: drawn by `draw`, or `values` when there is no `draw`."""

    shape: tuple[int, ...]
    dtype: str | None
    draw: Draw | None = None
    values: Any = None
    fed: bool = True

    def array(self, rng: np.random.Generator, written: str | None, wanted: str | None) -> Array:
        """Return the value, with `wanted` for dtype where the row says `written`."""
        name = wanted if self.dtype == written and wanted is not None else self.dtype
        if self.draw is None:
            return _explicit(self.values, name)
        return self.draw(rng, self.shape, numpy_dtype(name))


Inputs: TypeAlias = "tuple[Input | list[Input], ...]"


@dataclass(frozen=True)
class Case:
    """One row: an op, what goes in, what must come out. See `case` for the fields."""

    op: str
    inputs: Inputs
    numpy: Callable[..., Any] | None
    check: Callable[[list[Array]], None] | None
    attrs: Mapping[str, Any]
    dtypes: tuple[str | None, ...]
    tol: float
    grad: bool | tuple[int, ...]
    grad2: bool
    grad_dtype: str
    empty: tuple[Inputs, ...]
    refuses: tuple[Inputs, ...]
    varies: tuple[str, ...]
    not_for: tuple[str, ...]
    id: str

    @property
    def name(self) -> str:
        """The op, with what distinguishes the row from others of the same op."""
        return f"{self.op}-{self.id}" if self.id else self.op

    def arrays(self, dtype: str | None, inputs: Inputs | None = None) -> list[Any]:
        """Return the input values for `dtype`, the same in every run: arrays, lists of them."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        written = self.dtypes[0] if self.dtypes else None
        return [
            [i.array(rng, written, dtype) for i in item]
            if isinstance(item, list)
            else item.array(rng, written, dtype)
            for item in (self.inputs if inputs is None else inputs)
        ]

    def node_attrs(self, dtype: str | None) -> dict[str, Any]:
        """Return the attributes for `dtype`."""
        return {k: ps.as_dtype(dtype) if v is T else v for k, v in self.attrs.items()}

    def expected(self, arrays: Sequence[Any], dtype: str | None) -> list[Any] | None:
        """Return what NumPy computes in double precision, None where the row does not say."""
        if self.numpy is None:
            return None
        parameters = inspect.signature(self.numpy).parameters
        named = {k: v for k, v in self.node_attrs(dtype).items() if k in parameters}
        with np.errstate(all="ignore"):
            result = self.numpy(*[_widened(a) for a in arrays], **named)
        return list(result) if isinstance(result, (tuple, list)) else [result]


def case(
    op: str,
    *inputs: Any,
    numpy: Callable[..., Any] | None = None,
    check: Callable[[list[Array]], None] | None = None,
    attrs: Mapping[str, Any] | None = None,
    dtypes: Sequence[str] | None = None,
    tol: float = 1.0,
    grad: bool | tuple[int, ...] = True,
    grad2: bool = True,
    grad_dtype: str = "float64",
    empty: Sequence[tuple[Any, ...]] = (),
    refuses: Sequence[tuple[Any, ...]] = (),
    varies: Sequence[str] = (),
    not_for: Sequence[str] = (),
    id: str = "",
) -> Case:
    """Write a row.

    `numpy` takes the inputs, floats as float64, and those attributes that it has parameters
    for; it returns one array, or a tuple for several outputs (None: not compared). `check`
    gets the outputs instead, for what has no formula. `attrs` are the op's attributes (`T`
    for the dtype in turn). `dtypes` are run one after the other; by default float32 and
    float64 for rows written with f32, else what is written. `tol` scales the tolerances.

    `grad` is False without a gradient to check, or the indices of the (flat) inputs it is
    checked for; `grad2` False leaves out second derivatives. `empty` lists inputs that make
    empty outputs, or reduce nothing, and are compared with `numpy` too. `refuses` lists
    inputs that must raise a typed error, while building or, with unknown shapes, in the run.

    `tests/test_every_dtype.py` runs the row with every other dtype of the kernels too: of each
    of the type attributes that `varies` lists, by default that of the first inputs of the row's
    dtype; `not_for` lists dtypes that the row is no test of.
    """
    written = _as_inputs(inputs)
    return Case(
        op,
        written,
        numpy,
        check,
        dict(attrs or {}),
        _dtypes_of(written, dtypes),
        tol,
        grad,
        grad2,
        grad_dtype,
        tuple(_as_inputs(e) for e in empty),
        tuple(_as_inputs(r) for r in refuses),
        tuple(varies),
        tuple(not_for),
        id,
    )


def _as_inputs(inputs: Sequence[Any]) -> Inputs:
    return tuple(
        item
        if isinstance(item, Input)
        else list(item)
        if isinstance(item, (list, tuple)) and all(isinstance(i, Input) for i in item)
        else const(item)
        for item in inputs
    )


def flat_inputs(inputs: Inputs) -> list[Input]:
    """Return the inputs with lists flattened."""
    return [i for item in inputs for i in (item if isinstance(item, list) else [item])]


def _dtypes_of(inputs: Inputs, given: Sequence[str] | None) -> tuple[str | None, ...]:
    if given is not None:
        return tuple(given)
    drawn = [i.dtype for i in flat_inputs(inputs) if i.draw is not None]
    if "float32" in drawn:
        return FLOAT2
    return (drawn[0],) if drawn else (None,)


def numpy_dtype(name: str | None) -> np.dtype[Any]:
    """Return the NumPy dtype of a dtype's name."""
    return ps.as_dtype(name).numpy_dtype


def _explicit(values: Any, name: str | None) -> Array:
    if name == "string":
        return string_array(values)
    if name is not None:
        with np.errstate(over="ignore"):  # what a narrow dtype cannot hold is infinite
            return np.array(values, dtype=numpy_dtype(name))
    array = np.array(values)
    narrow = {"f": np.float32, "i": np.int32}.get(array.dtype.kind)
    return array if narrow is None or isinstance(values, np.ndarray) else array.astype(narrow)


def string_array(values: Any) -> Array:
    """Return bytes or text, nested in lists, as an array of bytes objects."""
    array = np.array(values, dtype=object)
    array.ravel()[:] = [s.encode() if isinstance(s, str) else s for s in array.ravel()]
    return array


def _widened(value: Any) -> Any:
    """Return floats in double precision, so that NumPy's result is the better one."""
    if isinstance(value, list):
        return [_widened(v) for v in value]
    if value.dtype.kind in "biuO":
        return value
    return value.astype(np.complex128 if value.dtype.kind == "c" else np.float64)


# ---- how inputs are drawn


def _scaled(rng: np.random.Generator, low: float, high: float, shape: Any, kind: Any) -> Array:
    if kind.kind == "b":
        return rng.random(shape) < 0.5
    if kind.kind == "O":
        return string_array(rng.integers(0, 100, shape).astype(str).tolist())
    if kind.kind in "iu":
        least = max(int(np.ceil(low)), 0 if kind.kind == "u" else -100)
        return rng.integers(least, int(np.floor(high)), size=shape, endpoint=True).astype(kind)
    real = rng.uniform(low, high, shape)
    drawn = real + 1j * rng.uniform(low, high, shape) if kind.kind == "c" else real
    with np.errstate(over="ignore"):
        return drawn.astype(kind)


def _between(low: float, high: float, whole: tuple[int, int]) -> Draw:
    def draw(rng: np.random.Generator, shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
        ends = whole if kind.kind in "iu" else (low, high)
        return np.asarray(_scaled(rng, *ends, shape, kind))

    return draw


def _draw_distinct(rng: np.random.Generator, shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
    count = int(np.prod(shape, dtype=np.int64))
    steps = rng.permutation(count) - (0 if kind.kind == "u" else count // 2)
    if kind.kind == "O":
        return string_array(steps.reshape(shape).astype(str).tolist())
    values = steps if kind.kind in "iu" else (steps + 0.5) * (4.0 / max(count, 1))
    return values.astype(kind).reshape(shape)


_any = _between(-2.0, 2.0, (-6, 6))


def f32(*shape: int) -> Input:
    """Numbers between -2 and 2 (whole ones between -6 and 6): the ordinary input."""
    return Input(shape, "float32", _any)


def f64(*shape: int) -> Input:
    """As `f32`; stays float64 in every row."""
    return Input(shape, "float64", _any)


def i32(*shape: int) -> Input:
    """Whole numbers between -6 and 6."""
    return Input(shape, "int32", _any)


def i64(*shape: int) -> Input:
    """Whole numbers between -6 and 6."""
    return Input(shape, "int64", _any)


def bools(*shape: int) -> Input:
    """True and False."""
    return Input(shape, "bool", _any)


def of(dtype: str, *shape: int) -> Input:
    """As `f32`, of any dtype."""
    return Input(shape, dtype, _any)


def uniform(low: float, high: float, *shape: int, dtype: str = "float32") -> Input:
    """Numbers between `low` and `high`; whole ones where the dtype is an integer's."""
    return Input(shape, dtype, _between(low, high, (int(np.ceil(low)), int(np.floor(high)))))


def positive(*shape: int) -> Input:
    """Numbers between 0.5 and 2.5 (1 and 9): divisors, arguments of logarithms."""
    return Input(shape, "float32", _between(0.5, 2.5, (1, 9)))


def distinct(*shape: int, dtype: str = "float32") -> Input:
    """Numbers with gaps between them and none at 0: maxima, ranks, kinks of functions."""
    return Input(shape, dtype, _draw_distinct)


def ints(low: int, high: int, *shape: int, dtype: str = "int32") -> Input:
    """Whole numbers from `low` to `high`, both included: indices, counts, labels."""
    return Input(shape, dtype, _between(low, high, (low, high)))


def fed(values: Any, dtype: str | None = None) -> Input:
    """These values, through a placeholder. Python floats are float32, ints int32."""
    return Input((), dtype, None, values)


def const(values: Any, dtype: str | None = None) -> Input:
    """These values as a constant of the graph: axes, shapes, permutations."""
    return Input((), dtype, None, values, fed=False)


def strings(*values: Any) -> Input:
    """A vector of strings, through a placeholder."""
    return Input((), "string", None, list(values))


def all_cases() -> list[Case]:
    """Return the rows of every family."""
    families = sorted(m.name for m in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{family}") for family in families]
    return [row for module in modules for row in module.CASES]
