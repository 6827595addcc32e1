"""Complex numbers: taken apart and put together.

Gradients of complex functions follow TensorFlow: the gradient of a real y by a complex x is
dy/d(real x) + i dy/d(imag x).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock import dtypes
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert, shape_rules
from penstock.ops.broadcasting import sum_to_shapes_of
from penstock.ops.registry import define_op, gradient
from penstock.ops.wrappers import raw

WHOLE = {dtypes.float32: dtypes.complex64, dtypes.float64: dtypes.complex128}
PART = {whole: part for part, whole in WHOLE.items()}

define_op(
    "Complex",
    inputs="real: T, imag: T",
    outputs="out: Tout",
    attrs="T: float2 = float32, Tout: complex = complex64",
    shape=shape_rules.broadcast,
    doc="real + i imag, with broadcasting.",
)
define_op(
    "Conj",
    inputs="input: T",
    outputs="output: T",
    attrs="T: complex = complex64",
    shape=shape_rules.same,
    doc="The complex conjugate.",
)


def _define_part(name: str, argument: str, result: str, doc: str) -> None:
    define_op(
        name,
        inputs=f"{argument}: T",
        outputs=f"{result}: Tout",
        attrs="T: complex = complex64, Tout: float2 = float32",
        shape=shape_rules.same,
        doc=doc,
    )


_define_part("Real", "input", "output", "The real part.")
_define_part("Imag", "input", "output", "The imaginary part.")
_define_part("ComplexAbs", "x", "y", "The magnitude.")
_define_part("Angle", "input", "output", "The angle in the complex plane, between -pi and pi.")


@gradient("Complex")
def _complex_grad(op: Operation, dz: Tensor) -> Any:
    x, y = op.inputs
    return sum_to_shapes_of(x, real(dz), y, imag(dz))


@gradient("Conj")
def _conj_grad(op: Operation, dy: Tensor) -> Any:
    return raw.Conj(dy)


def _whole(re: Tensor, im: Any) -> Tensor:
    result: Tensor = raw.Complex(re, im, Tout=WHOLE[re.dtype])
    return result


@gradient("Real")
def _real_grad(op: Operation, dy: Tensor) -> Any:
    return _whole(dy, convert.to_tensor(0, dy.dtype))


@gradient("Imag")
def _imag_grad(op: Operation, dy: Tensor) -> Any:
    return _whole(convert.to_tensor(0, dy.dtype), dy)


@gradient("ComplexAbs")
def _complex_abs_grad(op: Operation, dy: Tensor) -> Any:
    return raw.Mul(_whole(dy, convert.to_tensor(0, dy.dtype)), raw.Sign(op.inputs[0]))


@gradient("Angle")
def _angle_grad(op: Operation, dy: Tensor) -> Any:
    x = op.inputs[0]
    re, im = real(x), imag(x)
    scaled = raw.DivNoNan(dy, raw.AddV2(raw.Square(re), raw.Square(im)))
    return _whole(raw.Neg(raw.Mul(im, scaled)), raw.Mul(re, scaled))


@export("complex")
def complex(real: Any, imag: Any, name: str | None = None) -> Tensor:
    """Return real + i imag, with broadcasting.

    >>> ps.Session().run(ps.complex([1., 2.], 3.))
    array([1.+3.j, 2.+3.j], dtype=complex64)
    """
    re = convert.to_tensor(real)
    whole = WHOLE.get(re.dtype.base_dtype)
    if whole is None:
        raise TypeError(f"complex needs float32 or float64, not {re.dtype.name}")
    im = convert.to_tensor(imag, re.dtype.base_dtype)
    result: Tensor = raw.Complex(re, im, Tout=whole, name=name or "Complex")
    return result


@export("real math.real")
def real(input: Any, name: str | None = None) -> Tensor:
    """Return the real part; a real tensor as it is.

    >>> ps.Session().run(ps.real([1 + 2j]))
    array([1.])
    """
    return _part("Real", input, name, lambda x: x)


@export("imag math.imag")
def imag(input: Any, name: str | None = None) -> Tensor:
    """Return the imaginary part; zeros for a real tensor.

    >>> ps.Session().run(ps.imag([1 + 2j]))
    array([2.])
    """
    return _part("Imag", input, name, lambda x: raw.ZerosLike(x))


@export("angle math.angle")
def angle(input: Any, name: str | None = None) -> Tensor:
    """Return the angle in the complex plane; 0 or pi for real numbers.

    >>> ps.Session().run(ps.angle([1j, -1])).round(4)
    array([1.5708, 3.1416])
    """
    return _part("Angle", input, name, lambda x: raw.Atan2(raw.ZerosLike(x), x))


@export("conj math.conj")
def conj(x: Any, name: str | None = None) -> Tensor:
    """Return the complex conjugate; a real tensor as it is.

    >>> ps.Session().run(ps.conj([1 + 2j]))
    array([1.-2.j])
    """
    x = convert.to_tensor(x)
    result: Tensor = raw.Conj(x, name=name) if x.dtype.is_complex else x
    return result


def _part(op: str, x: Any, name: str | None, of_real: Callable[[Tensor], Tensor]) -> Tensor:
    x = convert.to_tensor(x)
    part: DType | None = PART.get(x.dtype.base_dtype)
    if part is None:
        return of_real(x)
    result: Tensor = getattr(raw, op)(x, Tout=part, name=name)
    return result
