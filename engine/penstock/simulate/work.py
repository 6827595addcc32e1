"""What each op has to do, from shapes alone: one table, op → operations and bytes.

A rule takes the node and its sizes and returns the arithmetic operations; bytes are those of all
inputs and outputs unless `PASSES` or `PICKING` says otherwise. An op that is in no table does one
operation for each element of its outputs. `FREE` ops have no kernel worth the name, `VIEWS` give
an input on without touching its elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from penstock.exports import export
from penstock.graph.ir import Node
from penstock.simulate.sizes import Sizes

FREE = frozenset({"_Arg", "_Retval", "Const", "NoOp", "Placeholder", "VarHandleOp"})
"""There when a step starts, or nothing but an order: they take no time at all."""

VIEWS = frozenset(
    {
        *("Identity", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "PreventGradient"),
        *("Snapshot", "ReadVariableOp", "EnsureShape", "PlaceholderWithDefault", "GuaranteeConst"),
    }
)
"""Their output is the first input's buffer (a variable's, for `ReadVariableOp`)."""

METADATA = frozenset(
    {"Shape", "ShapeN", "Size", "Rank", "VariableShape", "VarIsInitializedOp", "AssignVariableOp"}
)
"""They take a launch, and look at no element."""

PICKING = frozenset({"Gather", "GatherV2", "GatherNd", "ResourceGather", "Slice", "StridedSlice"})
"""They read as much of their input as they write."""


@export("simulate.Work")
class Work(NamedTuple):
    """Arithmetic operations and bytes moved; `launches` is how many kernels are started."""

    flops: float
    bytes: float
    launches: int = 1


Flops: TypeAlias = Callable[[Node, Sizes], float]


@export("simulate.work_of")
def work_of(node: Node, sizes: Sizes) -> Work:
    """Return the work of a node."""
    op = node.op
    if op in FREE:
        return Work(0, 0, 0)
    if op in VIEWS or op in METADATA:
        return Work(0, 0)
    rule = FLOPS.get(op)
    flops = rule(node, sizes) if rule is not None else _outputs(node, sizes)
    passes = PASSES.get(op, 0)
    if passes:
        return Work(flops, passes * max([sizes.bytes(e) for e in node.inputs], default=0))
    written = sum([sizes.bytes((node.name, i)) for i in _numbers(node)])
    if op in PICKING:
        return Work(flops, 2 * written)
    return Work(flops, written + sum([sizes.bytes(e) for e in node.inputs]))


def _numbers(node: Node) -> range:
    return range(len(node.dtypes))


def _outputs(node: Node, sizes: Sizes) -> float:
    return sum([sizes.elements((node.name, i)) for i in _numbers(node)])


def _inputs(node: Node, sizes: Sizes) -> float:
    return sum([sizes.elements(e) for e in node.inputs])


def _each(operations: float, over: Flops = _outputs) -> Flops:
    """Return the rule of so many operations for each element."""
    return lambda node, sizes: operations * over(node, sizes)


def _largest(node: Node, sizes: Sizes) -> float:
    return max([sizes.elements(e) for e in node.inputs], default=0)


def _nothing(node: Node, sizes: Sizes) -> float:
    return 0


def _matmul(node: Node, sizes: Sizes) -> float:
    transposed = node.attrs.get("transpose_a") or node.attrs.get("adj_x")
    dims = sizes.dims(node.inputs[0])
    inner = dims[-2 if transposed else -1] if len(dims) > 1 else sizes.elements(node.inputs[0])
    return 2 * inner * sizes.elements((node.name, 0))


def _convolution(pixels: int, filters: int) -> Flops:
    """Return the rule of a convolution: which endpoints are the small image and the filter.

    Numbers of inputs; -1 is the output. A filter is [height, width, in, out].
    """

    def rule(node: Node, sizes: Sizes) -> float:
        def at(i: int) -> tuple[str, int]:
            return (node.name, 0) if i < 0 else node.inputs[i]

        window = sizes.dims(at(filters))
        per_pixel = math.prod(window[:2] if "Depthwise" in node.op else window[:3])
        return 2 * per_pixel * sizes.elements(at(pixels))

    return rule


def _pooling(node: Node, sizes: Sizes) -> float:
    window = math.prod(node.attrs.get("ksize", ()))
    return window * min(_largest(node, sizes), _outputs(node, sizes))


def _cubic(node: Node, sizes: Sizes) -> float:
    dims = sizes.dims(node.inputs[0])
    return (dims[-1] if dims else 1) * _inputs(node, sizes)


def _table(*rows: tuple[Flops, str]) -> dict[str, Flops]:
    return {op: rule for rule, ops in rows for op in ops.split()}


FLOPS: dict[str, Flops] = _table(
    (_matmul, "MatMul BatchMatMul BatchMatMulV2"),
    (_convolution(-1, 1), "Conv2D DepthwiseConv2dNative"),
    (_convolution(2, 1), "Conv2DBackpropInput DepthwiseConv2dNativeBackpropInput"),
    (_convolution(2, -1), "Conv2DBackpropFilter DepthwiseConv2dNativeBackpropFilter"),
    (_pooling, "MaxPool MaxPoolV2 AvgPool MaxPoolGrad AvgPoolGrad MaxPoolWithArgmax"),
    (_cubic, "Cholesky MatrixInverse MatrixDeterminant MatrixSolve MatrixTriangularSolve"),
    (_each(20), "Exp Expm1 Log Log1p Sin Cos Tan Tanh Sigmoid Softplus Elu Selu Erf Erfc Pow"),
    (_each(40), "Asin Acos Atan Atan2 Sinh Cosh Asinh Acosh Atanh Lgamma Digamma Igamma Igammac"),
    (_each(20), "RandomUniform RandomUniformInt StatelessRandomUniform"),
    (_each(60), "RandomStandardNormal TruncatedNormal StatelessRandomNormal"),
    (_each(4), "Sqrt Rsqrt Reciprocal RealDiv Div FloorDiv FloorMod TanhGrad SigmoidGrad"),
    (_each(25, _largest), "Softmax LogSoftmax SoftmaxCrossEntropyWithLogits"),
    (_each(25, _largest), "SparseSoftmaxCrossEntropyWithLogits"),
    (_each(1, _largest), "Sum Mean Prod Max Min All Any L2Loss ArgMax ArgMin BiasAddGrad"),
    (_each(1, _inputs), "AddN AccumulateNV2"),
    (_each(8, _largest), "FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3"),
    (_each(12, _largest), "FusedBatchNormGrad FusedBatchNormGradV2 FusedBatchNormGradV3"),
    (_each(15, _largest), "LRN LRNGrad"),
    (_nothing, "ConcatV2 Concat Pack Unpack Split SplitV Slice StridedSlice Transpose Tile Pad"),
    (_nothing, "PadV2 GatherV2 Gather GatherNd ResourceGather Fill ZerosLike OnesLike Cast"),
    (_nothing, "BroadcastTo Reverse ReverseV2 Roll DepthToSpace SpaceToDepth"),
    (_each(2, _largest), "ResourceApplyGradientDescent AssignAddVariableOp AssignSubVariableOp"),
    (_each(4, _largest), "ResourceApplyMomentum ResourceApplyKerasMomentum ResourceApplyAdagrad"),
    (_each(16, _largest), "ResourceApplyAdam ResourceApplyRMSProp ResourceApplyAdadelta"),
    (_each(16, _largest), "ResourceApplyFtrl ResourceApplyFtrlV2 ResourceApplyCenteredRMSProp"),
)

PASSES: dict[str, int] = {
    # Updates: the gradient is read once, the variable and each slot are read and written.
    **dict.fromkeys(
        ("ResourceApplyGradientDescent", "AssignAddVariableOp", "AssignSubVariableOp"), 3
    ),
    **dict.fromkeys(
        ("ResourceApplyMomentum", "ResourceApplyKerasMomentum", "ResourceApplyAdagrad"), 5
    ),
    **dict.fromkeys(("ResourceApplyAdam", "ResourceApplyRMSProp", "ResourceApplyAdadelta"), 7),
    **dict.fromkeys(("ResourceApplyFtrl", "ResourceApplyFtrlV2"), 7),
    "ResourceApplyCenteredRMSProp": 9,
}
"""Ops whose bytes are so many times those of their largest input."""
