"""What changes a variable, as methods: assignments and scatters.

Each method adds one node and returns the variable as it is after that node: a Variable whose
reads wait for the update, so `sess.run(v.assign(1))` assigns and gives the new value, and
`v.assign(1).assign_add(2)` happens in that order. Its `op` is the updating operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock import errors, shapes
from penstock.dtypes import DType
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


class Updatable:
    """The updating methods of `Variable`, which supplies the handle and `_update`."""

    name: Any
    _dtype: DType
    _dims: Dims
    _handle: Tensor

    _update: Callable[..., Operation]  # (op, *inputs, name, **attrs): apply a resource op
    _updated: Callable[[Operation], Any]  # the variable as it is after an operation
    _after_update: Callable[[], Any]  # a context in which nodes wait for the last update

    def assign(
        self,
        value: Any,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Any:
        """Set the value. Returns the updated variable, or with `read_value=False` the operation.

        Raises `ShapeError` (a ValueError) when `value` cannot have the variable's shape.
        """
        tensor = self._operand(value, "assign")
        check = shapes.is_fully_defined(self._dims) and tensor._dims != self._dims
        operation = self._update("AssignVariableOp", tensor, validate_shape=check, name=name)
        return self._updated(operation) if read_value else operation

    def assign_add(
        self,
        delta: Any,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Any:
        """Add `delta`, of the variable's shape. Returns as `assign` does."""
        tensor = self._operand(delta, "assign_add")
        operation = self._update("AssignAddVariableOp", tensor, name=name)
        return self._updated(operation) if read_value else operation

    def assign_sub(
        self,
        delta: Any,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Any:
        """Subtract `delta`, of the variable's shape. Returns as `assign` does."""
        tensor = self._operand(delta, "assign_sub")
        operation = self._update("AssignSubVariableOp", tensor, name=name)
        return self._updated(operation) if read_value else operation

    def _operand(self, value: Any, what: str) -> Tensor:
        tensor = convert.to_tensor(value, self._dtype)
        if not shapes.compatible(tensor._dims, self._dims):
            raise errors.ShapeError(
                None,
                None,
                f'{what}: variable "{self.name}" has shape {shapes.render(self._dims)}, '
                f"the value has {shapes.render(tensor._dims)}",
            )
        return tensor

    def count_up_to(self, limit: int) -> Tensor:
        """Add one and return the value before; `OutOfRangeError` once it reached `limit`."""
        with self._after_update():
            result: Tensor = raw.ResourceCountUpTo(self._handle, limit=limit, T=self._dtype)
        return result

    # ---- rows: `sparse_delta` is IndexedSlices

    def scatter_update(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Set rows; which of several values for one row stays is not defined."""
        return self._scatter("ResourceScatterUpdate", sparse_delta, name)

    def scatter_add(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Add to rows; repeated rows add up."""
        return self._scatter("ResourceScatterAdd", sparse_delta, name)

    def scatter_sub(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Subtract from rows; repeated rows add up."""
        return self._scatter("ResourceScatterSub", sparse_delta, name)

    def scatter_mul(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Multiply rows."""
        return self._scatter("ResourceScatterMul", sparse_delta, name)

    def scatter_div(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Divide rows."""
        return self._scatter("ResourceScatterDiv", sparse_delta, name)

    def scatter_min(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Set rows to the smaller of old and given values."""
        return self._scatter("ResourceScatterMin", sparse_delta, name)

    def scatter_max(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Set rows to the larger of old and given values."""
        return self._scatter("ResourceScatterMax", sparse_delta, name)

    def _scatter(self, op: str, delta: Any, name: str | None) -> Any:
        if not isinstance(delta, IndexedSlices):
            raise TypeError(f"sparse_delta must be IndexedSlices, not {delta!r}")
        values = convert.to_tensor(delta.values, self._dtype)
        operation = self._update(op, delta.indices, values, name=name)
        return self._updated(operation)

    # ---- elements and slices: `indices` is [..., depth]

    def scatter_nd_update(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Set the slices at `indices` (their last dimension indexes the leading ones)."""
        return self._scatter_nd("ResourceScatterNdUpdate", indices, updates, name)

    def scatter_nd_add(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Add to the slices at `indices`."""
        return self._scatter_nd("ResourceScatterNdAdd", indices, updates, name)

    def scatter_nd_sub(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Subtract from the slices at `indices`."""
        return self._scatter_nd("ResourceScatterNdSub", indices, updates, name)

    def _scatter_nd(self, op: str, indices: Any, updates: Any, name: str | None) -> Any:
        values = convert.to_tensor(updates, self._dtype)
        return self._updated(self._update(op, indices, values, name=name))
