"""Sums of products over named dimensions: tensordot and einsum, as matrix products.

Ranks must be known while building; sizes need not be.
"""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import convert
from penstock.ops.control import name_scope
from penstock.ops.wrappers import raw
from penstock.shapes import Dims, normalize_axis

Size = Any
"""A dimension: an int where it is known, else a scalar int32 tensor."""


def _known(x: Tensor, what: str) -> tuple[int | None, ...]:
    dims: Dims = x._dims
    if dims is None:
        raise ValueError(f"{what} needs inputs of known rank; set_shape tells it")
    return dims


def _sizes(x: Tensor, what: str) -> list[Size]:
    dims = _known(x, what)
    if None not in dims:
        return list(dims)
    shape = raw.Shape(x)
    return [shape[i] if d is None else d for i, d in enumerate(dims)]


def _product(sizes: Sequence[Size]) -> Size:
    known = math.prod(s for s in sizes if isinstance(s, int))
    result: Any = known
    for size in sizes:
        if not isinstance(size, int):
            result = size if isinstance(result, int) and result == 1 else raw.Mul(size, result)
    return result


def _reshape(x: Tensor, sizes: Sequence[Size]) -> Tensor:
    whole = all(isinstance(s, int) for s in sizes)
    result: Tensor = raw.Reshape(x, np.array(sizes, np.int32) if whole else raw.Pack(list(sizes)))
    return result


def _transpose(x: Tensor, order: list[int]) -> Tensor:
    if order == list(range(len(order))):
        return x
    result: Tensor = raw.Transpose(x, order)
    return result


# ---- tensordot


def _axes_of(axes: Any, rank_a: int, rank_b: int) -> tuple[list[int], list[int]]:
    """Return which axes of both are summed over."""
    if isinstance(axes, int | np.integer):
        count = int(axes)
        if not 0 <= count <= min(rank_a, rank_b):
            raise ValueError(f"tensordot: axes is {count}, the ranks are {rank_a} and {rank_b}")
        return list(range(rank_a - count, rank_a)), list(range(count))
    if len(axes) != 2:
        raise ValueError(f"tensordot: axes must be a number or two lists, got {axes!r}")
    lists = [[int(n) for n in np.atleast_1d(np.asarray(part))] for part in axes]
    if len(lists[0]) != len(lists[1]):
        raise ValueError(f"tensordot: as many axes of a as of b, got {axes!r}")
    of_a = [normalize_axis(n, rank_a) for n in lists[0]]
    of_b = [normalize_axis(n, rank_b) for n in lists[1]]
    if len(set(of_a)) != len(of_a) or len(set(of_b)) != len(of_b):
        raise ValueError(f"tensordot: an axis is named twice: {axes!r}")
    return of_a, of_b


@export("tensordot linalg.tensordot")
def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """Return the sums of products of `a` and `b` over pairs of axes.

    `axes` is a number N (the last N of `a` with the first N of `b`) or two lists. The result
    has the other axes of `a`, then those of `b`.

    >>> ps.Session().run(ps.tensordot([[1, 2], [3, 4]], [10, 1], 1))
    array([12, 34], dtype=int32)
    """
    with name_scope(name or "Tensordot"):
        x = convert.to_tensor(a)
        y = convert.to_tensor(b, x.dtype.base_dtype)
        sizes_x, sizes_y = _sizes(x, "tensordot"), _sizes(y, "tensordot")
        over_x, over_y = _axes_of(axes, len(sizes_x), len(sizes_y))
        for i, j in zip(over_x, over_y, strict=True):
            m, n = sizes_x[i], sizes_y[j]
            if isinstance(m, int) and isinstance(n, int) and m != n:
                raise ValueError(f"tensordot: axis {i} of a has size {m}, axis {j} of b has {n}")
        free_x = [i for i in range(len(sizes_x)) if i not in over_x]
        free_y = [i for i in range(len(sizes_y)) if i not in over_y]
        inner = _product([sizes_x[i] for i in over_x])
        rows = _product([sizes_x[i] for i in free_x])
        columns = _product([sizes_y[i] for i in free_y])
        left = _reshape(_transpose(x, free_x + over_x), [rows, inner])
        right = _reshape(_transpose(y, over_y + free_y), [inner, columns])
        out = [sizes_x[i] for i in free_x] + [sizes_y[i] for i in free_y]
        return _reshape(raw.MatMul(left, right), out)


# ---- einsum


class _Term:
    """A tensor whose dimensions have labels."""

    def __init__(self, x: Tensor, labels: list[str]) -> None:
        self.x = x
        self.labels = labels

    def sizes(self) -> dict[str, Size]:
        """Return the size of each label."""
        return dict(zip(self.labels, _sizes(self.x, "einsum"), strict=True))

    def arranged(self, labels: list[str]) -> Tensor:
        """Return the tensor with its dimensions in that order."""
        return _transpose(self.x, [self.labels.index(n) for n in labels])

    def only(self, kept: set[str]) -> _Term:
        """Sum over the dimensions whose labels are not kept."""
        axes = [i for i, n in enumerate(self.labels) if n not in kept]
        if not axes:
            return self
        return _Term(raw.Sum(self.x, axes), [n for n in self.labels if n in kept])

    def without_repeats(self) -> _Term:
        """Take the diagonal where a label occurs twice."""
        term = self
        for label in dict.fromkeys(self.labels):
            while term.labels.count(label) > 1:
                i = term.labels.index(label)
                j = term.labels.index(label, i + 1)
                rest = [k for k in range(len(term.labels)) if k not in (i, j)]
                moved = _transpose(term.x, [*rest, i, j])
                part = raw.MatrixDiagPart(moved)
                term = _Term(part, [*[term.labels[k] for k in rest], label])
        return term


