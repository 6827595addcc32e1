"""Arithmetic of two tensors with broadcasting, and logic. Division is in `division.py`."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert, shape_rules
from penstock.ops.broadcasting import sum_to_shapes_of
from penstock.ops.registry import OpDef, define_op, gradient, no_gradient
from penstock.ops.unary import conj
from penstock.ops.wrappers import raw


def define_binary(
    name: str, types: str, doc: str, export: str = "", commutative: bool = False
) -> OpDef:
    """Define an op of two tensors of one dtype whose result has that dtype too."""
    return define_op(
        name,
        inputs="x: T, y: T",
        outputs="z: T",
        attrs=f"T: {types}",
        shape=shape_rules.broadcast,
        commutative=commutative,
        export=export,
        doc=doc,
    )


def zero_like(x: Tensor) -> Tensor:
    """Return a scalar 0 of the dtype of `x`."""
    return convert.to_tensor(0, x.dtype)


define_binary(
    "Add",
    "{floating, signed, uint8, complex, string}",
    "x + y; strings are joined. The older form of `AddV2`.",
)
define_binary("AddV2", "number", "x + y.", commutative=True)


@gradient("Add", "AddV2")
def _add_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    return sum_to_shapes_of(x, dz, y, dz)


@export("add math.add")
def add(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Return x + y elementwise, with broadcasting; strings are joined.

    >>> ps.Session().run(ps.add([1, 2], 10))
    array([11, 12], dtype=int32)
    >>> ps.Session().run(ps.add("pen", ["stock", "sion"]))
    array([b'penstock', b'pension'], dtype=object)
    """
    x, y = _pair(x, y)
    op = raw.Add if x.dtype is dtypes.string else raw.AddV2
    result: Tensor = op(x, y, name=name or "Add")
    return result


