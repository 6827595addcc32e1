"""What kernels do with memory besides leaving their outputs: two tables by op.

`in_place` says which outputs may take over which inputs that die there; `scratch` bounds what a
kernel takes while it runs. Both describe the CPU kernels (`forward_or_allocate`, packed operands
of small products, layouts and partial sums of convolutions). An op in no table writes fresh
memory and needs nothing else. Bounds of convolutions hold for few threads.
"""

from __future__ import annotations

import math

from penstock.graph.ir import Node
from penstock.simulate import Sizes

_FIRST = "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Elu Erf Erfc Exp Expm1 Floor Inv Log"
_FIRST += " Log1p LogicalNot Neg Reciprocal Relu Relu6 LeakyRelu Selu Rint Round Rsqrt Sigmoid"
_FIRST += " Sign Sin Sinh Softplus Softsign Sqrt Square Tan Tanh BiasAdd Softmax LogSoftmax"
_EITHER = "Add AddV2 Sub Mul Maximum Minimum SquaredDifference TanhGrad SigmoidGrad RsqrtGrad"
_EITHER += " SqrtGrad ReciprocalGrad InvGrad ReluGrad Relu6Grad LeakyReluGrad EluGrad SeluGrad"
_EITHER += " SoftplusGrad SoftsignGrad AddN"

IN_PLACE: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(_FIRST.split(), (0,)),
    **dict.fromkeys(_EITHER.split(), (0, 1)),
}
"""op → the inputs that output 0 may take over, in the order in which the kernel tries them."""

_BACKPROP = {"Conv2DBackpropInput": 1, "Conv2DBackpropFilter": -1}
_REDUCTIONS = frozenset({"Sum", "Mean", "Max", "Min", "Prod", "BiasAddGrad", "L2Loss"})
_CONV_FIXED, _PACKED_PRODUCT = 8192, 1 << 18


def scratch(node: Node, sizes: Sizes) -> int:
    """Return a bound of the bytes that the node's kernel takes for itself."""
    if node.op in ("MatMul", "BatchMatMul", "BatchMatMulV2"):
        return _product(node, sizes)
    if node.op == "Conv2D":
        return _CONV_FIXED + _padded_filter(sizes.dims(node.inputs[1]))
    if node.op in _BACKPROP:
        which = _BACKPROP[node.op]
        filter_dims = sizes.dims((node.name, 0) if which < 0 else node.inputs[which])
        return _CONV_FIXED + 5 * _padded_filter(filter_dims) // 2
    if node.op.startswith("FusedBatchNorm"):
        return sizes.bytes(node.inputs[0]) // 64 + 32 * sizes.bytes(node.inputs[1])
    if node.op in _REDUCTIONS:
        return sizes.bytes(node.inputs[0]) // 16
    return 0


def _product(node: Node, sizes: Sizes) -> int:
    """Return the packed operands of a small product; a library multiplies larger ones."""
    out = sizes.dims((node.name, 0))
    transposed = node.attrs.get("transpose_a") or node.attrs.get("adj_x")
    left = sizes.dims(node.inputs[0])
    if len(out) < 2 or len(left) < 2:
        return 0
    rows, columns, inner = out[-2], out[-1], left[-2 if transposed else -1]
    if rows * columns * inner >= _PACKED_PRODUCT:
        return 0
    return 4 * inner * (math.ceil(columns / 32) * 32 + (rows if rows * inner > 512 else 0))


def _padded_filter(dims: tuple[int, ...]) -> int:
    """Return the bytes of a filter in a library's layout: channels in blocks of 16."""
    if len(dims) != 4:
        return 4 * math.prod(dims)
    height, width, into, out = dims
    return 4 * height * width * math.ceil(into / 16) * 16 * math.ceil(out / 16) * 16
