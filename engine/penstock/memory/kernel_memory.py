"""What kernels do with memory besides leaving their outputs: tables by op.

`shows` says which outputs are another look at an input, `in_place` which may take over an input
that dies there, `scratch` bounds what a kernel takes while it runs, `allocated` is what the
allocator takes for a tensor. They describe the CPU kernels (`forward_or_allocate`, packed operands
of small products, layouts and partial sums of convolutions); tests/memory holds them against what
the kernels do. An op in no table writes fresh memory and needs nothing else. Bounds of
convolutions hold for few threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from penstock.graph.ir import IR, Node
from penstock.simulate import Sizes

_FIRST = "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Elu Erf Erfc Exp Expm1 Floor Inv Log"
_FIRST += " Log1p LogicalNot Neg Reciprocal Relu Relu6 LeakyRelu Selu Rint Round Rsqrt Sigmoid"
_FIRST += " Sign Sin Sinh Softplus Softsign Sqrt Square Tan Tanh BiasAdd Softmax LogSoftmax Cast"
_FIRST += " ClipByValue Cumsum Cumprod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 ZerosLike"
_FIRST += " OnesLike BiasAddV1 Digamma Lgamma MatrixBandPart TensorScatterAdd TensorScatterMax"
_FIRST += " Conj TensorScatterMin TensorScatterSub TensorScatterUpdate"
_EITHER = "Add AddV2 Sub Mul Maximum Minimum SquaredDifference TanhGrad SigmoidGrad RsqrtGrad"
_EITHER += " SqrtGrad ReciprocalGrad InvGrad ReluGrad Relu6Grad LeakyReluGrad EluGrad SeluGrad"
_EITHER += " SoftplusGrad SoftsignGrad AddN FusedBatchNormGrad FusedBatchNormGradV2"
_EITHER += " FusedBatchNormGradV3 RealDiv Div DivNoNan Pow LogicalAnd LogicalOr Atan2"
_EITHER += " FloorDiv FloorMod Igamma Igammac Mod MulNoNan Polygamma TruncateDiv TruncateMod"
_EITHER += " Xdivy Xlogy Zeta AccumulateNV2"

_IN_PLACE: dict[str, tuple[tuple[int, int], ...]] = {
    **dict.fromkeys(_FIRST.split(), ((0, 0),)),
    **dict.fromkeys(_EITHER.split(), ((0, 0), (0, 1))),
    "SoftmaxCrossEntropyWithLogits": ((1, 0),),
    "SparseSoftmaxCrossEntropyWithLogits": ((1, 0),),
    "Select": ((0, 1), (0, 2)),
    "SelectV2": ((0, 1), (0, 2)),
}
_FIRST_SHOWN = "Identity StopGradient PreventGradient Reshape ExpandDims Squeeze EnsureShape"
_FIRST_SHOWN += " CheckNumerics Bitcast Print Snapshot GuaranteeConst PlaceholderWithDefault"
_SHOWS_FIRST = frozenset(_FIRST_SHOWN.split())
_SHOWN_IF_SAME = frozenset({"BroadcastTo", "Tile", "Pad", "PadV2", "MirrorPad"})
_SUMS = frozenset({"AddN", "AccumulateNV2"})
_FOLDS = frozenset(["Sum", "Mean", "Max", "Min", "Prod", "Any", "All", "BiasAddGrad"])

_NOT_ELEMENTWISE = frozenset({"Softmax", "LogSoftmax", "BiasAdd", "AddN", "Cumsum", "Cumprod"})
_NOT_ELEMENTWISE |= {"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"}

_BACKPROP = {"Conv2DBackpropInput": 1, "Conv2DBackpropFilter": -1}
_REDUCTIONS = frozenset({"Sum", "Mean", "Max", "Min", "Prod", "BiasAddGrad", "L2Loss"})
_CONV_FIXED, _PACKED_PRODUCT = 8192, 1 << 18


class KernelMemory(NamedTuple):
    """`scratch` in bytes; `in_place` lists pairs (output, input), in the order of preference.

    `before` is what the kernel takes more than scratch before its outputs are there: nothing that
    counts as long as these are taken later, but beside outputs in planned places.
    """

    scratch: int = 0
    in_place: tuple[tuple[int, int], ...] = ()
    before: int = 0


Ask: TypeAlias = Callable[[Node, IR, Sizes], KernelMemory | None]
"""Asks the kernel of a node; None where it cannot be asked."""


def elementwise(node: Node) -> bool:
    """Tell whether the kernel takes no memory but its output's, and the tables know its places."""
    plain = not node.op.startswith("FusedBatchNorm") and node.op not in _NOT_ELEMENTWISE
    return plain and node.op in _IN_PLACE


