"""The dtype table: one `DType` object per element type, and conversion from other names.

Numbers are TensorFlow's `DataType`; the C++ half has the same rows (csrc/core/dtype.h) and
the package checks at import that the two agree. Reference dtypes (`float32_ref`), which
only imported graphs with reference variables use, are the base number plus 100.
"""

from __future__ import annotations

import builtins
from typing import Any

import ml_dtypes
import numpy as np

from penstock import errors


class DType:
    """The element type of a tensor.

    >>> float32.size, float32.is_floating, as_dtype("int64").name
    (4, True, 'int64')
    """

    __slots__ = ("_kind", "_number", "_numpy", "_size", "base_dtype", "name")
    base_dtype: DType
    _numpy: np.dtype[Any]
    _size: int

    def __init__(self, name: str, number: int, numpy_type: Any, kind: str) -> None:
        """Make a row of the table; users take the module's objects instead."""
        self.name = name
        self._number = number
        self._numpy = np.dtype(numpy_type)
        self._kind = kind
        self._size = self._numpy.itemsize
        self.base_dtype = self

    @property
    def as_numpy_dtype(self) -> Any:
        """The NumPy scalar type, e.g. `numpy.float32`."""
        return self._numpy.type

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The `numpy.dtype`."""
        return self._numpy

    @property
    def as_datatype_enum(self) -> int:
        """TensorFlow's number of this dtype."""
        return self._number

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return self._size

    @property
    def is_floating(self) -> builtins.bool:
        """True for float16, bfloat16, float32 and float64."""
        return self._kind == "f"

    @property
    def is_integer(self) -> builtins.bool:
        """True for the signed and unsigned integers (not bool)."""
        return self._kind in "iu"

    @property
    def is_unsigned(self) -> builtins.bool:
        """True for the unsigned integers."""
        return self._kind == "u"

    @property
    def is_complex(self) -> builtins.bool:
        """True for complex64 and complex128."""
        return self._kind == "c"

    @property
    def is_bool(self) -> builtins.bool:
        """True for bool."""
        return self._kind == "b"

    @property
    def is_numeric(self) -> builtins.bool:
        """True for what can be added: floats, integers and complex numbers."""
        return self._kind in "fiuc"

    @property
    def is_numpy_compatible(self) -> builtins.bool:
        """True when values are NumPy arrays (all but resource and variant)."""
        return self._kind not in "rv"

    @property
    def real_dtype(self) -> DType:
        """The dtype of real and imaginary part; of real dtypes the dtype itself."""
        return {"complex64": float32, "complex128": float64}.get(self.base_dtype.name, self)

    @property
    def is_ref(self) -> builtins.bool:
        """True for a reference dtype, as `VariableV2` has it."""
        return self._number > 100

    @property
    def as_ref(self) -> DType:
        """The reference dtype over this one."""
        return _BY_NUMBER[self.base_dtype._number + 100]

    @property
    def min(self) -> Any:
        """The least finite value."""
        return self._limit("min", False)

    @property
    def max(self) -> Any:
        """The greatest finite value."""
        return self._limit("max", True)

    @property
    def limits(self) -> tuple[Any, Any]:
        """`(min, max)`."""
        return self.min, self.max

    def _limit(self, which: str, for_bool: builtins.bool) -> Any:
        if self._kind == "b":
            return for_bool
        if self._kind in "iu":
            return getattr(np.iinfo(self._numpy), which)
        if self._kind == "f":
            value = getattr(ml_dtypes.finfo(self._numpy), which)  # type: ignore[no-untyped-call]
            return self._numpy.type(value)
        raise TypeError(f"{self.name} has no least and greatest value")

    def is_compatible_with(self, other: Any) -> builtins.bool:
        """Return True when a tensor of `other` may stand where this dtype is asked for."""
        return as_dtype(other).base_dtype is self.base_dtype

    def __eq__(self, other: object) -> builtins.bool:
        """Compare with a dtype or anything that names one."""
        if self is other:
            return True
        if other is None or isinstance(other, DType):
            return False
        try:
            return as_dtype(other) is self
        except TypeError:
            return False

    def __hash__(self) -> int:
        """Hash by number, apart from the hash of the number itself."""
        return self._number + 0x70E55

    def __repr__(self) -> str:
        """Show as `ps.float32`."""
        return f"ps.{self.name}"

    def __str__(self) -> str:
        """Show the way TensorFlow prints it."""
        return f"<dtype: {self.name!r}>"

    def __reduce__(self) -> Any:
        """Pickle by number."""
        return as_dtype, (self._number,)


