"""Means over all batches so far: of values, of hits, of errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import dtypes
from penstock.exports import export
from penstock.graph.graph import get_default_graph
from penstock.graph.tensor import Tensor
from penstock.ops import cast, control, convert, reduction
from penstock.ops.wrappers import raw
from penstock.variables.collections import GraphKeys
from penstock.variables.scope import variable_scope
from penstock.variables.variable import Variable

Names = Sequence[str] | None


def counter(name: str, shape: Sequence[int] = ()) -> Variable:
    """Return a local variable that starts at zero."""
    collections = [GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES]
    zero = np.zeros(shape, np.float32)
    return Variable(zero, trainable=False, collections=collections, name=name)


def collected(
    value: Tensor, update: Tensor, metrics_collections: Names, updates_collections: Names
) -> tuple[Tensor, Tensor]:
    """Return both, added to the collections that are asked for."""
    graph = get_default_graph()
    graph.add_to_collections(metrics_collections or (), value)
    graph.add_to_collections(updates_collections or (), update)
    return value, update


def _mean(
    values: Any, weights: Any, metrics_collections: Names, updates_collections: Names
) -> tuple[Tensor, Tensor]:
    values = cast.cast(values, dtypes.float32)
    total, count = counter("total"), counter("count")
    if weights is None:
        number = raw.Cast(raw.Size(values), DstT=dtypes.float32)
    else:
        factors = cast.cast(weights, dtypes.float32) * raw.OnesLike(values)
        values = values * factors
        number = reduction.reduce_sum(factors)
    added = total.assign_add(reduction.reduce_sum(values))
    with control.control_dependencies([values]):
        counted = count.assign_add(number)
    value: Tensor = raw.DivNoNan(total, count, name="value")
    update: Tensor = raw.DivNoNan(
        convert.to_tensor(added), convert.to_tensor(counted), name="update_op"
    )
    return collected(value, update, metrics_collections, updates_collections)


@export("metrics.mean")
def mean(
    values: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the (weighted) mean of all values so far, and the op that takes in a batch.

    >>> with ps.Graph().as_default(), ps.Session() as sess:
    ...     x = ps.placeholder(ps.float32)
    ...     value, update = ps.metrics.mean(x)
    ...     sess.run(ps.local_variables_initializer())
    ...     print(sess.run(update, {x: [1., 2.]}), sess.run(update, {x: [6.]}), sess.run(value))
    1.5 3.0 3.0
    """
    with variable_scope(name, "mean"):
        return _mean(values, weights, metrics_collections, updates_collections)


@export("metrics.accuracy")
def accuracy(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return how often `predictions` equal `labels`, and the op that takes in a batch."""
    with variable_scope(name, "accuracy"):
        predictions, labels = same_shape(predictions, labels)
        hit = raw.Equal(predictions, cast.cast(labels, predictions.dtype.base_dtype))
        return _mean(hit, weights, metrics_collections, updates_collections)


def _squares(labels: Any, predictions: Any) -> Tensor:
    p, y = same_shape(predictions, labels)
    result: Tensor = raw.SquaredDifference(p, cast.cast(y, p.dtype.base_dtype))
    return result


@export("metrics.mean_squared_error")
def mean_squared_error(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean squared difference so far, and the op that takes in a batch."""
    with variable_scope(name, "mean_squared_error"):
        squares = _squares(labels, predictions)
        return _mean(squares, weights, metrics_collections, updates_collections)


@export("metrics.root_mean_squared_error")
def root_mean_squared_error(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the root of the mean squared difference so far, and the op that takes in a batch."""
    with variable_scope(name, "root_mean_squared_error"):
        value, update = _mean(_squares(labels, predictions), weights, None, None)
        roots = raw.Sqrt(value), raw.Sqrt(update)
        return collected(*roots, metrics_collections, updates_collections)


@export("metrics.mean_absolute_error")
def mean_absolute_error(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean absolute difference so far, and the op that takes in a batch."""
    with variable_scope(name, "mean_absolute_error"):
        p, y = same_shape(predictions, labels)
        gaps = raw.Abs(p - cast.cast(y, p.dtype.base_dtype))
        return _mean(gaps, weights, metrics_collections, updates_collections)


@export("metrics.mean_relative_error")
def mean_relative_error(
    labels: Any,
    predictions: Any,
    normalizer: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean of absolute differences divided by `normalizer` (0 where that is 0)."""
    with variable_scope(name, "mean_relative_error"):
        p, y = same_shape(predictions, labels)
        kind = p.dtype.base_dtype
        gaps = raw.Abs(p - cast.cast(y, kind))
        relative = raw.DivNoNan(gaps, cast.cast(normalizer, kind))
        return _mean(relative, weights, metrics_collections, updates_collections)


@export("metrics.mean_cosine_distance")
def mean_cosine_distance(
    labels: Any,
    predictions: Any,
    dim: int,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean of 1 - labels · predictions along `dim`, for vectors of length 1."""
    with variable_scope(name, "mean_cosine_distance"):
        p, y = same_shape(predictions, labels)
        along = reduction.reduce_sum(p * cast.cast(y, p.dtype.base_dtype), [dim], keepdims=True)
        return _mean(1.0 - along, weights, metrics_collections, updates_collections)


@export("metrics.percentage_below")
def percentage_below(
    values: Any,
    threshold: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the share of values below `threshold` so far, and the op that takes in a batch."""
    with variable_scope(name, "percentage_below_threshold"):
        x = convert.to_tensor(values)
        below = raw.Less(x, convert.to_tensor(threshold, x.dtype.base_dtype))
        return _mean(below, weights, metrics_collections, updates_collections)


@export("metrics.mean_tensor")
def mean_tensor(
    values: Any,
    weights: Any = None,
    metrics_collections: Names = None,
    updates_collections: Names = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean of each element over all batches so far; the shape must be known."""
    with variable_scope(name, "mean"):
        x = cast.cast(values, dtypes.float32)
        shape = x.shape.as_list()
        total, count = counter("total_tensor", shape), counter("count_tensor", shape)
        factors = raw.OnesLike(x)
        if weights is not None:
            factors = factors * cast.cast(weights, dtypes.float32)
        added = convert.to_tensor(total.assign_add(x * factors))
        counted = convert.to_tensor(count.assign_add(factors))
        value: Tensor = raw.DivNoNan(total, count, name="value")
        update: Tensor = raw.DivNoNan(added, counted, name="update_op")
        return collected(value, update, metrics_collections, updates_collections)


def same_shape(predictions: Any, labels: Any) -> tuple[Tensor, Tensor]:
    """Return both as tensors; a last dimension of 1 that only one has goes away."""
    p, y = convert.to_tensor(predictions), convert.to_tensor(labels)
    p_rank, y_rank = p.shape.ndims, y.shape.ndims
    if p_rank is not None and y_rank is not None and abs(p_rank - y_rank) == 1:
        longer = p if p_rank > y_rank else y
        if longer._dims is not None and longer._dims[-1] == 1:
            flat = raw.Squeeze(longer, squeeze_dims=[-1])
            return (flat, y) if longer is p else (p, flat)
    p.shape.assert_is_compatible_with(y.shape)
    return p, y