def from_tables(node: Node, sizes: Sizes) -> KernelMemory:
    """Return what the tables know."""
    return KernelMemory(scratch(node, sizes), in_place(node, sizes))


def allocated(size: int) -> int:
    """Return what the allocator takes for so many bytes: four sizes for each power of two."""
    if size <= 64:
        return 64
    step = 1 << max((size - 1).bit_length() - 3, 4)
    return -(-size // step) * step


def in_place(node: Node, sizes: Sizes) -> tuple[tuple[int, int], ...]:
    """Return the pairs (output, input) in which the output may take over the input's memory.

    In the order in which the kernel tries them; only pairs of equal size.
    """
    if node.op.startswith("FusedBatchNorm") and node.attrs.get("data_format", b"")[:2] == b"NC":
        return ()  # it works on a transposed copy
    pairs = _IN_PLACE.get(node.op)
    return fitting(node, pairs, sizes) if pairs else ()


def fitting(
    node: Node, pairs: Iterable[tuple[int, int]], sizes: Sizes
) -> tuple[tuple[int, int], ...]:
    """Return the pairs (output, input) of equal size."""
    return tuple([(o, i) for o, i in pairs if i < len(node.inputs) and _fits(node, o, i, sizes)])


def _fits(node: Node, output: int, number: int, sizes: Sizes) -> bool:
    out, read = (node.name, output), node.inputs[number]
    same = sizes.elements(out) == sizes.elements(read) and sizes.bytes(out) == sizes.bytes(read)
    return same and node.dtypes[output].name not in ("string", "resource", "variant")


def shows(node: Node, sizes: Sizes) -> tuple[tuple[int, int], ...]:
    """Return the pairs (output, input) in which the output is the input's memory, or a part."""
    if node.op == "IdentityN":
        return tuple([(i, i) for i in range(len(node.dtypes))])
    if node.op in ("Unpack", "Split", "SplitV"):
        source = 1 if node.op == "Split" else 0
        cut = _cuts_rows(node, sizes.dims(node.inputs[source]), sizes)
        return tuple([(o, source) for o in range(len(node.dtypes))]) if cut else ()
    return ((0, 0),) if node.dtypes and node.inputs and _shows_first(node, sizes) else ()


def _shows_first(node: Node, sizes: Sizes) -> bool:
    if node.op in _SHOWS_FIRST or (node.op in _SUMS and len(node.inputs) == 1):
        return True
    given, made = sizes.dims(node.inputs[0]), sizes.dims((node.name, 0))
    same_bytes = sizes.bytes(node.inputs[0]) == sizes.bytes((node.name, 0))
    if node.op == "Cast":
        return bool(node.attrs.get("SrcT") == node.attrs.get("DstT"))
    if node.op in _SHOWN_IF_SAME:
        return given == made
    if node.op in _FOLDS:
        return same_bytes and math.prod(given) == math.prod(made)
    if node.op == "Transpose":
        return sum(d != 1 for d in given) <= 1
    return node.op == "Slice" and _is_run(given, made)


def _is_run(given: tuple[int, ...], part: tuple[int, ...]) -> bool:
    """Tell whether a part with steps of 1 is one run of elements."""
    if len(given) != len(part) or math.prod(part) == 0:
        return False
    wide = next((d for d, n in enumerate(part) if n != 1), len(part))
    return given[wide + 1 :] == part[wide + 1 :]


def _cuts_rows(node: Node, given: tuple[int, ...], sizes: Sizes) -> bool:
    """Tell whether a cut leaves runs of elements."""
    if node.op == "Unpack":
        axis = node.attrs.get("axis", 0)
        return math.prod(given[: axis + len(given) if axis < 0 else axis]) == 1
    parts = [sizes.dims((node.name, o)) for o in range(len(node.dtypes))]
    changed = [d for d, n in enumerate(given) if any(p[d : d + 1] != (n,) for p in parts)]
    return len(changed) == 1 and math.prod(given[: changed[0]]) == 1


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
        scale = node.inputs[2 if "Grad" in node.op else 1]
        return sizes.bytes(node.inputs[0]) // 64 + 32 * sizes.bytes(scale)
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
