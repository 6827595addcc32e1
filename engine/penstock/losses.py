"""Losses: one number from labels, predictions and weights, collected for the total.

Every loss is computed element by element, weighted, reduced as `Reduction` says, and added
to a collection (LOSSES by default), which `get_total_loss` sums up with the regularization
losses. Weights broadcast: a scalar, or the rank of the losses with sizes equal or 1.
"""

from __future__ import annotations

from typing import Any

from penstock import dtypes, errors, shapes
from penstock.exports import export
from penstock.graph.graph import get_default_graph
from penstock.graph.tensor import Tensor
from penstock.ops import cast, control, convert
from penstock.ops.loss import (
    sigmoid_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits_v2,
    sparse_softmax_cross_entropy_with_logits,
)
from penstock.ops.reduction import reduce_sum
from penstock.ops.wrappers import raw
from penstock.variables.collections import GraphKeys

BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"


@export("losses.Reduction")
class Reduction:
    """How weighted losses become one: not at all, their sum, or a mean of some kind.

    MEAN divides the sum by the sum of the weights, SUM_OVER_BATCH_SIZE by the number of
    losses, SUM_BY_NONZERO_WEIGHTS by the number of losses whose weight is not zero.
    """

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = BY_NONZERO_WEIGHTS
    SUM_OVER_NONZERO_WEIGHTS = BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """Return all reductions."""
        return (cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, BY_NONZERO_WEIGHTS)

    @classmethod
    def validate(cls, key: str) -> None:
        """Raise `ValueError` unless `key` is a reduction."""
        if key not in cls.all():
            raise ValueError(f"reduction is one of {', '.join(cls.all())}, not {key!r}")


