"""Dtypes and shapes of a node from its op's definition.

`complete_attrs` fills inferred and default attributes and checks every constraint,
`output_dtypes` and `infer_shapes` say what comes out. The same functions serve API calls,
`import_graph_def`, and the check of an IR after passes. All of them raise typed errors that
name the node, its inputs and the user's line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import dtypes, errors, protos, shapes
from penstock.dtypes import DType
from penstock.graph import source as source_module
from penstock.graph.ir import Attr
from penstock.graph.tensor import Tensor
from penstock.graph.tensor_codec import decode_tensor
from penstock.ops import static_values
from penstock.ops.registry import OpDef
from penstock.ops.spec import ArgDef, AttrDef
from penstock.shapes import Dims, TensorShape

MAX_TENSORS = 1 << 16
"""The most tensors that an attribute may ask for in one list of a node."""


class ShapeContext:
    """What a shape rule sees of a node: input shapes, attributes, known input values."""

    __slots__ = ("_attrs", "inputs", "op")

    def __init__(self, op: OpDef, inputs: Sequence[Tensor], attrs: dict[str, Attr]) -> None:
        self.op = op
        self.inputs = inputs
        self._attrs = attrs

    def shape(self, i: int) -> Dims:
        """Return the static shape of input `i`."""
        return self.inputs[i]._dims

    @property
    def shapes(self) -> list[Dims]:
        """The static shapes of all inputs."""
        return [t._dims for t in self.inputs]

    def dtype(self, i: int) -> DType:
        """Return the dtype of input `i`."""
        return self.inputs[i].dtype

    def attr(self, name: str) -> Any:
        """Return an attribute."""
        return self._attrs[name]

    def value(self, i: int) -> np.ndarray[Any, Any] | None:
        """Return the value of input `i` when it is known while building, else None."""
        return static_values.constant_value(self.inputs[i])

    def ints(self, i: int) -> list[int | None] | None:
        """Return a 0-D or 1-D integer input as numbers, None for those not known.

        None as a whole when not even their count is known.
        """
        return static_values.partial_ints(self.inputs[i])

    def scalar(self, i: int) -> int | None:
        """Return an integer input that must have one element, None when it is not known."""
        values = self.ints(i)
        if values is not None and len(values) != 1:
            self.fail(f"input {i} must be a scalar, not {len(values)} numbers")
        return None if values is None else values[0]

    def shape_from(self, i: int) -> Dims:
        """Return the shape that the integer vector at input `i` spells; -1 is unknown."""
        values = self.ints(i)
        if values is None:
            return None
        if any(v is not None and v < -1 for v in values):
            self.fail(f"a shape cannot have negative dimensions: {values}")
        return tuple([None if v == -1 else v for v in values])

    def rank_is(self, i: int, rank: int) -> Dims:
        """Return the shape of input `i`, which must have that rank (all unknown if unknown)."""
        dims = self.inputs[i]._dims
        if dims is None:
            return (None,) * rank
        if len(dims) != rank:
            self.fail(f"input {i} must have rank {rank}, not {len(dims)}")
        return dims

    def fail(self, problem: str, *hints: str) -> None:
        """Raise `ShapeError` about this node."""
        raise _Problem(problem, hints)

    def fail_dtype(self, problem: str, *hints: str) -> None:
        """Raise `DTypeError` about this node."""
        raise _Problem(problem, hints, errors.DTypeError)


class _Problem(ValueError):
    def __init__(
        self,
        problem: str,
        hints: tuple[str, ...] = (),
        kind: type[errors.OpError] = errors.ShapeError,
    ) -> None:
        super().__init__(problem)
        self.hints = hints
        self.kind = kind


def infer_shapes(
    op: OpDef, name: str, inputs: Sequence[Tensor], attrs: dict[str, Attr], count: int
) -> list[Dims]:
    """Return the static shape of each of `count` outputs; `ShapeError` on a contradiction."""
    try:
        result = op.shape(ShapeContext(op, inputs, attrs))
    except ValueError as e:
        if isinstance(e, errors.OpError):
            raise
        problem = e if isinstance(e, _Problem) else _Problem(str(e))
        raise error_at(problem.kind, op, name, inputs, str(e), problem.hints) from None
    if len(result) != count:
        raise errors.InternalError(
            None, None, f"bug in penstock: shape rule of {op.name} gave {len(result)} of {count}"
        )
    return result


def error_at(
    kind: type[errors.OpError],
    op: OpDef | str,
    name: str | None,
    inputs: Sequence[Tensor],
    problem: str,
    hints: Sequence[str] = (),
) -> errors.OpError:
    """Return an error about a node that is being built, with its inputs and the user's line."""
    where = source_module.caller()
    text = errors.describe(
        problem,
        op=op if isinstance(op, str) else op.name,
        node=name,
        inputs=[f'{t.dtype.name}{shapes.render(t._dims)}  from "{t.op.name}"' for t in inputs],
        hints=hints,
        built_at=where.render() if where else None,
    )
    return kind(None, None, text)


