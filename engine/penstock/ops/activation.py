"""Activation functions of neural networks, with gradient ops of their own.

A gradient op takes the gradient and then the input of the function (`features`) or its output
(`outputs`), whichever tells the slope.
"""

from __future__ import annotations

from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert, shape_rules
from penstock.ops.binary import zero_like
from penstock.ops.registry import define_op, gradient
from penstock.ops.wrappers import raw

SELU_SCALE = 1.0507009873554805
SELU_SCALE_ALPHA = 1.7580993408473766
LEAKY_ATTRS = "alpha: float = 0.2, T: floating = float32"


def _define(name: str, types: str, doc: str, attrs: str = "") -> None:
    define_op(
        name,
        inputs="features: T",
        outputs="activations: T",
        attrs=attrs or f"T: {types}",
        shape=shape_rules.same,
        export=f"nn.{_public(name)}" + (" math.softplus" if name == "Softplus" else ""),
        doc=doc,
    )


def _public(name: str) -> str:
    return "leaky_relu" if name == "LeakyRelu" else name.lower()


def _define_gradient_op(name: str, types: str, second: str, attrs: str = "") -> None:
    define_op(
        name,
        inputs=f"gradients: T, {second}: T",
        outputs="backprops: T",
        attrs=attrs or f"T: {types}",
        shape=shape_rules.same_as_all,
        doc=f"The gradient of `{name[:-4]}`, told by its {second}.",
    )


_define(
    "Relu",
    "real",
    """max(features, 0).

    >>> ps.Session().run(ps.nn.relu([-1., 2.]))
    array([0., 2.], dtype=float32)
    """,
)
_define_gradient_op("ReluGrad", "real", "features")
_define(
    "Relu6",
    "real",
    """min(max(features, 0), 6).

    >>> ps.Session().run(ps.nn.relu6([-1., 2., 9.]))
    array([0., 2., 6.], dtype=float32)
    """,
)
_define_gradient_op("Relu6Grad", "real", "features")


@gradient("Relu")
def _relu_grad(op: Operation, dy: Tensor) -> Any:
    return raw.ReluGrad(dy, op.outputs[0])


@gradient("ReluGrad")
def _relu_grad_grad(op: Operation, dz: Tensor) -> Any:
    return raw.ReluGrad(dz, op.inputs[1]), raw.ZerosLike(op.inputs[1])


@gradient("Relu6")
def _relu6_grad(op: Operation, dy: Tensor) -> Any:
    return raw.Relu6Grad(dy, op.outputs[0])


@gradient("Relu6Grad")
def _relu6_grad_grad(op: Operation, dz: Tensor) -> Any:
    return raw.Relu6Grad(dz, op.inputs[1]), raw.ZerosLike(op.inputs[1])


_define(
    "LeakyRelu",
    "",
    """features where positive, alpha times features elsewhere.

    >>> ps.Session().run(ps.nn.leaky_relu([-1., 2.], alpha=0.5))
    array([-0.5,  2. ], dtype=float32)
    """,
    attrs=LEAKY_ATTRS,
)
_define_gradient_op("LeakyReluGrad", "", "features", attrs=LEAKY_ATTRS)


@gradient("LeakyRelu")
def _leaky_relu_grad(op: Operation, dy: Tensor) -> Any:
    return raw.LeakyReluGrad(dy, op.inputs[0], alpha=op.get_attr("alpha"))


@gradient("LeakyReluGrad")
def _leaky_relu_grad_grad(op: Operation, dz: Tensor) -> Any:
    x = op.inputs[1]
    return raw.LeakyReluGrad(dz, x, alpha=op.get_attr("alpha")), raw.ZerosLike(x)


_define(
    "Elu",
    "floating",
    """features where positive, exp(features) - 1 elsewhere.

    >>> ps.Session().run(ps.nn.elu([-1., 2.])).round(4)
    array([-0.6321,  2.    ], dtype=float32)
    """,
)
_define_gradient_op("EluGrad", "floating", "outputs")
_define(
    "Selu",
    "floating",
    """Elu scaled so that activations keep mean 0 and variance 1 from layer to layer.

    >>> ps.Session().run(ps.nn.selu([-1., 2.])).round(4)
    array([-1.1113,  2.1014], dtype=float32)
    """,
)
_define_gradient_op("SeluGrad", "floating", "outputs")