def _multiplied(x: _Term, y: _Term, needed: set[str]) -> _Term:
    """Return the product of two terms, summed over what nobody needs any more."""
    shared = set(x.labels) & set(y.labels)
    x, y = x.only(needed | shared), y.only(needed | shared)
    batch = [n for n in x.labels if n in shared and n in needed]
    summed = [n for n in x.labels if n in shared and n not in needed]
    rows = [n for n in x.labels if n not in shared]
    columns = [n for n in y.labels if n not in shared]
    sizes = {**y.sizes(), **x.sizes()}

    def size_of(labels: list[str]) -> list[Size]:
        return [sizes[n] for n in labels]

    lead = size_of(batch)
    inner = _product(size_of(summed))
    left = _reshape(x.arranged(batch + rows + summed), [*lead, _product(size_of(rows)), inner])
    right = _reshape(
        y.arranged(batch + summed + columns), [*lead, inner, _product(size_of(columns))]
    )
    product = raw.BatchMatMulV2(left, right) if batch else raw.MatMul(left, right)
    labels = batch + rows + columns
    return _Term(_reshape(product, size_of(labels)), labels)


def _read_labels(text: str, rank: int | None, most: int) -> list[str]:
    """Return one label a dimension; those of an ellipsis are "0", "1", ... from the right."""
    before, dots, after = text.partition("...")
    if any(c not in string.ascii_letters for c in before + after):
        raise ValueError(f"einsum: {text!r} must be letters and one ellipsis at most")
    count = most if rank is None else rank - len(before + after)
    if count < 0 or (count > 0 and not dots):
        raise ValueError(f"einsum: {text!r} does not fit an input of rank {rank}")
    return [*before, *[str(i) for i in reversed(range(count))], *after]


def _parse(equation: str, tensors: list[Tensor]) -> tuple[list[_Term], list[str]]:
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    texts = inputs.split(",")
    if len(texts) != len(tensors):
        raise ValueError(f"einsum: {equation!r} is of {len(texts)} inputs, got {len(tensors)}")
    ranks = [len(_known(x, "einsum")) for x in tensors]
    terms = [_Term(x, _read_labels(t, r, 0)) for t, r, x in zip(texts, ranks, tensors, strict=True)]
    labels = [n for term in terms for n in term.labels]
    most = max((int(n) + 1 for n in labels if n.isdigit()), default=0)
    if arrow:
        wanted = _read_labels(output, None, most if "..." in output else 0)
    else:
        once = sorted(n for n in set(labels) if not n.isdigit() and inputs.count(n) == 1)
        wanted = [str(i) for i in reversed(range(most))] + once
    if len(set(wanted)) != len(wanted) or not set(wanted) <= set(labels):
        raise ValueError(f"einsum: output {output!r} has a label twice, or one of no input")
    return terms, wanted


def _check_sizes(terms: list[_Term]) -> None:
    """Raise unless equal labels have equal sizes; drop ellipsis dimensions of size 1."""
    found: dict[str, int] = {}
    for term in terms:
        for label, size in zip(term.labels, term.x._dims or (), strict=True):
            if size is None or (label.isdigit() and size == 1):
                continue
            if found.setdefault(label, size) != size:
                raise ValueError(f"einsum: label {label!r} has sizes {found[label]} and {size}")
    for term in terms:
        dims = term.x._dims or ()
        drop = [
            i
            for i, n in enumerate(term.labels)
            if n.isdigit() and dims[i] == 1 and found.get(n, 1) != 1
        ]
        if drop:
            term.x = raw.Squeeze(term.x, squeeze_dims=drop)
            term.labels = [n for i, n in enumerate(term.labels) if i not in drop]


@export("einsum linalg.einsum")
def einsum(equation: str, *inputs: Any, **kwargs: Any) -> Tensor:
    """Return sums of products of the inputs' elements, as the equation names their dimensions.

    Each input has letters, one for each dimension; those that the output lacks are summed
    over. A letter twice in one input takes a diagonal, `...` stands for leading dimensions
    that broadcast. `name` is the only keyword that means something.

    >>> ps.Session().run(ps.einsum("ij,jk->ik", [[1, 2]], [[3], [4]]))
    array([[11]], dtype=int32)
    """
    name = kwargs.pop("name", None)
    kwargs.pop("optimize", None)
    if kwargs:
        raise TypeError(f"einsum got unexpected keywords: {sorted(kwargs)}")
    if not inputs:
        raise ValueError("einsum needs one input at least")
    with name_scope(name or "einsum"):
        first = convert.to_tensor(inputs[0])
        rest = [convert.to_tensor(x, first.dtype.base_dtype) for x in inputs[1:]]
        terms, wanted = _parse(equation, [first, *rest])
        _check_sizes(terms)
        terms = [term.without_repeats() for term in terms]
        total = terms[0]
        for i, term in enumerate(terms[1:], 1):
            needed = {n for later in terms[i + 1 :] for n in later.labels} | set(wanted)
            total = _multiplied(total, term, needed)
        result: Tensor = total.only(set(wanted)).arranged(wanted)
        return result
