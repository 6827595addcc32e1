"""How often yes was right and wrong so far: positives, negatives, precision, recall."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.metrics.means import Names, collected, counter, same_shape
from penstock.ops import cast, convert, reduction
from penstock.ops.wrappers import raw
from penstock.variables.scope import variable_scope


def _count(where: Tensor, weights: Any) -> tuple[Tensor, Tensor]:
    """Return how often `where` was true so far, and the op that takes in a batch."""
    count = counter("count")
    hits = cast.cast(where, dtypes.float32)
    if weights is not None:
        hits = hits * cast.cast(weights, dtypes.float32)
    update = convert.to_tensor(count.assign_add(reduction.reduce_sum(hits)))
    return count.value(), raw.Identity(update, name="update_op")


def _both(labels: Any, predictions: Any) -> tuple[Tensor, Tensor]:
    p, y = same_shape(cast.cast(predictions, dtypes.bool), cast.cast(labels, dtypes.bool))
    return y, p


@export("metrics.true_positives")
def true_positives(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return how many predictions were true and right; inputs count as true unless 0."""
    with variable_scope(name, "true_positives"):
        y, p = _both(labels, predictions)
        pair = _count(raw.LogicalAnd(y, p), weights)
        return collected(*pair, metrics_collections, updates_collections)


@export("metrics.false_positives")
def false_positives(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return how many predictions were true and wrong."""
    with variable_scope(name, "false_positives"):
        y, p = _both(labels, predictions)
        pair = _count(raw.LogicalAnd(raw.LogicalNot(y), p), weights)
        return collected(*pair, metrics_collections, updates_collections)


@export("metrics.true_negatives")
def true_negatives(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return how many predictions were false and right."""
    with variable_scope(name, "true_negatives"):
        y, p = _both(labels, predictions)
        pair = _count(raw.LogicalNot(raw.LogicalOr(y, p)), weights)
        return collected(*pair, metrics_collections, updates_collections)


@export("metrics.false_negatives")
def false_negatives(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return how many predictions were false and wrong."""
    with variable_scope(name, "false_negatives"):
        y, p = _both(labels, predictions)
        pair = _count(raw.LogicalAnd(y, raw.LogicalNot(p)), weights)
        return collected(*pair, metrics_collections, updates_collections)


@export("metrics.precision")
def precision(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the share of true predictions that were right (0 when there are none).

    >>> with ps.Graph().as_default(), ps.Session() as sess:
    ...     _, update = ps.metrics.precision([1, 0, 1, 0], [1, 1, 1, 0])
    ...     sess.run(ps.local_variables_initializer())
    ...     print(sess.run(update))
    0.6666667
    """
    with variable_scope(name, "precision"):
        right = true_positives(labels, predictions, weights)
        wrong = false_positives(labels, predictions, weights)
        value, update = (
            raw.DivNoNan(r, r + w, name=n)
            for r, w, n in zip(right, wrong, ("value", "update_op"), strict=True)
        )
        return collected(value, update, metrics_collections, updates_collections)


@export("metrics.recall")
def recall(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the share of true labels that were predicted (0 when there are none)."""
    with variable_scope(name, "recall"):
        found = true_positives(labels, predictions, weights)
        missed = false_negatives(labels, predictions, weights)
        value, update = (
            raw.DivNoNan(f, f + m, name=n)
            for f, m, n in zip(found, missed, ("value", "update_op"), strict=True)
        )
        return collected(value, update, metrics_collections, updates_collections)
