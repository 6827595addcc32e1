"""Losses: cross entropies with logits, and half the sum of squares."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.broadcasting import sum_to_shape_of
from penstock.ops.control import under
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.softmax import moved_last, one_axis
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _dense_shape(ctx: ShapeContext) -> list[Dims]:
    both = shapes.broadcast(ctx.rank_is(0, 2), ctx.rank_is(1, 2))
    assert both is not None
    return [both[:1], both]


def _sparse_shape(ctx: ShapeContext) -> list[Dims]:
    logits, labels = ctx.rank_is(0, 2), ctx.rank_is(1, 1)
    assert logits is not None and labels is not None
    batch = shapes.merge(logits[:1], labels)
    assert batch is not None
    return [batch, (*batch, logits[1])]


define_op(
    "SoftmaxCrossEntropyWithLogits",
    inputs="features: T, labels: T",
    outputs="loss: T, backprop: T",
    attrs="T: floating",
    shape=_dense_shape,
    doc="-sum(labels * log_softmax(features)) for each row, and its gradient by the features.",
)
define_op(
    "SparseSoftmaxCrossEntropyWithLogits",
    inputs="features: T, labels: Tlabels",
    outputs="loss: T, backprop: T",
    attrs="T: floating, Tlabels: index = int64",
    shape=_sparse_shape,
    doc="The cross entropy of each row with the one class that `labels` names.",
)
define_op(
    "L2Loss",
    inputs="t: T",
    outputs="output: T",
    attrs="T: floating",
    shape=lambda ctx: [()],
    export="nn.l2_loss",
    doc="""Half the sum of the squares of `t`.

    >>> float(ps.Session().run(ps.nn.l2_loss([3., 4.])))
    12.5
    """,
)


@gradient("L2Loss")
def _l2_loss_grad(op: Operation, dy: Tensor) -> Any:
    return raw.Mul(op.inputs[0], dy)


def _by_rows(loss: Tensor, matrix: Tensor) -> Tensor:
    result: Tensor = raw.Mul(raw.ExpandDims(loss, -1), matrix)
    return result


def _logits_grad(op: Operation, d_loss: Tensor, d_slope: Tensor) -> Tensor:
    """Return the gradient by the logits, as large as the second output."""
    first = _by_rows(d_loss, op.outputs[1])
    if d_slope.op.type == "ZerosLike":  # the usual case: only the loss is used
        return first
    y = raw.Softmax(op.inputs[0])
    inner = raw.Sum(raw.Mul(d_slope, y), [-1], keep_dims=True)
    result: Tensor = raw.Add(first, raw.Mul(raw.Sub(d_slope, inner), y))
    return result


@gradient("SoftmaxCrossEntropyWithLogits")
def _cross_entropy_grad(op: Operation, d_loss: Tensor, d_slope: Tensor) -> Any:
    logits, labels = op.inputs
    d_labels = _by_rows(d_loss, raw.Neg(raw.LogSoftmax(logits)))
    if d_slope.op.type != "ZerosLike":
        d_labels = raw.Sub(d_labels, d_slope)
    d_logits = _logits_grad(op, d_loss, d_slope)
    return sum_to_shape_of(d_logits, logits), sum_to_shape_of(d_labels, labels)


@gradient("SparseSoftmaxCrossEntropyWithLogits")
def _sparse_cross_entropy_grad(op: Operation, d_loss: Tensor, d_slope: Tensor) -> Any:
    return _logits_grad(op, d_loss, d_slope), None


def _named(labels: Any, logits: Any, what: str) -> None:
    if labels is None or logits is None:
        raise ValueError(f"{what} needs both labels and logits; name them: labels=…, logits=…")


def _as_matrix(x: Tensor) -> Tensor:
    """Return `x` with all dimensions but the last made one."""
    dims = x._dims
    if dims is not None and len(dims) == 2:
        return x
    if dims is not None and dims and dims[-1] is not None:
        result: Tensor = raw.Reshape(x, [-1, dims[-1]])
        return result
    last = raw.StridedSlice(raw.Shape(x), [-1], [0], [1], end_mask=1)
    result = raw.Reshape(x, raw.ConcatV2([[-1], last], 0))
    return result


def _without_last(loss: Tensor, logits: Tensor) -> Tensor:
    """Return a loss per row in the shape of the logits less their last dimension."""
    dims = logits._dims
    if dims is not None and len(dims) == 2:
        return loss
    shape = raw.StridedSlice(raw.Shape(logits), [0], [-1], [1], begin_mask=1)
    result: Tensor = raw.Reshape(loss, shape)
    if dims is not None:
        result._dims = shapes.merge(result._dims, dims[:-1])
    return result


@export("nn.softmax_cross_entropy_with_logits_v2")
def softmax_cross_entropy_with_logits_v2(
    labels: Any, logits: Any, axis: int | None = None, name: str | None = None, dim: Any = None
) -> Tensor:
    """Return the cross entropy between `labels` and softmax(logits) along `axis`.

    The gradient flows into the labels too.

    >>> loss = ps.nn.softmax_cross_entropy_with_logits_v2([[0., 1.]], [[0., 0.]])
    >>> ps.Session().run(loss)
    array([0.6931472], dtype=float32)
    """
    _named(labels, logits, "softmax_cross_entropy_with_logits")
    with under("softmax_cross_entropy_with_logits", name):
        x = convert.to_tensor(logits, name="logits")
        y = convert.to_tensor(labels, x.dtype.base_dtype, name="labels")
        along = one_axis(axis, dim)
        x, _ = moved_last(x, along)
        y, _ = moved_last(y, along)
        loss, _ = raw.SoftmaxCrossEntropyWithLogits(_as_matrix(x), _as_matrix(y))
        return _without_last(loss, x)


@export("nn.softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits(
    labels: Any = None,
    logits: Any = None,
    dim: int = -1,
    name: str | None = None,
    axis: int | None = None,
) -> Tensor:
    """Return the cross entropy between `labels` and softmax(logits) along the last dimension.

    No gradient flows into the labels.

    >>> loss = ps.nn.softmax_cross_entropy_with_logits(labels=[[0., 1.]], logits=[[0., 0.]])
    >>> ps.Session().run(loss)
    array([0.6931472], dtype=float32)
    """
    _named(labels, logits, "softmax_cross_entropy_with_logits")
    with under("softmax_cross_entropy_with_logits_sg", name):
        fixed = raw.StopGradient(labels if isinstance(labels, Tensor) else _like(labels, logits))
    along = dim if axis is None else axis
    return softmax_cross_entropy_with_logits_v2(fixed, logits, along, name)


def _like(value: Any, other: Any) -> Tensor:
    dtype = other.dtype.base_dtype if isinstance(other, Tensor) else None
    return convert.to_tensor(value, dtype, name="labels")


@export("nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """Return the cross entropy between the class that `labels` names and softmax(logits).

    `labels` are whole numbers in [0, classes), with one dimension less than `logits`.

    >>> loss = ps.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=[[0., 0.]])
    >>> ps.Session().run(loss)
    array([0.6931472], dtype=float32)
    """
    what = "sparse_softmax_cross_entropy_with_logits"
    _named(labels, logits, what)
    with under("SparseSoftmaxCrossEntropyWithLogits", name):
        x = convert.to_tensor(logits, name="logits")
        y = convert.to_tensor(labels, name="labels")
        if x._dims is not None and y._dims is not None and len(y._dims) != len(x._dims) - 1:
            raise ValueError(
                f"{what}: labels of rank {len(y._dims)} and logits of rank {len(x._dims)}; "
                "labels must have one dimension less"
            )
        flat = y if y._dims is not None and len(y._dims) == 1 else raw.Reshape(y, [-1])
        loss, _ = raw.SparseSoftmaxCrossEntropyWithLogits(_as_matrix(x), flat)
        return _without_last(loss, x)


@export("nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """Return the cross entropy between `labels` and sigmoid(logits), element by element.

    >>> loss = ps.nn.sigmoid_cross_entropy_with_logits(labels=[1., 0.], logits=[0., 0.])
    >>> ps.Session().run(loss)
    array([0.6931472, 0.6931472], dtype=float32)
    """
    _named(labels, logits, "sigmoid_cross_entropy_with_logits")
    with under("logistic_loss", name) as scope:
        x = convert.to_tensor(logits, name="logits")
        z = convert.to_tensor(labels, x.dtype.base_dtype, name="labels")
        _same_shape(x, z)
        zeros = raw.ZerosLike(x)
        positive = raw.GreaterEqual(x, zeros)
        larger = raw.Select(positive, x, zeros)
        negative = raw.Select(positive, raw.Neg(x), x)
        tail = raw.Log1p(raw.Exp(negative))
        result: Tensor = raw.AddV2(raw.Sub(larger, raw.Mul(x, z)), tail, name=scope)
        return result


@export("nn.weighted_cross_entropy_with_logits")
def weighted_cross_entropy_with_logits(
    labels: Any = None,
    logits: Any = None,
    pos_weight: Any = None,
    name: str | None = None,
    targets: Any = None,
) -> Tensor:
    """Return the sigmoid cross entropy with positive labels weighted by `pos_weight`.

    >>> loss = ps.nn.weighted_cross_entropy_with_logits([1., 0.], [0., 0.], pos_weight=2.)
    >>> ps.Session().run(loss)
    array([1.3862944, 0.6931472], dtype=float32)
    """
    labels = targets if labels is None else labels
    _named(labels, logits, "weighted_cross_entropy_with_logits")
    with under("logistic_loss", name) as scope:
        x = convert.to_tensor(logits, name="logits")
        z = convert.to_tensor(labels, x.dtype.base_dtype, name="labels")
        _same_shape(x, z)
        weight = 1.0 + (convert.to_tensor(pos_weight, x.dtype.base_dtype) - 1.0) * z
        tail = raw.Log1p(raw.Exp(raw.Neg(raw.Abs(x)))) + raw.Relu(raw.Neg(x))
        result: Tensor = raw.AddV2((1.0 - z) * x, weight * tail, name=scope)
        return result


def _same_shape(x: Tensor, z: Tensor) -> None:
    if not shapes.compatible(x._dims, z._dims):
        raise ValueError(
            f"logits {shapes.render(x._dims)} and labels {shapes.render(z._dims)} "
            "must have the same shape"
        )