def _pair(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return both as tensors; one tensor among them decides the dtype of the other."""
    if isinstance(y, Tensor) and not isinstance(x, Tensor):
        return convert.to_tensor(x, y.dtype.base_dtype), y
    x = convert.to_tensor(x)
    return x, y if isinstance(y, Tensor) else convert.to_tensor(y, x.dtype.base_dtype)


define_binary(
    "Sub",
    "number",
    """x - y elementwise, with broadcasting.

    >>> ps.Session().run(ps.subtract([5., 6.], 2.))
    array([3., 4.], dtype=float32)
    """,
    export="subtract math.subtract",
)


@gradient("Sub")
def _sub_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    return sum_to_shapes_of(x, dz, y, raw.Neg(dz))


define_binary(
    "Mul",
    "number",
    """x times y elementwise, with broadcasting.

    >>> ps.Session().run(ps.multiply([[1.], [2.]], [3., 4.]))
    array([[3., 4.],
           [6., 8.]], dtype=float32)
    """,
    export="multiply math.multiply",
    commutative=True,
)


@gradient("Mul")
def _mul_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    return sum_to_shapes_of(x, raw.Mul(dz, conj(y)), y, raw.Mul(conj(x), dz))


@export("scalar_mul math.scalar_mul")
def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Any:
    """Return `x`, a tensor or `IndexedSlices`, times a scalar.

    >>> ps.Session().run(ps.scalar_mul(3., [1., 2.]))
    array([3., 6.], dtype=float32)
    """
    values = getattr(x, "values", None)
    if values is not None and hasattr(x, "indices"):
        return type(x)(scalar_mul(scalar, values, name), x.indices, x.dense_shape)
    x = convert.to_tensor(x)
    scalar = convert.to_tensor(scalar, x.dtype.base_dtype)
    if scalar.shape.ndims not in (None, 0):
        raise ValueError(f"scalar_mul needs a scalar, got shape {scalar.shape}")
    return raw.Mul(scalar, x, name=name)


define_binary(
    "SquaredDifference",
    "{floating, int32, int64, complex}",
    """(x - y) squared elementwise, with broadcasting.

    >>> ps.Session().run(ps.squared_difference([1., 2.], 5.))
    array([16.,  9.], dtype=float32)
    """,
    export="squared_difference math.squared_difference",
    commutative=True,
)


@gradient("SquaredDifference")
def _squared_difference_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    scaled = raw.Mul(convert.to_tensor(2.0, dz.dtype), dz)
    dx = raw.Mul(scaled, raw.Sub(x, y))
    return sum_to_shapes_of(x, dx, y, raw.Neg(dx))


define_binary(
    "Maximum",
    "real",
    """The larger of x and y elementwise, with broadcasting; NaN where either is.

    >>> ps.Session().run(ps.maximum([1., -1.], 0.))
    array([1., 0.], dtype=float32)
    """,
    export="maximum math.maximum",
    commutative=True,
)
define_binary(
    "Minimum",
    "real",
    """The smaller of x and y elementwise, with broadcasting; NaN where either is.

    >>> ps.Session().run(ps.minimum([1., -1.], 0.))
    array([ 0., -1.], dtype=float32)
    """,
    export="minimum math.minimum",
    commutative=True,
)


def _chosen_grad(op: Operation, dz: Tensor, x_is_chosen: Tensor) -> Any:
    x, y = op.inputs
    zero = zero_like(dz)
    dx = raw.SelectV2(x_is_chosen, dz, zero)
    return sum_to_shapes_of(x, dx, y, raw.SelectV2(x_is_chosen, zero, dz))


@gradient("Maximum")
def _maximum_grad(op: Operation, dz: Tensor) -> Any:
    return _chosen_grad(op, dz, raw.GreaterEqual(op.inputs[0], op.inputs[1]))


@gradient("Minimum")
def _minimum_grad(op: Operation, dz: Tensor) -> Any:
    return _chosen_grad(op, dz, raw.LessEqual(op.inputs[0], op.inputs[1]))


define_binary(
    "Pow",
    "{floating, signed, complex}",
    """x to the power of y elementwise, with broadcasting.

    Integers to negative powers are refused.

    >>> ps.Session().run(ps.pow([2., 3.], 2.))
    array([4., 9.], dtype=float32)
    """,
    export="pow math.pow",
)


@gradient("Pow")
def _pow_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    z = op.outputs[0]
    one = convert.to_tensor(1, x.dtype)
    dx = raw.Mul(raw.Mul(dz, conj(y)), conj(raw.Pow(x, raw.Sub(y, one))))
    # The logarithm counts as 0 where it has no value, and is not even taken there, so that its
    # own gradient stays finite.
    zero = zero_like(x)
    defined = raw.NotEqual(x, zero) if x.dtype.is_complex else raw.Greater(x, zero)
    logarithm = raw.SelectV2(defined, raw.Log(raw.SelectV2(defined, x, one)), zero)
    dy = raw.Mul(raw.Mul(dz, conj(z)), conj(logarithm))
    return sum_to_shapes_of(x, dx, y, dy)


define_binary(
    "MulNoNan",
    "{floating, complex}",
    """x times y, and 0 where y is 0, even if x is infinite or NaN.

    >>> ps.Session().run(ps.math.multiply_no_nan([2., float("nan")], [3., 0.]))
    array([6., 0.], dtype=float32)
    """,
    export="math.multiply_no_nan",
)


@gradient("MulNoNan")
def _mul_no_nan_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    return sum_to_shapes_of(x, raw.MulNoNan(dz, conj(y)), y, raw.MulNoNan(conj(x), dz))


define_binary(
    "Xlogy",
    "{floating, complex}",
    """x log(y), and 0 where x is 0, even if y is.

    >>> ps.Session().run(ps.math.xlogy([0., 2.], [0., 1.]))
    array([0., 0.], dtype=float32)
    """,
    export="math.xlogy",
)


def one_where_not_zero(x: Tensor) -> Tensor:
    """Return 1 where `x` is not 0 and 0 elsewhere."""
    result: Tensor = raw.Cast(raw.NotEqual(x, zero_like(x)), DstT=x.dtype)
    return result


@gradient("Xlogy")
def _xlogy_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    dx = raw.Mul(dz, conj(raw.Xlogy(one_where_not_zero(x), y)))
    return sum_to_shapes_of(x, dx, y, raw.Mul(dz, conj(raw.Xdivy(x, y))))


define_op(
    "Atan2",
    inputs="y: T, x: T",
    outputs="z: T",
    attrs="T: floating",
    shape=shape_rules.broadcast,
    export="atan2 math.atan2",
    doc="""The angle of the point (x, y), between -pi and pi.

    >>> ps.Session().run(ps.atan2([1., 0.], [1., -1.])).round(4)
    array([0.7854, 3.1416], dtype=float32)
    """,
)


@gradient("Atan2")
def _atan2_grad(op: Operation, dz: Tensor) -> Any:
    y, x = op.inputs
    scaled = raw.RealDiv(dz, raw.AddV2(raw.Square(x), raw.Square(y)))
    return sum_to_shapes_of(y, raw.Mul(x, scaled), x, raw.Neg(raw.Mul(y, scaled)))


define_op(
    "LogicalAnd",
    inputs="x: bool, y: bool",
    outputs="z: bool",
    shape=shape_rules.broadcast,
    commutative=True,
    export="logical_and math.logical_and",
    doc="""x and y, with broadcasting.

    >>> ps.Session().run(ps.logical_and([True, False], True))
    array([ True, False])
    """,
)
define_op(
    "LogicalOr",
    inputs="x: bool, y: bool",
    outputs="z: bool",
    shape=shape_rules.broadcast,
    commutative=True,
    export="logical_or math.logical_or",
    doc="""x or y, with broadcasting.

    >>> ps.Session().run(ps.logical_or([True, False], False))
    array([ True, False])
    """,
)
no_gradient("LogicalAnd", "LogicalOr")


@export("logical_xor math.logical_xor")
def logical_xor(x: Any, y: Any, name: str | None = "LogicalXor") -> Tensor:
    """Return x or y but not both, with broadcasting.

    >>> ps.Session().run(ps.logical_xor([True, False], True))
    array([False,  True])
    """
    x = convert.to_tensor(x, dtypes.bool)
    result: Tensor = raw.NotEqual(x, convert.to_tensor(y, dtypes.bool), name=name)
    return result
