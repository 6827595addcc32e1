"""Metrics: means over all batches so far, kept in local variables.

Each returns (value, update): running `update` takes a batch in and gives the new value,
`value` gives the last one. `local_variables_initializer` starts over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def _counter(name: str) -> Variable:
    collections = [GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES]
    return Variable(0.0, trainable=False, collections=collections, name=name, dtype=dtypes.float32)


def _mean(
    values: Any, weights: Any, metrics_collections: Names, updates_collections: Names
) -> tuple[Tensor, Tensor]:
    values = cast.cast(values, dtypes.float32)
    total, count = _counter("total"), _counter("count")
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
    graph = get_default_graph()
    graph.add_to_collections(metrics_collections or (), value)
    graph.add_to_collections(updates_collections or (), update)
    return value, update


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
        predictions, labels = _same_shape(predictions, labels)
        hit = raw.Equal(predictions, cast.cast(labels, predictions.dtype.base_dtype))
        return _mean(hit, weights, metrics_collections, updates_collections)


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
        predictions, labels = _same_shape(predictions, labels)
        squares = raw.SquaredDifference(
            predictions, cast.cast(labels, predictions.dtype.base_dtype)
        )
        return _mean(squares, weights, metrics_collections, updates_collections)


def _same_shape(predictions: Any, labels: Any) -> tuple[Tensor, Tensor]:
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
