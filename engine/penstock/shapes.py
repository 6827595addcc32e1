"""Partial shapes: what is known of a tensor's shape before it exists.

Two forms of one thing. Inside the package a shape is `Dims`: a tuple of `int | None`, or
`None` when even the rank is unknown; shape rules work on these. Users see `TensorShape`,
whose elements are `Dimension` objects as in TensorFlow 1. Functions here never guess: an
unknown in gives an unknown out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

Dims: TypeAlias = "tuple[int | None, ...] | None"

UNKNOWN: Dims = None
SCALAR: tuple[int | None, ...] = ()


def to_dims(value: Any) -> Dims:
    """Return the `Dims` that `value` names.

    Accepts None, a `TensorShape`, an int (a vector), or a sequence of ints, None, -1 and
    `Dimension`. Raises `TypeError` for other things and `ValueError` for sizes that are none.
    """
    if value is None:
        return None
    if isinstance(value, TensorShape):
        return value._dims
    if isinstance(value, (int, Dimension)):
        return (_to_dim(value),)
    if hasattr(value, "dim") and hasattr(value, "unknown_rank"):  # a TensorShapeProto
        if value.unknown_rank:
            return None
        return tuple(None if d.size < 0 else int(d.size) for d in value.dim)
    if hasattr(value, "tolist"):
        value = value.tolist()
        if isinstance(value, int):
            return (_to_dim(value),)
    return tuple([_to_dim(d) for d in value])


def _to_dim(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, Dimension):
        return value.value
    if not hasattr(value, "__index__"):
        raise TypeError(f"a dimension is an int or None, not {value!r}")
    number = int(value)
    if not -1 <= number < 1 << 63:
        raise ValueError(f"a dimension cannot be {number}")
    return None if number == -1 else number


def is_fully_defined(dims: Dims) -> bool:
    """Return True when rank and every dimension are known."""
    return dims is not None and None not in dims


def num_elements(dims: Dims) -> int | None:
    """Return the product of the dimensions, or None when it is not known."""
    if dims is None or None in dims:
        return None
    product = 1
    for d in dims:
        product *= d  # type: ignore[operator]
    return product


def compatible(a: Dims, b: Dims) -> bool:
    """Return True when some full shape is allowed by both."""
    if a is None or b is None:
        return True
    return len(a) == len(b) and all(
        x is None or y is None or x == y for x, y in zip(a, b, strict=True)
    )


def merge(a: Dims, b: Dims) -> Dims:
    """Return what is known when both hold; `ValueError` when they contradict."""
    if a is None:
        return b
    if b is None or a == b:
        return a
    if not compatible(a, b):
        raise ValueError(f"shapes {render(a)} and {render(b)} are not compatible")
    return tuple([y if x is None else x for x, y in zip(a, b, strict=True)])


def broadcast(a: Dims, b: Dims) -> Dims:
    """Return the shape that `a` and `b` broadcast to (NumPy's rule).

    >>> broadcast((2, 1, None), (3, 4))
    (2, 3, 4)
    """
    if a == b and a is not None and None not in a:
        return a
    if a is None or b is None:
        return None
    if len(a) < len(b):
        a, b = b, a
    pad = len(a) - len(b)
    return a[:pad] + tuple([_broadcast_dim(x, y, a, b) for x, y in zip(a[pad:], b, strict=True)])


def _broadcast_dim(x: int | None, y: int | None, a: Dims, b: Dims) -> int | None:
    if x == 1:
        return y
    if y == 1 or x == y:
        return x
    if x is None:
        return y
    if y is None:
        return x
    raise ValueError(f"shapes {render(a)} and {render(b)} do not broadcast")


def concatenate(a: Dims, b: Dims) -> Dims:
    """Return the dimensions of `a` followed by those of `b`."""
    return None if a is None or b is None else a + b


def normalize_axis(axis: int, rank: int) -> int:
    """Return `axis` counted from the front; `ValueError` when it is out of range."""
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is out of range for rank {rank}: [{-rank}, {rank})")
    return axis + rank if axis < 0 else axis


def window_output(
    size: int | None, window: int | None, stride: int, padding: str, dilation: int = 1
) -> int | None:
    """Return the output length of a sliding window along one dimension.

    `padding` is "SAME" or "VALID" (TensorFlow's meaning). `ValueError` when a VALID window
    is larger than the input.
    """
    if size is None:
        return None
    if padding == "SAME":
        return -(-size // stride)
    if window is None:
        return None
    effective = (window - 1) * dilation + 1
    if effective > size:
        raise ValueError(f"a window of {effective} does not fit into an input of {size}")
    return (size - effective) // stride + 1


def render(dims: Dims) -> str:
    """Return the text of a shape: ``[2, ?]``, or ``<unknown>``."""
    if dims is None:
        return "<unknown>"
    return "[" + ", ".join("?" if d is None else str(d) for d in dims) + "]"


class Dimension:
    """One dimension of a `TensorShape`: a size, or unknown (`value` is None).

    >>> int(TensorShape([2, 3])[1])
    3
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        """Make a dimension of size `value`, or unknown for None."""
        self.value = _to_dim(value)

    def __int__(self) -> int:
        """Return the size; `TypeError` when it is unknown."""
        if self.value is None:
            raise TypeError("this dimension is unknown")
        return self.value

    __index__ = __int__

    def __eq__(self, other: object) -> Any:
        """Compare sizes; None when one of them is unknown."""
        try:
            theirs = _to_dim(other)
        except (TypeError, ValueError):
            return NotImplemented
        if self.value is None or theirs is None:
            return None
        return self.value == theirs

    def __hash__(self) -> int:
        """Hash by size."""
        return hash(self.value)

    def _binary(self, other: Any, compute: Any) -> Dimension:
        theirs = _to_dim(other)
        if self.value is None or theirs is None:
            return Dimension(None)
        return Dimension(compute(self.value, theirs))

    def __add__(self, other: Any) -> Dimension:
        """Add sizes; unknown stays unknown."""
        return self._binary(other, lambda a, b: a + b)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Dimension:
        """Subtract sizes."""
        return self._binary(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Dimension:
        """Subtract from a number."""
        return self._binary(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Dimension:
        """Multiply sizes."""
        return self._binary(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Dimension:
        """Divide sizes, rounding down."""
        return self._binary(other, lambda a, b: a // b)

    def __mod__(self, other: Any) -> Dimension:
        """Return the remainder."""
        return self._binary(other, lambda a, b: a % b)

    def __lt__(self, other: Any) -> bool | None:
        """Compare; None when one is unknown."""
        theirs = _to_dim(other)
        return None if self.value is None or theirs is None else self.value < theirs

    def __gt__(self, other: Any) -> bool | None:
        """Compare; None when one is unknown."""
        theirs = _to_dim(other)
        return None if self.value is None or theirs is None else self.value > theirs

    def __le__(self, other: Any) -> bool | None:
        """Compare; None when one is unknown."""
        theirs = _to_dim(other)
        return None if self.value is None or theirs is None else self.value <= theirs

    def __ge__(self, other: Any) -> bool | None:
        """Compare; None when one is unknown."""
        theirs = _to_dim(other)
        return None if self.value is None or theirs is None else self.value >= theirs

    def __repr__(self) -> str:
        """Show as in TensorFlow 1."""
        return f"Dimension({self.value})"

    def __str__(self) -> str:
        """Show the size, or ?."""
        return "?" if self.value is None else str(self.value)


class TensorShape:
    """A possibly partial shape, as users see it.

    >>> s = TensorShape([None, 3])
    >>> s.ndims, s.as_list(), s.is_fully_defined(), s[1].value
    (2, [None, 3], False, 3)
    """

    __slots__ = ("_dims",)

    def __init__(self, dims: Any) -> None:
        """Make a shape from a list of ints, None and `Dimension`; None: unknown rank."""
        self._dims = to_dims(dims)

    @property
    def ndims(self) -> int | None:
        """The rank, or None."""
        return None if self._dims is None else len(self._dims)

    rank = ndims

    @property
    def dims(self) -> list[Dimension] | None:
        """The dimensions, or None when the rank is unknown."""
        return None if self._dims is None else [Dimension(d) for d in self._dims]

    def as_list(self) -> list[int | None]:
        """Return the sizes, None for unknown ones; `ValueError` when the rank is unknown."""
        if self._dims is None:
            raise ValueError("as_list() is not defined for a shape of unknown rank")
        return list(self._dims)

    def num_elements(self) -> int | None:
        """Return the number of elements, or None."""
        return num_elements(self._dims)

    def is_fully_defined(self) -> bool:
        """Return True when everything is known."""
        return is_fully_defined(self._dims)

    def is_compatible_with(self, other: Any) -> bool:
        """Return True when some full shape is allowed by both."""
        return compatible(self._dims, to_dims(other))

    def merge_with(self, other: Any) -> TensorShape:
        """Return what is known when both hold; `ValueError` when they contradict."""
        return TensorShape(merge(self._dims, to_dims(other)))

    def concatenate(self, other: Any) -> TensorShape:
        """Return this shape followed by `other`."""
        return TensorShape(concatenate(self._dims, to_dims(other)))

    def with_rank(self, rank: int) -> TensorShape:
        """Return this shape with that rank; `ValueError` when it has another."""
        return self.merge_with(TensorShape([None] * rank))

    def with_rank_at_least(self, rank: int) -> TensorShape:
        """Return this shape; `ValueError` when its rank is lower."""
        if self._dims is not None and len(self._dims) < rank:
            raise ValueError(f"shape {self} must have rank at least {rank}")
        return self

    def assert_has_rank(self, rank: int) -> None:
        """Raise `ValueError` unless the rank is (or may be) `rank`."""
        self.with_rank(rank)

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raise `ValueError` unless the shapes are compatible."""
        if not self.is_compatible_with(other):
            raise ValueError(f"shapes {self} and {TensorShape(other)} are incompatible")

    def assert_is_fully_defined(self) -> None:
        """Raise `ValueError` unless everything is known."""
        if not self.is_fully_defined():
            raise ValueError(f"shape {self} is not fully defined")

    def __len__(self) -> int:
        """Return the rank."""
        if self._dims is None:
            raise ValueError("a shape of unknown rank has no length")
        return len(self._dims)

    def __bool__(self) -> bool:
        """Return True when the rank is known."""
        return self._dims is not None

    def __iter__(self) -> Iterator[Dimension]:
        """Iterate over the dimensions."""
        if self._dims is None:
            raise ValueError("cannot iterate over a shape of unknown rank")
        return iter([Dimension(d) for d in self._dims])

    def __getitem__(self, key: Any) -> Any:
        """Return a `Dimension`, or a `TensorShape` for a slice."""
        if self._dims is None:
            return TensorShape(None) if isinstance(key, slice) else Dimension(None)
        picked = self._dims[key]
        return TensorShape(picked) if isinstance(key, slice) else Dimension(picked)

    def __eq__(self, other: object) -> bool:
        """Compare with anything that names a shape."""
        try:
            return self._dims == to_dims(other)
        except (TypeError, ValueError):
            return NotImplemented

    def __hash__(self) -> int:
        """Hash by contents."""
        return hash(self._dims)

    def __add__(self, other: Any) -> TensorShape:
        """Concatenate."""
        return self.concatenate(other)

    def __repr__(self) -> str:
        """Show as constructed."""
        return f"TensorShape({None if self._dims is None else list(self._dims)})"

    def __str__(self) -> str:
        """Show as (2, ?)."""
        if self._dims is None:
            return "<unknown>"
        inner = ", ".join("?" if d is None else str(d) for d in self._dims)
        return f"({inner},)" if len(self._dims) == 1 else f"({inner})"


def unknown_shape(rank: int | None = None) -> TensorShape:
    """Return a shape of that rank with no dimension known, or of unknown rank."""
    return TensorShape(None if rank is None else [None] * rank)


def all_equal(values: Iterable[Dims] | Sequence[Dims]) -> Dims:
    """Return the merge of all `values`; `ValueError` when two contradict."""
    result: Dims = None
    for dims in values:
        result = merge(result, dims)
    return result