def output_dtypes(op: OpDef, attrs: dict[str, Attr]) -> list[DType]:
    """Return the dtype of each output."""
    if op.simple_output:
        return arg_dtypes(op.outputs[0], attrs)
    result: list[DType] = []
    for arg in op.outputs:
        result += arg_dtypes(arg, attrs)
    return result


def arg_dtypes(arg: ArgDef, attrs: dict[str, Attr]) -> list[DType]:
    """Return the dtypes of the tensors that an argument stands for; `ValueError` beyond reason."""
    if arg.type_list_attr is not None:
        return list(attrs[arg.type_list_attr])
    dtype: DType = arg.dtype if arg.dtype is not None else attrs[arg.type_attr or ""]
    if arg.is_ref:
        dtype = dtype.as_ref
    if arg.number_attr is None:
        return [dtype]
    count: int = attrs[arg.number_attr]
    if count > MAX_TENSORS:
        raise ValueError(
            f"{arg.name} would be {count} tensors, a node has at most {MAX_TENSORS} in a list"
        )
    return [dtype] * count


def complete_attrs(
    op: OpDef, name: str, given: dict[str, Any], inputs: Sequence[Tensor]
) -> dict[str, Attr]:
    """Return all attributes, checked: given ones normalised, defaults filled in."""
    attrs: dict[str, Attr] = {}
    for attr in op.attrs.values():
        value = given.get(attr.name)
        if value is None and attr.kind == "shape" and attr.name in given:
            value = TensorShape(None)
        if value is None:
            if not attr.has_default:
                raise error_at(
                    errors.InvalidArgumentError,
                    op,
                    name,
                    inputs,
                    f"missing attribute {attr.name!r}",
                )
            attrs[attr.name] = attr.default
            continue
        if value is attr.default:
            attrs[attr.name] = value
            continue
        try:
            attrs[attr.name] = _checked(attr, value)
        except (TypeError, ValueError) as e:
            kind = errors.DTypeError if attr.element_kind == "type" else errors.GraphError
            raise error_at(kind, op, name, inputs, f"attribute {attr.name}: {e}") from None
    for key, value in given.items():
        if key not in attrs and value is not None:
            if not key.startswith("_"):
                raise error_at(
                    errors.GraphError, op, name, inputs, f"there is no attribute {key!r}"
                )
            attrs[key] = value
    return attrs


def _checked(attr: AttrDef, value: Any) -> Attr:
    kind = attr.element_kind
    if type(value) is DType and kind == "type" and not attr.is_list:
        dtype = value.base_dtype
        if attr.allowed is not None and dtype not in attr.allowed:
            raise _not_allowed(attr, dtype)
        return dtype
    if attr.is_list:
        if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
            raise TypeError(f"expected a list, got {value!r}")
        result: Attr = [_NORMALIZE[kind](v) for v in value]
        if attr.minimum is not None and len(result) < attr.minimum:
            raise ValueError(f"needs at least {attr.minimum} elements, got {len(result)}")
        items = result
    else:
        result = _NORMALIZE[kind](value)
        if attr.minimum is not None and result < attr.minimum:
            raise ValueError(f"must be at least {attr.minimum}, got {result}")
        items = (result,)
    if attr.allowed is not None:
        for item in items:
            if item not in attr.allowed:
                raise _not_allowed(attr, item)
    return result


def _not_allowed(attr: AttrDef, item: Attr) -> Exception:
    assert attr.allowed is not None
    if isinstance(item, DType):
        names = ", ".join(d.name for d in attr.allowed)
        return TypeError(f"{item.name} is not one of {names}")
    names = ", ".join(v.decode() for v in attr.allowed)
    return ValueError(f"{item.decode(errors='replace')!r} is not one of {names}")


def _int(value: Any) -> int:
    if isinstance(value, (bool, float)) or not hasattr(value, "__index__"):
        raise TypeError(f"expected an int, got {value!r}")
    number = int(value)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{number} does not fit into 64 bits")
    return number


def _float(value: Any) -> float:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"expected a number, got {value!r}")
    return float(value)


def _bool(value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)) and value not in (0, 1):
        raise TypeError(f"expected a bool, got {value!r}")
    return bool(value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes):
        raise TypeError(f"expected a string, got {value!r}")
    return value


def _tensor(value: Any) -> np.ndarray[Any, Any]:
    if isinstance(value, protos.TensorProto):
        return decode_tensor(value)
    if not isinstance(value, np.ndarray):
        raise TypeError(f"expected an array or a TensorProto, got {value!r}")
    return value


def _shape(value: Any) -> TensorShape:
    return value if isinstance(value, TensorShape) else TensorShape(value)


def _type(value: Any) -> DType:
    return dtypes.as_dtype(value).base_dtype


_NORMALIZE: dict[str, Any] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "string": _bytes,
    "type": _type,
    "shape": _shape,
    "tensor": _tensor,
    "func": lambda value: value,
}
