"""IndexedSlices: a sparse gradient, rows of a tensor that is zero elsewhere."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph.graph import Graph
from penstock.graph.tensor import Operation, Tensor
from penstock.ops.wrappers import raw
from penstock.shapes import TensorShape


@export("IndexedSlices")
class IndexedSlices:
    """Rows `values[i]` of a tensor at `indices[i]` along dimension 0; repeated rows add up.

    `dense_shape` is the shape of the tensor that it stands for (an int vector), or None.
    `convert_to_tensor` makes it dense.
    """

    def __init__(self, values: Tensor, indices: Tensor, dense_shape: Tensor | None = None) -> None:
        """Wrap tensors: values [n, ...], indices [n], dense_shape [rank] or None."""
        self.values = values
        self.indices = indices
        self.dense_shape = dense_shape

    @property
    def dtype(self) -> DType:
        """The dtype of the values."""
        return self.values.dtype

    @property
    def graph(self) -> Graph:
        """The graph of the values."""
        return self.values.graph

    @property
    def op(self) -> Operation:
        """The operation that makes the values."""
        return self.values.op

    @property
    def name(self) -> str:
        """The name of the values."""
        return self.values.name

    @property
    def device(self) -> str:
        """The device of the values."""
        return self.values.device

    @property
    def shape(self) -> TensorShape:
        """What is known of the dense shape."""
        return TensorShape(self._dims)

    @property
    def _dims(self) -> shapes.Dims:
        rows = self.values._dims
        return None if rows is None else (None, *rows[1:])

    def with_values(self, values: Tensor) -> IndexedSlices:
        """Return the same rows with other values."""
        return IndexedSlices(values, self.indices, self.dense_shape)

    def _as_tensor(self, dtype: DType | None, name: str | None) -> Tensor:
        if dtype is not None and dtype is not self.dtype:
            raise TypeError(f"IndexedSlices are {self.dtype.name}, {dtype.name} is needed")
        if self.dense_shape is None:
            raise ValueError(f"the dense shape of IndexedSlices {self.name!r} is not known")
        result: Tensor = raw.UnsortedSegmentSum(
            self.values,
            self.indices,
            self.dense_shape[0],
            name=name,
        )
        return result

    def __repr__(self) -> str:
        """Show the parts."""
        return f"IndexedSlices(values={self.values!r}, indices={self.indices!r})"


def add_slices(parts: list[IndexedSlices]) -> IndexedSlices:
    """Return the sum: all rows one after the other."""
    if len(parts) == 1:
        return parts[0]
    values = raw.ConcatV2([p.values for p in parts], 0)
    indices = raw.ConcatV2([_common_index(p.indices, parts) for p in parts], 0)
    shape = next((p.dense_shape for p in parts if p.dense_shape is not None), None)
    return IndexedSlices(values, indices, shape)


def _common_index(indices: Tensor, parts: list[IndexedSlices]) -> Tensor:
    kinds = {p.indices.dtype.name for p in parts}
    if len(kinds) == 1:
        return indices
    result: Tensor = raw.Cast(indices, DstT="int64")
    return result


def to_dense(value: Any) -> Tensor | None:
    """Return a gradient as a tensor (None stays None)."""
    if isinstance(value, IndexedSlices):
        return value._as_tensor(None, None)
    result: Tensor | None = value
    return result
