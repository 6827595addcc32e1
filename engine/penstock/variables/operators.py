"""Python's operators on a variable: those of Tensor, applied to a read made at that place."""

from __future__ import annotations

from typing import Any

from penstock.dtypes import DType
from penstock.graph.tensor import Tensor


class TensorOperators:
    """The operators of Tensor for what converts itself to one."""

    __array_priority__ = 100  # NumPy leaves `array + variable` to us

    def _as_tensor(self, dtype: DType | None, name: str | None) -> Tensor:
        raise NotImplementedError

    def __add__(self, y: object) -> Tensor:
        return self._as_tensor(None, "add/x") + y

    def __radd__(self, x: object) -> Tensor:
        return x + self._as_tensor(None, "add/y")

    def __sub__(self, y: object) -> Tensor:
        return self._as_tensor(None, "sub/x") - y

    def __rsub__(self, x: object) -> Tensor:
        return x - self._as_tensor(None, "sub/y")

    def __mul__(self, y: object) -> Tensor:
        return self._as_tensor(None, "mul/x") * y

    def __rmul__(self, x: object) -> Tensor:
        return x * self._as_tensor(None, "mul/y")

    def __truediv__(self, y: object) -> Tensor:
        return self._as_tensor(None, "truediv/x") / y

    def __rtruediv__(self, x: object) -> Tensor:
        return x / self._as_tensor(None, "truediv/y")

    def __floordiv__(self, y: object) -> Tensor:
        return self._as_tensor(None, "floordiv/x") // y

    def __rfloordiv__(self, x: object) -> Tensor:
        return x // self._as_tensor(None, "floordiv/y")

    def __mod__(self, y: object) -> Tensor:
        return self._as_tensor(None, "mod/x") % y

    def __rmod__(self, x: object) -> Tensor:
        return x % self._as_tensor(None, "mod/y")

    def __pow__(self, y: object) -> Tensor:
        return self._as_tensor(None, "pow/x") ** y

    def __rpow__(self, x: object) -> Tensor:
        return x ** self._as_tensor(None, "pow/y")

    def __matmul__(self, y: object) -> Tensor:
        return self._as_tensor(None, "matmul/x") @ y

    def __rmatmul__(self, x: object) -> Tensor:
        return x @ self._as_tensor(None, "matmul/y")

    def __and__(self, y: object) -> Tensor:
        return self._as_tensor(None, "and/x") & y

    def __rand__(self, x: Any) -> Tensor:
        result: Tensor = x & self._as_tensor(None, "and/y")
        return result

    def __or__(self, y: object) -> Tensor:
        return self._as_tensor(None, "or/x") | y

    def __ror__(self, x: Any) -> Tensor:
        result: Tensor = x | self._as_tensor(None, "or/y")
        return result

    def __xor__(self, y: object) -> Tensor:
        return self._as_tensor(None, "xor/x") ^ y

    def __rxor__(self, x: Any) -> Tensor:
        result: Tensor = x ^ self._as_tensor(None, "xor/y")
        return result

    def __neg__(self) -> Tensor:
        return -self._as_tensor(None, "neg/x")

    def __invert__(self) -> Tensor:
        return ~self._as_tensor(None, "invert/x")

    def __abs__(self) -> Tensor:
        return abs(self._as_tensor(None, "abs/x"))

    def __lt__(self, y: object) -> Tensor:
        return self._as_tensor(None, "lt/x") < y

    def __le__(self, y: object) -> Tensor:
        return self._as_tensor(None, "le/x") <= y

    def __gt__(self, y: object) -> Tensor:
        return self._as_tensor(None, "gt/x") > y

    def __ge__(self, y: object) -> Tensor:
        return self._as_tensor(None, "ge/x") >= y

    def __getitem__(self, key: object) -> Tensor:
        return self._as_tensor(None, "strided_slice/x")[key]
