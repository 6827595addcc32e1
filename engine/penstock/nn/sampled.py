"""Losses over many classes, estimated from a few drawn ones: `nce_loss`, `sampled_softmax_loss`.

Both compute the logits of the true classes and of the candidates only, so a step costs as much
as the candidates, not as all classes; the gradients of weights and biases are sparse.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.nn.embedding import embedding_lookup
from penstock.ops import cast, control, convert, reduction
from penstock.ops.candidates import compute_accidental_hits, log_uniform_candidate_sampler
from penstock.ops.loss import (
    sigmoid_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits_v2,
)
from penstock.ops.wrappers import raw


@export("nn.nce_loss")
def nce_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = False,
    partition_strategy: str = "mod",
    name: str = "nce_loss",
) -> Tensor:
    """Return the noise-contrastive loss of each row: true classes against drawn ones.

    `weights` is [num_classes, d] (or a list of shards), `biases` [num_classes], `labels`
    [batch, num_true], `inputs` [batch, d]. The candidates come from
    `log_uniform_candidate_sampler` unless `sampled_values` gives others. For training; to
    evaluate, compute all logits.

    >>> w, b = ps.ones([20, 2]), ps.zeros([20])
    >>> loss = ps.nn.nce_loss(w, b, [[3], [5]], ps.ones([2, 2]), num_sampled=4, num_classes=20)
    >>> ps.Session().run(loss).shape
    (2,)
    """
    with control.under("nce_loss", name):
        logits, truth = _logits(
            (weights, biases, labels, inputs),
            (num_sampled, num_classes, num_true),
            sampled_values,
            remove_accidental_hits,
            partition_strategy,
            None,
        )
        losses = sigmoid_cross_entropy_with_logits(labels=truth, logits=logits)
        return reduction.reduce_sum(losses, 1)


@export("nn.sampled_softmax_loss")
def sampled_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    partition_strategy: str = "mod",
    name: str = "sampled_softmax_loss",
    seed: int | None = None,
) -> Tensor:
    """Return the cross entropy of each row over its true classes and the drawn ones.

    Arguments as of `nce_loss`. A lower bound of the softmax loss over all classes; for
    training only.
    """
    with control.under("sampled_softmax_loss", name):
        logits, truth = _logits(
            (weights, biases, labels, inputs),
            (num_sampled, num_classes, num_true),
            sampled_values,
            remove_accidental_hits,
            partition_strategy,
            seed,
        )
        losses: Tensor = softmax_cross_entropy_with_logits_v2(
            labels=raw.StopGradient(truth), logits=logits
        )
        return losses


def _logits(
    tensors: tuple[Any, Any, Any, Any],
    sizes: tuple[int, int, int],
    sampled_values: Any,
    remove_hits: bool,
    strategy: str,
    seed: int | None,
) -> tuple[Tensor, Tensor]:
    """Return logits and labels [batch, num_true + num_sampled]; true classes come first."""
    weights, biases, labels, inputs = tensors
    num_sampled, num_classes, num_true = sizes
    classes = cast.cast(labels, dtypes.int64)
    x = convert.to_tensor(inputs)
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(
            classes, num_true, num_sampled, True, num_classes, seed
        )
    drawn, expected_true, expected_drawn = (raw.StopGradient(v) for v in sampled_values)
    drawn = cast.cast(drawn, dtypes.int64)
    flat = raw.Reshape(classes, [-1])
    ids = raw.ConcatV2([flat, drawn], 0)
    w_true, w_drawn = _split(embedding_lookup(weights, ids, strategy), flat)
    b_true, b_drawn = _split(embedding_lookup(biases, ids, strategy), flat)

    per_row = raw.Reshape(w_true, raw.ConcatV2([[-1, num_true], _tail(w_true)], 0))
    true_logits = reduction.reduce_sum(raw.Mul(raw.ExpandDims(x, 1), per_row), 2)
    true_logits = true_logits + raw.Reshape(b_true, [-1, num_true])
    drawn_logits = raw.MatMul(x, w_drawn, transpose_b=True) + b_drawn
    if remove_hits:
        drawn_logits = drawn_logits + _ruled_out(classes, drawn, num_true, drawn_logits)
    true_logits = true_logits - cast.cast(raw.Log(expected_true), x.dtype)
    drawn_logits = drawn_logits - cast.cast(raw.Log(expected_drawn), x.dtype)

    each = convert.to_tensor(1.0 / num_true, x.dtype.base_dtype)
    truth = [raw.OnesLike(true_logits) * each, raw.ZerosLike(drawn_logits)]
    return raw.ConcatV2([true_logits, drawn_logits], 1), raw.ConcatV2(truth, 1)


def _split(rows: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of the true classes and those of the candidates."""
    count = raw.Shape(flat)
    first = raw.StridedSlice(rows, [0], count, [1], begin_mask=1)
    rest = raw.StridedSlice(rows, count, [0], [1], end_mask=1)
    return first, rest


def _tail(rows: Tensor) -> Tensor:
    result: Tensor = raw.StridedSlice(raw.Shape(rows), [1], [0], [1], end_mask=1)
    return result


def _ruled_out(classes: Tensor, drawn: Tensor, num_true: int, logits: Tensor) -> Tensor:
    """Return the least number where a candidate is a true class of its row, 0 elsewhere."""
    rows, places, _ = compute_accidental_hits(classes, drawn, num_true)
    where = raw.Pack([raw.Cast(rows, DstT=dtypes.int64), places], axis=1)
    count = raw.ScatterNd(where, raw.OnesLike(places), raw.Shape(logits, out_type=dtypes.int64))
    kind = logits.dtype.base_dtype
    least = np.array(kind.min, kind.numpy_dtype)
    hit = raw.Greater(count, raw.ZerosLike(count))
    result: Tensor = raw.SelectV2(hit, convert.to_tensor(least), raw.ZerosLike(logits))
    return result