@gradient("Elu")
def _elu_grad(op: Operation, dy: Tensor) -> Any:
    return raw.EluGrad(dy, op.outputs[0])


@gradient("EluGrad")
def _elu_grad_grad(op: Operation, dz: Tensor) -> Any:
    return raw.EluGrad(dz, op.inputs[1]), _below_zero(op.inputs[1], raw.Mul(dz, op.inputs[0]))


@gradient("Selu")
def _selu_grad(op: Operation, dy: Tensor) -> Any:
    return raw.SeluGrad(dy, op.outputs[0])


@gradient("SeluGrad")
def _selu_grad_grad(op: Operation, dz: Tensor) -> Any:
    return raw.SeluGrad(dz, op.inputs[1]), _below_zero(op.inputs[1], raw.Mul(dz, op.inputs[0]))


def _below_zero(y: Tensor, value: Tensor) -> Tensor:
    zero = zero_like(y)
    result: Tensor = raw.SelectV2(raw.Less(y, zero), value, zero)
    return result


_define(
    "Softplus",
    "floating",
    """log(1 + exp(features)), a smooth relu.

    >>> ps.Session().run(ps.nn.softplus([0., 100.])).round(4)
    array([  0.6931, 100.    ], dtype=float32)
    """,
)
_define_gradient_op("SoftplusGrad", "floating", "features")
_define(
    "Softsign",
    "floating",
    """features / (1 + |features|): between -1 and 1.

    >>> ps.Session().run(ps.nn.softsign([-1., 3.]))
    array([-0.5 ,  0.75], dtype=float32)
    """,
)
_define_gradient_op("SoftsignGrad", "floating", "features")


@gradient("Softplus")
def _softplus_grad(op: Operation, dy: Tensor) -> Any:
    return raw.SoftplusGrad(dy, op.inputs[0])


@gradient("SoftplusGrad")
def _softplus_grad_grad(op: Operation, dz: Tensor) -> Any:
    dy, x = op.inputs
    return raw.SoftplusGrad(dz, x), raw.SigmoidGrad(raw.Sigmoid(x), raw.Mul(dz, dy))


@gradient("Softsign")
def _softsign_grad(op: Operation, dy: Tensor) -> Any:
    return raw.SoftsignGrad(dy, op.inputs[0])


@gradient("SoftsignGrad")
def _softsign_grad_grad(op: Operation, dz: Tensor) -> Any:
    dy, x = op.inputs
    sum_ = raw.AddV2(convert.to_tensor(1.0, x.dtype), raw.Abs(x))
    cube = raw.Mul(raw.Square(sum_), sum_)
    slope = raw.RealDiv(raw.Mul(convert.to_tensor(-2.0, x.dtype), raw.Sign(x)), cube)
    return raw.SoftsignGrad(dz, x), raw.Mul(raw.Mul(dz, dy), slope)


@export("nn.crelu")
def crelu(features: Any, name: str | None = None, axis: int = -1) -> Tensor:
    """Return relu(features) and relu(-features), joined along `axis`.

    >>> ps.Session().run(ps.nn.crelu([-1., 2.]))
    array([0., 2., 1., 0.], dtype=float32)
    """
    x = convert.to_tensor(features)
    result: Tensor = raw.Relu(raw.ConcatV2([x, raw.Neg(x)], axis), name=name or "CRelu")
    return result


@export("nn.swish nn.silu")
def swish(features: Any, beta: Any = 1.0) -> Tensor:
    """Return features times sigmoid(beta features).

    >>> ps.Session().run(ps.nn.swish([0., 1.])).round(4)
    array([0.    , 0.7311], dtype=float32)
    """
    x = convert.to_tensor(features)
    scaled = raw.Mul(convert.to_tensor(beta, x.dtype.base_dtype), x)
    result: Tensor = raw.Mul(x, raw.Sigmoid(scaled), name="swish")
    return result