float32 = DType("float32", 1, np.float32, "f")
float64 = DType("float64", 2, np.float64, "f")
int32 = DType("int32", 3, np.int32, "i")
uint8 = DType("uint8", 4, np.uint8, "u")
int16 = DType("int16", 5, np.int16, "i")
int8 = DType("int8", 6, np.int8, "i")
string = DType("string", 7, np.object_, "s")
complex64 = DType("complex64", 8, np.complex64, "c")
int64 = DType("int64", 9, np.int64, "i")
bool = DType("bool", 10, np.bool_, "b")
bfloat16 = DType("bfloat16", 14, ml_dtypes.bfloat16, "f")
uint16 = DType("uint16", 17, np.uint16, "u")
complex128 = DType("complex128", 18, np.complex128, "c")
float16 = DType("float16", 19, np.float16, "f")
resource = DType("resource", 20, np.object_, "r")
uint32 = DType("uint32", 22, np.uint32, "u")
uint64 = DType("uint64", 23, np.uint64, "u")
half = float16
double = float64

ALL: tuple[DType, ...] = (
    float32,
    float64,
    int32,
    uint8,
    int16,
    int8,
    string,
    complex64,
    int64,
    bool,
    bfloat16,
    uint16,
    complex128,
    float16,
    resource,
    uint32,
    uint64,
)

_WIRE = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}
# The dtypes that wire names and attribute constraints may mention, by their wire names.
# Quantised and other types without values here are known by number alone.
WIRE_NAMES: dict[str, DType] = {"DT_" + _WIRE.get(d.name, d.name.upper()): d for d in ALL}


def _make_refs() -> dict[int, DType]:
    table = {d.as_datatype_enum: d for d in ALL}
    for d in ALL:
        ref = DType(d.name + "_ref", d.as_datatype_enum + 100, d.numpy_dtype, d._kind)
        ref.base_dtype = d
        table[ref.as_datatype_enum] = ref
    return table


_BY_NUMBER = _make_refs()
_LOOKUP: dict[Any, DType] = {}
for _d in _BY_NUMBER.values():
    _LOOKUP[_d.name] = _LOOKUP[_d.as_datatype_enum] = _d
for _d in ALL:
    if _d._kind not in "srv":
        _LOOKUP[_d.numpy_dtype] = _LOOKUP[_d.as_numpy_dtype] = _d
_LOOKUP.update({"float": float32, "half": float16, "double": float64})
_LOOKUP.update({float: float32, int: int32, complex: complex128, str: string, bytes: string})
_LOOKUP[builtins.bool] = bool
_LOOKUP[object] = _LOOKUP[np.dtype(object)] = string


def as_dtype(value: Any) -> DType:
    """Return the dtype that `value` names.

    Accepts a `DType`, a name, a NumPy dtype or scalar type, a Python type, or the number.
    Raises `DTypeError` (a `TypeError`) for anything else.

    >>> as_dtype("float32") is float32
    True
    """
    if isinstance(value, DType):
        return value
    try:
        found = _LOOKUP.get(value)
    except TypeError:
        found = None
    if found is not None:
        return found
    if isinstance(value, (str, np.dtype, type)):
        try:
            array_type = np.dtype(value)
        except TypeError:
            array_type = None
        if array_type is not None:
            if array_type.kind in "SUO":
                return string
            native = _LOOKUP.get(array_type.newbyteorder("="))
            if native is not None:
                return native
    raise errors.DTypeError(None, None, f"cannot convert {value!r} to a penstock dtype")