@export("losses.compute_weighted_loss")
def compute_weighted_loss(
    losses: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return weighted losses, reduced, and add them to the collection.

    Raises `ShapeError` (a ValueError) when the weights do not broadcast to the losses.

    >>> mean = ps.losses.compute_weighted_loss([1., 2., 4.], weights=[1., 0., 1.])
    >>> print(ps.Session().run(mean))
    2.5
    """
    Reduction.validate(reduction)
    with control.under("weighted_loss", scope):
        given = convert.to_tensor(losses)
        values = cast.cast(given, dtypes.float32)
        factors = cast.cast(weights, dtypes.float32)
        _require_broadcast(factors, values)
        reduced = cast.cast(_reduce(values, factors, reduction), given.dtype.base_dtype)
        add_loss(reduced, loss_collection)
    return reduced  # type: ignore[no-any-return]


def _require_broadcast(weights: Tensor, losses: Tensor) -> None:
    w, x = weights._dims, losses._dims
    if w is None or x is None or w == ():
        return
    fits = len(w) == len(x) and all(
        a in (1, b, None) or b is None for a, b in zip(w, x, strict=True)
    )
    if not fits:
        raise errors.ShapeError(
            None,
            None,
            f"weights of shape {shapes.render(w)} do not broadcast to losses of shape "
            f"{shapes.render(x)}: use a scalar, or the same rank with sizes equal or 1",
        )


def _reduce(values: Tensor, factors: Tensor, how: str) -> Tensor:
    weighted: Tensor = values * factors
    if how == Reduction.NONE:
        return weighted
    total = reduce_sum(weighted)
    if how == Reduction.SUM:
        return total
    if how == Reduction.MEAN:
        count = reduce_sum(raw.OnesLike(values) * factors)
    elif how == Reduction.SUM_OVER_BATCH_SIZE:
        count = raw.Cast(raw.Size(values), DstT=dtypes.float32)
    else:
        some = raw.Cast(raw.NotEqual(factors, raw.ZerosLike(factors)), DstT=dtypes.float32)
        count = reduce_sum(raw.OnesLike(values) * some)
    result: Tensor = raw.DivNoNan(total, count, name="value")
    return result


@export("losses.absolute_difference")
def absolute_difference(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return the loss |predictions - labels|."""
    with control.under("absolute_difference", scope):
        y, p = _pair(labels, predictions, "predictions")
        return compute_weighted_loss(raw.Abs(p - y), weights, None, loss_collection, reduction)


@export("losses.mean_squared_error")
def mean_squared_error(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return the loss (predictions - labels)².

    >>> print(ps.Session().run(ps.losses.mean_squared_error([1., 2.], [1., 4.])))
    2.0
    """
    with control.under("mean_squared_error", scope):
        y, p = _pair(labels, predictions, "predictions")
        squares = raw.SquaredDifference(p, y)
        return compute_weighted_loss(squares, weights, None, loss_collection, reduction)


@export("losses.log_loss")
def log_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    epsilon: float = 1e-7,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return the cross entropy between labels and predicted probabilities.

    `epsilon` keeps the logarithms finite.
    """
    with control.under("log_loss", scope):
        y, p = _pair(labels, predictions, "predictions")
        yes = y * raw.Log(p + epsilon)
        no = (1.0 - y) * raw.Log(1.0 - p + epsilon)
        return compute_weighted_loss(-yes - no, weights, None, loss_collection, reduction)


@export("losses.hinge_loss")
def hinge_loss(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return the loss max(0, 1 - y * logits), with y = 1 for labels 1 and -1 for labels 0."""
    with control.under("hinge_loss", scope):
        y, x = _pair(labels, logits, "logits")
        margins = raw.Relu(1.0 - (2.0 * y - 1.0) * x)
        return compute_weighted_loss(margins, weights, None, loss_collection, reduction)


@export("losses.huber_loss")
def huber_loss(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    delta: float = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return half the squared error up to `delta`, and beyond it grow along a straight line."""
    with control.under("huber_loss", scope):
        y, p = _pair(labels, predictions, "predictions")
        size = raw.Abs(p - y)
        near = raw.Minimum(size, delta)
        values = 0.5 * near * near + delta * (size - near)
        return compute_weighted_loss(values, weights, None, loss_collection, reduction)


@export("losses.cosine_distance")
def cosine_distance(
    labels: Any,
    predictions: Any,
    axis: int | None = None,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
    dim: int | None = None,
) -> Tensor:
    """Return the loss 1 - labels · predictions along `axis`, for vectors of length 1."""
    along = dim if axis is None else axis
    if along is None:
        raise ValueError("cosine_distance needs an axis")
    with control.under("cosine_distance_loss", scope):
        y, p = _pair(labels, predictions, "predictions")
        values = 1.0 - _sum(p * y, along)
        return compute_weighted_loss(values, weights, None, loss_collection, reduction)


def _sum(x: Tensor, axis: int) -> Tensor:
    return reduce_sum(x, axis=[axis], keepdims=True)


@export("losses.mean_pairwise_squared_error")
def mean_pairwise_squared_error(
    labels: Any,
    predictions: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
) -> Tensor:
    """Return how far differences between pairs of predictions are from those of the labels.

    Within each row all pairs of elements are compared; the rows' means are weighted and added.

    >>> loss = ps.losses.mean_pairwise_squared_error([[0., 1.]], [[5., 8.]])
    >>> print(ps.Session().run(loss))
    4.0
    """
    with control.under("mean_pairwise_squared_error", scope):
        y, p = _pair(labels, predictions, "predictions")
        gaps = cast.cast(p - y, dtypes.float32)
        factors = cast.cast(weights, dtypes.float32)
        _require_broadcast(factors, gaps)
        counted = raw.Cast(raw.NotEqual(factors, raw.ZerosLike(factors)), DstT=dtypes.float32)
        inner = raw.Range(1, raw.Rank(gaps), 1)
        count = reduce_sum(raw.OnesLike(gaps) * counted, inner, keepdims=True)
        fewer = raw.Maximum(count - 1.0, 0.0)
        squares = raw.DivNoNan(reduce_sum(raw.Square(gaps), inner, keepdims=True), fewer)
        sums = raw.Square(reduce_sum(gaps, inner, keepdims=True))
        losses = 2.0 * (squares - raw.DivNoNan(sums, count * fewer)) * factors
        reduced = reduce_sum(losses, name="value")
        add_loss(reduced, loss_collection)
    return reduced


@export("losses.sigmoid_cross_entropy")
def sigmoid_cross_entropy(
    multi_class_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return the cross entropy between labels and sigmoid(logits).

    `label_smoothing` moves labels by that share towards 1/2.
    """
    with control.under("sigmoid_cross_entropy_loss", scope):
        y, x = _pair(multi_class_labels, logits, "logits")
        if label_smoothing > 0:
            y = y * (1 - label_smoothing) + 0.5 * label_smoothing
        values = sigmoid_cross_entropy_with_logits(labels=y, logits=x)
        return compute_weighted_loss(values, weights, None, loss_collection, reduction)


@export("losses.softmax_cross_entropy")
def softmax_cross_entropy(
    onehot_labels: Any,
    logits: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return the cross entropy between labels and softmax(logits), one loss for each row.

    `label_smoothing` spreads that share of the labels over all classes evenly.
    """
    with control.under("softmax_cross_entropy_loss", scope):
        y, x = _pair(onehot_labels, logits, "logits")
        if label_smoothing > 0:
            classes = raw.Cast(_last_size(y), DstT=x.dtype.base_dtype)
            y = y * (1 - label_smoothing) + label_smoothing / classes
        fixed = raw.StopGradient(y)
        values = softmax_cross_entropy_with_logits_v2(labels=fixed, logits=x)
        return compute_weighted_loss(values, weights, None, loss_collection, reduction)


@export("losses.sparse_softmax_cross_entropy")
def sparse_softmax_cross_entropy(
    labels: Any,
    logits: Any,
    weights: Any = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return the cross entropy between classes named by `labels` and softmax(logits).

    Labels (and weights) may have a last dimension of size 1 more than the losses.

    >>> loss = ps.losses.sparse_softmax_cross_entropy([1, 0], [[0., 9.], [9., 0.]])
    >>> bool(ps.Session().run(loss) < 0.001)
    True
    """
    with control.under("sparse_softmax_cross_entropy_loss", scope):
        x = convert.to_tensor(_given(logits, "logits"))
        rank = None if x._dims is None else len(x._dims) - 1
        y = _without_last_one(convert.to_tensor(_given(labels, "labels")), rank)
        factors = _without_last_one(convert.to_tensor(weights), rank)
        values = sparse_softmax_cross_entropy_with_logits(labels=y, logits=x)
        return compute_weighted_loss(values, factors, None, loss_collection, reduction)


def _given(value: Any, what: str) -> Any:
    if value is None:
        raise ValueError(f"a loss needs {what}, not None")
    return value


def _pair(labels: Any, predictions: Any, what: str) -> tuple[Tensor, Tensor]:
    """Return labels and predictions as tensors of one dtype and equal shapes."""
    p = convert.to_tensor(_given(predictions, what))
    y = cast.cast(_given(labels, "labels"), p.dtype.base_dtype)
    if not shapes.compatible(y._dims, p._dims):
        raise errors.ShapeError(
            None,
            None,
            f"labels have shape {shapes.render(y._dims)}, {what} have {shapes.render(p._dims)}",
        )
    return y, p


def _last_size(x: Tensor) -> Tensor:
    result: Tensor = raw.StridedSlice(raw.Shape(x), [-1], [0], [1], end_mask=1, shrink_axis_mask=1)
    return result


def _without_last_one(x: Tensor, rank: int | None) -> Tensor:
    dims = x._dims
    if dims is None or rank is None or len(dims) != rank + 1 or dims[-1] not in (1, None):
        return x
    result: Tensor = raw.Squeeze(x, squeeze_dims=[-1])
    return result


# ---- the collection


@export("losses.add_loss")
def add_loss(loss: Any, loss_collection: str | None = GraphKeys.LOSSES) -> None:
    """Add a loss to a collection (None: to none)."""
    if loss_collection is not None:
        loss.graph.add_to_collection(loss_collection, loss)


@export("losses.get_losses")
def get_losses(scope: str | None = None, loss_collection: str = GraphKeys.LOSSES) -> list[Any]:
    """Return the losses of a collection, those matching `scope`."""
    return get_default_graph().get_collection(loss_collection, scope)


@export("losses.get_regularization_losses")
def get_regularization_losses(scope: str | None = None) -> list[Any]:
    """Return the regularization losses, those matching `scope`."""
    return get_default_graph().get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


@export("losses.get_regularization_loss")
def get_regularization_loss(
    scope: str | None = None, name: str = "total_regularization_loss"
) -> Tensor:
    """Return the sum of the regularization losses: 0 when there are none."""
    found = get_regularization_losses(scope)
    if not found:
        return convert.convert_to_tensor(0.0)
    result: Tensor = raw.AddN(found, name=name)
    return result


@export("losses.get_total_loss")
def get_total_loss(
    add_regularization_losses: bool = True, name: str = "total_loss", scope: str | None = None
) -> Tensor:
    """Return the sum of all losses collected, with the regularization losses or without.

    Raises `ValueError` when there are none.
    """
    found = get_losses(scope)
    if add_regularization_losses:
        found += get_regularization_losses(scope)
    if not found:
        raise ValueError("there are no losses to sum up: the collections are empty")
    result: Tensor = raw.AddN(found, name=name)
    return result
