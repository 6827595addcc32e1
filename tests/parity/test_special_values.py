"""Special values beside TensorFlow: NaN, infinities, zeros, the ends of integer ranges.

Every op of the tables runs there and here on all (pairs, triples of) special values, for every
dtype that both have kernels for. NaN and infinities must be in the same places, numbers within a
few units in the last place, integers equal. What differs on purpose:

- Subnormal numbers: TensorFlow's kernels treat them as zero, ours compute with them.
- The sign of a zero is not compared.
- NaN among the numbers of a segment: the largest and the smallest are NaN here, there whatever
  the order and the place within a vector register make of it.
- Complex infinities: parts are NaN there as the compiler happens to multiply.
- The other differences are in `BETTER_HERE`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import penstock as ps
from penstock import _native

tf = pytest.importorskip("tensorflow").compat.v1

FLOATS = ("float32", "float64", "float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
RTOL = {"float32": 1e-5, "float64": 1e-9, "float16": 3e-3, "bfloat16": 2e-2}
RTOL |= {"complex64": 1e-4, "complex128": 1e-9}

BETTER_HERE = {  # (op, dtype) → why it is left out
    ("Round", "int32"): "0 there, whatever x is",
    ("Round", "int64"): "0 there, whatever x is",
    ("Erf", "float64"): "NaN there for infinities",
    ("Softplus", "bfloat16"): "x itself there from -2.5 down: seven bits too few",
    ("Elu", "float16"): "exp(x) - 1 there, which is 0 for small x",
    ("Selu", "float16"): "exp(x) - 1 there, which is 0 for small x",
    ("Softmax", "float32"): "0 there for finite logits beside a NaN",
    ("Softmax", "bfloat16"): "0 there for finite logits beside a NaN",
}


def names(text: str) -> list[str]:
    return text.split()


UNARY = names(
    "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Conj Cos Cosh Digamma Elu Erf Erfc Exp Expm1 Floor "
    "Inv IsFinite IsInf IsNan LeakyRelu Lgamma Log Log1p Neg Reciprocal Relu Relu6 Rint Round "
    "Rsqrt Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Square Tan Tanh"
)
GRADIENTS = names(
    "EluGrad InvGrad LeakyReluGrad ReciprocalGrad Relu6Grad ReluGrad RsqrtGrad SeluGrad "
    "SigmoidGrad SoftplusGrad SoftsignGrad SqrtGrad TanhGrad"
)
DIVISIONS = names("Div FloorDiv FloorMod Mod TruncateDiv TruncateMod")
BINARY = names(
    "Add AddV2 Atan2 DivNoNan Equal Greater GreaterEqual Less LessEqual Maximum Minimum Mul "
    "MulNoNan NotEqual Pow RealDiv SquaredDifference Sub Xdivy Xlogy"
)
REDUCTIONS = names("EuclideanNorm Max Mean Min Prod Sum")

ORDINARY = [0.5, -0.5, 1.0, -1.0, 1.5, -1.5, 2.0, -2.5, 3.0, 6.0, -7.0, 100.0]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, *ORDINARY]
FURTHER = [10.0, -10.0, -100.0, 88.5, 89.0, -87.0, -104.0, 0.3, -0.3, 1e4, -1e4]
PARTS = [0.0, 1.0, -1.5, 3.0]


@pytest.fixture(autouse=True, scope="module")
def graph_mode() -> Iterator[None]:
    tf.disable_eager_execution()
    yield


def values_of(dtype: str, *, alone: bool = False) -> Any:
    """Return the special values of a dtype; more of them where they need not be paired."""
    kind = ps.as_dtype(dtype).numpy_dtype
    if kind.kind in "iu":
        ends = np.iinfo(kind)
        small = [n for n in (-7, -3, -2, -1, 0, 1, 2, 3, 6, 7, 100) if n >= ends.min]
        return np.array([ends.min, ends.min + 1, *small, ends.max - 1, ends.max], kind)
    if kind.kind == "c":
        return np.array([complex(a, b) for a in PARTS for b in PARTS], kind)
    if kind.kind == "b":
        return np.array([False, True])
    info = ml_dtypes.finfo(kind)
    ends = [float(x) for x in (info.max, info.min, info.smallest_normal, info.eps)]
    return np.array(SPECIAL + (FURTHER + ends if alone else []), kind)


def pairs_of(op: str, dtype: str) -> list[Any]:
    """Return all pairs of special values that the op takes."""
    values = values_of(dtype)
    x, y = (a.ravel() for a in np.meshgrid(values, values, indexing="ij"))
    kind = values.dtype.kind
    allowed = np.ones(x.shape, bool)
    if kind in "iu" and op in DIVISIONS:
        # The one quotient that does not fit is refused here and wraps around there.
        overflows = (x == values.min()) & (y == -1) if kind == "i" else np.zeros_like(allowed)
        allowed = (y != 0) & ~overflows
    elif kind in "iu" and op == "Pow":
        allowed = (y >= 0) & (y <= 100)
    elif kind == "c" and op in ("Div", "RealDiv", "Xdivy", "SqrtGrad"):
        divisor = x if op == "SqrtGrad" else y
        allowed = divisor != 0
    return [x[allowed], y[allowed]]


def shared_dtypes(op: str) -> list[str]:
    """Return the dtypes that both have kernels for."""
    from tensorflow.python.framework import kernels

    there: set[str] = set()
    for kernel in kernels.get_registered_kernels_for_op(op).kernel:
        if kernel.device_type == "CPU":
            allowed = {c.name: c.allowed_values.list.type for c in kernel.constraint}
            there |= {tf.as_dtype(t).name for t in allowed.get("T", [])}
    here = {ps.as_dtype(n).name for e in _native.kernel_entries(op) for n in e.types.get("T", [])}
    return sorted(d for d in (here & there) - {"string"} if (op, d) not in BETTER_HERE)


def compare(op: str, cases: Sequence[tuple[str, list[Any]]], constants: Sequence[Any] = ()) -> None:
    """Run an op on inputs of several dtypes, here and there, and compare the first outputs."""
    feeds: dict[str, Any] = {}
    fetches: list[str] = []
    with ps.Graph().as_default() as graph:
        for _, inputs in cases:
            given = [ps.placeholder(ps.as_dtype(a.dtype), a.shape) for a in inputs]
            feeds |= {p.name: a for p, a in zip(given, inputs, strict=True)}
            result = getattr(ps.raw_ops, op)(*given, *[ps.constant(c) for c in constants])
            fetches.append((result if isinstance(result, ps.Tensor) else result[0]).name)
    with ps.Session(graph=graph) as session:
        ours = session.run(fetches, feeds)
    message = tf.GraphDef.FromString(graph.as_graph_def().SerializeToString())
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(message, name="")
        theirs = session.run(fetches, feeds)
    for (dtype, inputs), mine, other in zip(cases, ours, theirs, strict=True):
        wrong = np.argwhere(differs(np.asarray(mine), np.asarray(other)))
        told = [
            f"{[a[place[0]] if len(a.shape) else a for a in inputs]}: "
            f"{mine[tuple(place)]}, there {other[tuple(place)]}"
            for place in wrong[:5]
        ]
        assert not told, f"{op} of {dtype} differs in {len(wrong)} places: " + "; ".join(told)


def differs(mine: Any, other: Any, least: Any = 0.0) -> Any:
    """Return where two results differ by more than rounding, subnormal numbers and `least`."""
    assert mine.dtype == other.dtype
    assert mine.shape == other.shape
    if mine.dtype.kind in "biu":
        return mine != other
    if mine.dtype.kind == "c":
        least = RTOL[str(mine.dtype)] * np.abs(other)
        return differs(mine.real, other.real, least) | differs(mine.imag, other.imag, least)
    rtol = RTOL[ps.as_dtype(mine.dtype).name]
    tiny = float(ml_dtypes.finfo(mine.dtype).smallest_normal)
    x, y = mine.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore"):
        far = np.abs(x - y) > rtol * np.abs(y) + 1.01 * tiny + least
    finite = np.isfinite(x) & np.isfinite(y)
    same = (np.isnan(x) & np.isnan(y)) | (x == y)
    return np.where(finite, far, ~same)


@pytest.mark.parametrize("op", UNARY)
def test_one_operand(op: str) -> None:
    cases = [(d, values_of(d, alone=True)) for d in shared_dtypes(op)]
    if op in ("Inv", "Reciprocal"):
        cases = [(d, x[x != 0] if d in COMPLEX else x) for d, x in cases]
    compare(op, [(d, [x]) for d, x in cases])


@pytest.mark.parametrize("op", [*BINARY, *DIVISIONS, *GRADIENTS])
def test_two_operands(op: str) -> None:
    compare(op, [(d, pairs_of(op, d)) for d in shared_dtypes(op)])


def rows_of(dtype: str) -> Any:
    """Return a matrix whose rows are all triples of some special values."""
    values = values_of(dtype)[:7]
    return np.array(list(itertools.product(values, repeat=3)), values.dtype)


@pytest.mark.parametrize("op", REDUCTIONS)
@pytest.mark.parametrize("axis", [0, 1])
def test_reductions(op: str, axis: int) -> None:
    kinds = [d for d in shared_dtypes(op) if d not in COMPLEX]
    rows = {d: rows_of(d) if axis else np.ascontiguousarray(rows_of(d).T) for d in kinds}
    compare(op, [(d, [rows[d]]) for d in kinds], [np.int32(axis)])


@pytest.mark.parametrize("op", ["Cumprod", "Cumsum"])
def test_running_sums(op: str) -> None:
    kinds = [d for d in shared_dtypes(op) if d not in COMPLEX]
    compare(op, [(d, [rows_of(d)]) for d in kinds], [np.int32(1)])


@pytest.mark.parametrize("op", ["LogSoftmax", "Softmax"])
def test_softmax(op: str) -> None:
    compare(op, [(d, [rows_of(d)]) for d in shared_dtypes(op)])


def test_cross_entropy_of_special_logits() -> None:
    cases = []
    for dtype in FLOATS:
        rows = rows_of(dtype)
        cases.append((dtype, [rows, (np.arange(len(rows)) % 3).astype(np.int32)]))
    compare("SparseSoftmaxCrossEntropyWithLogits", cases)


@pytest.mark.parametrize("bounds", [(-1.0, 2.0), (3.0, 1.0), (np.nan, 2.0), (-1.0, np.nan)])
def test_clipping(bounds: tuple[float, float]) -> None:
    cases = []
    for dtype in FLOATS:
        values = values_of(dtype, alone=True)
        cases.append((dtype, [values, *[np.array(b, values.dtype) for b in bounds]]))
    compare("ClipByValue", cases)


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_extremes_of_numbers_and_infinities(op: str) -> None:
    cases = []
    for dtype in FLOATS:
        rows = rows_of(dtype)
        cases.append((dtype, [rows[~np.isnan(rows.astype(np.float64)).any(1)]]))
    compare(op, cases, [np.int32(1)])


@pytest.mark.parametrize("op", ["SegmentMax", "SegmentMin", "SegmentMean", "SegmentProd"])
def test_segments_of_numbers_and_infinities(op: str) -> None:
    cases = []
    for dtype in FLOATS:
        rows = rows_of(dtype)
        finite = rows[~np.isnan(rows.astype(np.float64)).any(1)]
        cases.append((dtype, [np.ascontiguousarray(finite.T)]))
    compare(op, cases, [np.array([0, 0, 1], np.int32)])


@pytest.mark.parametrize("source", FLOATS)
def test_casts_of_what_integers_cannot_hold(source: str) -> None:
    """Narrower integers depend there on the place within a vector register."""
    values = values_of(source, alone=True)
    for target in ("int32", "int64", "bool"):
        with ps.Graph().as_default():
            x = ps.placeholder(ps.as_dtype(source), values.shape)
            ours = ps.Session().run(ps.cast(x, target), {x: values})
        with tf.Graph().as_default():
            x = tf.placeholder(tf.as_dtype(source), values.shape)
            theirs = tf.Session().run(tf.cast(x, target), {x: values})
        np.testing.assert_array_equal(ours, theirs, f"{source} to {target}")


def test_every_dtype_of_their_kernels_is_taken_here() -> None:
    """For each kernel of an op that both have, and each of its dtypes, there is one here."""
    from tensorflow.python.framework import kernels

    missing = []
    for op in _native.kernel_ops():
        if not ps.ops.registry.has_op(op) or op.startswith(("Resource", "_")):
            continue
        attrs = ps.ops.registry.find_op(op).attrs
        for kernel in kernels.get_registered_kernels_for_op(op).kernel:
            if kernel.device_type != "CPU":
                continue
            choices = [
                [(c.name, t) for t in c.allowed_values.list.type if taken(attrs.get(c.name), t)]
                for c in kernel.constraint
            ]
            for chosen in itertools.product(*choices):
                if not has_kernel(op, dict(chosen)):
                    missing.append(f"{op} {chosen}")
    assert not missing, missing[:20]


def taken(attr: Any, number: int) -> bool:
    """Return whether a dtype is among ours and among those of the op's definition."""
    known = {d.as_datatype_enum: d for d in ps.dtypes.ALL}
    allowed = None if attr is None else attr.allowed
    usable = number in known and known[number] != ps.resource
    return usable and (allowed is None or known[number] in allowed)


def has_kernel(op: str, chosen: dict[str, int]) -> bool:
    """Return whether some kernel here takes these dtypes."""
    entries = _native.kernel_entries(op)
    return any(all(t in e.types.get(a, [t]) for a, t in chosen.items()) for e in entries)
