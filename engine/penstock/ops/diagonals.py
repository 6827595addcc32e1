"""Diagonals put into matrices and taken out of them, and bands of matrices.

Diagonals are numbered from the main one, 0, upwards. Several at once, `k = (lowest, highest)`,
are the rows of a matrix, the highest first; shorter ones are aligned left or right, `align` saying
so for those above the main one and those below it.
"""

from __future__ import annotations

from typing import Any

from penstock import dtypes, shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims

_NUMBERS = "{floating, int32, int64, complex}"
_ALIGN = "T: type, align: {'LEFT_RIGHT', 'RIGHT_LEFT', 'LEFT_LEFT', 'RIGHT_RIGHT'} = 'RIGHT_LEFT'"
_Sizes = tuple[int | None, int | None]


# ---- a tensor as the diagonal of another


def _diag_shape(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.shape(0)
    if dims == ():
        ctx.fail("the diagonal is a scalar: it must have one dimension at least")
    return [shapes.concatenate(dims, dims)]


def _diag_part_shape(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.shape(0)
    if dims is None:
        return [None]
    half = len(dims) // 2
    if half == 0 or len(dims) % 2:
        ctx.fail(f"the input must have an even rank, at least 2, not {len(dims)}")
    return [shapes.merge(dims[:half], dims[half:])]


define_op(
    "Diag",
    inputs="diagonal: T",
    outputs="output: T",
    attrs=f"T: {_NUMBERS}",
    shape=_diag_shape,
    export="diag linalg.tensor_diag",
    doc="""Zeros of twice the rank, with `diagonal` where both halves of the index agree.

    >>> ps.Session().run(ps.diag([1, 2]))
    array([[1, 0],
           [0, 2]], dtype=int32)
    """,
)
define_op(
    "DiagPart",
    inputs="input: T",
    outputs="diagonal: T",
    attrs=f"T: {_NUMBERS}",
    shape=_diag_part_shape,
    export="diag_part linalg.tensor_diag_part",
    doc="""The elements of `input` where both halves of the index agree.

    >>> ps.Session().run(ps.diag_part([[1, 2], [3, 4]]))
    array([1, 4], dtype=int32)
    """,
)


@gradient("Diag")
def _diag_grad(op: Operation, dy: Tensor) -> Any:
    return raw.DiagPart(dy)


@gradient("DiagPart")
def _diag_part_grad(op: Operation, dy: Tensor) -> Any:
    return raw.Diag(dy)


# ---- diagonals of the innermost matrices


def _matrix(ctx: ShapeContext, rank: int = 2) -> Dims:
    dims = ctx.shape(0)
    if dims is not None and len(dims) < rank:
        ctx.fail(f"input 0 must have rank {rank} at least, not {len(dims)}")
    return dims


def _diagonals(ctx: ShapeContext, i: int) -> tuple[int, int] | None:
    """Return the lowest and highest diagonal that input `i` names; None while unknown."""
    dims, k = ctx.shape(i), ctx.ints(i)
    if dims is not None and (len(dims) > 1 or (dims and dims[0] not in (None, 1, 2))):
        ctx.fail(f"k must be one number or two, not of shape {list(dims)}")
    if k is None or None in k:
        return None
    low, high = k[0], k[-1]
    assert low is not None and high is not None
    if low > high:
        ctx.fail(f"k is [{low}, {high}]: the lower diagonal comes first")
    return low, high


def _stored(ctx: ShapeContext, sizes: _Sizes, k: tuple[int, int]) -> tuple[int | None, ...]:
    """Return the dimensions in which diagonals of a matrix of these sizes are stored."""
    rows, columns = sizes
    low, high = k
    for size, d in ((rows, -low), (columns, high), (rows, -high), (columns, low)):
        if size is not None and d >= max(size, 1):
            ctx.fail(f"diagonals {low} to {high} are not all in a matrix of {rows} x {columns}")
    longest = None
    if rows is not None and columns is not None:
        longest = min(rows + min(high, 0), columns - max(low, 0))
    return (longest,) if low == high else (high - low + 1, longest)


def _matrix_diag_shape(ctx: ShapeContext) -> list[Dims]:
    dims = _matrix(ctx, 1)
    return [None if dims is None else (*dims, dims[-1])]


def _matrix_diag_v3_shape(ctx: ShapeContext) -> list[Dims]:
    dims, k = _matrix(ctx, 1), _diagonals(ctx, 1)
    for i in (2, 3, 4):
        ctx.rank_is(i, 0)
    if dims is None or k is None:
        return [None]
    low, high = k
    inner = 1 if low == high else 2
    if len(dims) < inner:
        ctx.fail(f"several diagonals need rank 2 at least, not {len(dims)}")
    if inner == 2 and dims[-2] is not None and dims[-2] != high - low + 1:
        ctx.fail(f"there are {dims[-2]} diagonals, but k asks for {high - low + 1}")
    given = [ctx.ints(i) for i in (2, 3)]
    if dims[-1] is None or any(g is None or g[0] is None for g in given):
        return [(*dims[:-inner], None, None)]
    least = (dims[-1] - min(high, 0), dims[-1] + max(low, 0))
    wanted = [g[0] for g in given if g is not None]
    if wanted == [-1, -1]:
        sizes: tuple[int, int] = (max(least), max(least))
    else:
        rows, columns = (n if w == -1 else w for n, w in zip(least, wanted, strict=True))
        assert rows is not None and columns is not None
        sizes = (rows, columns)
    if _stored(ctx, sizes, k)[-1] != dims[-1]:
        ctx.fail(f"diagonals of length {dims[-1]} do not fit a matrix of shape {list(sizes)}")
    return [(*dims[:-inner], *sizes)]


def _diag_part_v3_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(2, 0)
    dims, k = _matrix(ctx), _diagonals(ctx, 1)
    if dims is None or k is None:
        return [None]
    return [(*dims[:-2], *_stored(ctx, (dims[-2], dims[-1]), k))]


def _set_diag_shape(ctx: ShapeContext, k: tuple[int, int] | None) -> list[Dims]:
    dims, diagonal = _matrix(ctx), ctx.shape(1)
    if dims is not None and k is not None:
        shapes.merge(diagonal, (*dims[:-2], *_stored(ctx, (dims[-2], dims[-1]), k)))
    return [dims]


define_op(
    "MatrixDiag",
    inputs="diagonal: T",
    outputs="output: T",
    attrs="T: type",
    shape=_matrix_diag_shape,
    doc="Square matrices with these main diagonals, zero elsewhere (older form).",
)
define_op(
    "MatrixDiagPart",
    inputs="input: T",
    outputs="diagonal: T",
    attrs="T: type",
    shape=lambda ctx: [
        None if (d := _matrix(ctx)) is None else (*d[:-2], *_stored(ctx, (d[-2], d[-1]), (0, 0)))
    ],
    doc="The main diagonal of each innermost matrix (older form).",
)
define_op(
    "MatrixSetDiag",
    inputs="input: T, diagonal: T",
    outputs="output: T",
    attrs="T: type",
    shape=lambda ctx: _set_diag_shape(ctx, (0, 0)),
    doc="`input` with the main diagonal of each innermost matrix replaced (older form).",
)
define_op(
    "MatrixDiagV3",
    inputs="diagonal: T, k: int32, num_rows: int32, num_cols: int32, padding_value: T",
    outputs="output: T",
    attrs=_ALIGN,
    shape=_matrix_diag_v3_shape,
    doc="Matrices with these diagonals, `padding_value` elsewhere.",
)
define_op(
    "MatrixDiagPartV3",
    inputs="input: T, k: int32, padding_value: T",
    outputs="diagonal: T",
    attrs=_ALIGN,
    shape=_diag_part_v3_shape,
    doc="Diagonals of each innermost matrix, `padding_value` where one is shorter than another.",
)
define_op(
    "MatrixSetDiagV3",
    inputs="input: T, diagonal: T, k: int32",
    outputs="output: T",
    attrs=_ALIGN,
    shape=lambda ctx: _set_diag_shape(ctx, _diagonals(ctx, 2)),
    doc="`input` with diagonals of each innermost matrix replaced.",
)


@gradient("MatrixDiag")
def _matrix_diag_grad(op: Operation, dy: Tensor) -> Any:
    return raw.MatrixDiagPart(dy)


@gradient("MatrixDiagPart")
def _matrix_diag_part_grad(op: Operation, dy: Tensor) -> Any:
    return raw.MatrixSetDiag(raw.ZerosLike(op.inputs[0]), dy)


@gradient("MatrixSetDiag")
def _matrix_set_diag_grad(op: Operation, dy: Tensor) -> Any:
    kept = raw.MatrixSetDiag(dy, raw.ZerosLike(op.inputs[1]))
    return kept, raw.MatrixDiagPart(dy)


def _zero(x: Tensor) -> Tensor:
    return convert.to_tensor(0, x.dtype)


@gradient("MatrixDiagV3")
def _matrix_diag_v3_grad(op: Operation, dy: Tensor) -> Any:
    k, align = op.inputs[1], op.get_attr("align")
    part = raw.MatrixDiagPartV3(dy, k, _zero(dy), align=align)
    inside = raw.MatrixSetDiagV3(dy, raw.ZerosLike(op.inputs[0]), k, align=align)
    rank = raw.Range(0, raw.Rank(dy), 1)
    return part, None, None, None, raw.Sum(inside, rank)


@gradient("MatrixDiagPartV3")
def _matrix_diag_part_v3_grad(op: Operation, dy: Tensor) -> Any:
    x, k, _ = op.inputs
    align = op.get_attr("align")
    spread = raw.MatrixSetDiagV3(raw.ZerosLike(x), dy, k, align=align)
    one = convert.to_tensor(1, dy.dtype)
    # Where the stored diagonals are padding, the diagonal of ones shows its zeros.
    filled = raw.MatrixDiagPartV3(raw.OnesLike(x), k, _zero(x), align=align)
    padding = raw.Mul(dy, raw.Sub(one, filled))
    return spread, None, raw.Sum(padding, raw.Range(0, raw.Rank(dy), 1))


@gradient("MatrixSetDiagV3")
def _matrix_set_diag_v3_grad(op: Operation, dy: Tensor) -> Any:
    _, diagonal, k = op.inputs
    align = op.get_attr("align")
    kept = raw.MatrixSetDiagV3(dy, raw.ZerosLike(diagonal), k, align=align)
    return kept, raw.MatrixDiagPartV3(dy, k, _zero(dy), align=align), None


def _padding(value: Any, x: Tensor) -> Tensor:
    """Return what stands outside of diagonals; the default 0 is the zero of any dtype."""
    kind = x.dtype.base_dtype
    if isinstance(value, int | float) and value == 0:
        value = {dtypes.string: "", dtypes.bool: False}.get(kind, 0)
    return convert.to_tensor(value, kind)


@export("matrix_diag linalg.diag")
def matrix_diag(
    diagonal: Any,
    name: str | None = "diag",
    k: Any = 0,
    num_rows: Any = -1,
    num_cols: Any = -1,
    padding_value: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Tensor:
    """Return matrices with these diagonals, `padding_value` elsewhere.

    `k` numbers the diagonal, or the lowest and highest of several. The matrices are the
    smallest that fit, or of `num_rows` rows and `num_cols` columns.

    >>> ps.Session().run(ps.matrix_diag([1, 2], k=1))
    array([[0, 1, 0],
           [0, 0, 2],
           [0, 0, 0]], dtype=int32)
    """
    x = convert.to_tensor(diagonal)
    padding = _padding(padding_value, x)
    result: Tensor = raw.MatrixDiagV3(x, k, num_rows, num_cols, padding, align=align, name=name)
    return result


@export("matrix_diag_part linalg.diag_part")
def matrix_diag_part(
    input: Any,
    name: str | None = "diag_part",
    k: Any = 0,
    padding_value: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Tensor:
    """Return the diagonal number `k` of each innermost matrix, or several for k = (low, high).

    >>> ps.Session().run(ps.matrix_diag_part([[1, 2, 3], [4, 5, 6]], k=1))
    array([2, 6], dtype=int32)
    """
    x = convert.to_tensor(input)
    padding = _padding(padding_value, x)
    result: Tensor = raw.MatrixDiagPartV3(x, k, padding, align=align, name=name)
    return result


@export("matrix_set_diag linalg.set_diag")
def matrix_set_diag(
    input: Any,
    diagonal: Any,
    name: str | None = "set_diag",
    k: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Tensor:
    """Return `input` with diagonal number `k` of each innermost matrix replaced.

    >>> ps.Session().run(ps.matrix_set_diag([[1, 2], [3, 4]], [9, 9]))
    array([[9, 2],
           [3, 9]], dtype=int32)
    """
    result: Tensor = raw.MatrixSetDiagV3(input, diagonal, k, align=align, name=name)
    return result


# ---- bands


def _band_shape(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(1, 0)
    ctx.rank_is(2, 0)
    dims = _matrix(ctx)
    if dims is not None:
        for i, size in ((1, dims[-2]), (2, dims[-1])):
            n = ctx.ints(i)
            if n is not None and n[0] is not None and size is not None and n[0] > size:
                ctx.fail(f"input {i} is {n[0]}, more than the size {size} of the matrix")
    return [dims]


define_op(
    "MatrixBandPart",
    inputs="input: T, num_lower: Tindex, num_upper: Tindex",
    outputs="band: T",
    attrs="T: type, Tindex: index = int64",
    shape=_band_shape,
    export="matrix_band_part linalg.band_part",
    doc="""Each innermost matrix with zeros outside of a band around its main diagonal.

    Kept are `num_lower` diagonals below the main one and `num_upper` above; -1 keeps all.

    >>> ps.Session().run(ps.matrix_band_part([[1, 2], [3, 4]], 0, -1))
    array([[1, 2],
           [0, 4]], dtype=int32)
    """,
)


@gradient("MatrixBandPart")
def _band_grad(op: Operation, dy: Tensor) -> Any:
    return raw.MatrixBandPart(dy, *op.inputs[1:]), None, None
