"""Candidate sampling: a few drawn classes that stand for all classes of a large softmax."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.random import seed_attrs
from penstock.ops.registry import define_op, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims, merge


def _true_classes(ctx: ShapeContext) -> Dims:
    return merge(ctx.rank_is(0, 2), (None, ctx.attr("num_true")))


def _sampled(ctx: ShapeContext) -> list[Dims]:
    count, classes = ctx.attr("num_sampled"), ctx.attr("range_max")
    if ctx.attr("unique") and count > classes:
        ctx.fail(
            f"num_sampled {count} different classes cannot be drawn from range_max {classes}",
            "draw fewer, or with unique=False",
        )
    return [(count,), _true_classes(ctx), (count,)]


for _name, _doc in (
    ("UniformCandidateSampler", "Classes drawn alike from [0, range_max)."),
    (
        "LogUniformCandidateSampler",
        "Classes drawn from [0, range_max), class k with probability log((k + 2) / (k + 1)) / "
        "log(range_max + 1).",
    ),
):
    define_op(
        _name,
        inputs="true_classes: int64",
        outputs="sampled_candidates: int64, true_expected_count: float32, "
        "sampled_expected_count: float32",
        attrs="num_true: int >= 1, num_sampled: int >= 1, unique: bool, range_max: int >= 1, "
        "seed: int = 0, seed2: int = 0",
        shape=_sampled,
        stateful=True,
        doc=_doc,
    )
    no_gradient(_name)


def _hits_shape(ctx: ShapeContext) -> list[Dims]:
    _true_classes(ctx)
    ctx.rank_is(1, 1)
    return [(None,), (None,), (None,)]


define_op(
    "ComputeAccidentalHits",
    inputs="true_classes: int64, sampled_candidates: int64",
    outputs="indices: int32, ids: int64, weights: float32",
    attrs="num_true: int, seed: int = 0, seed2: int = 0",
    shape=_hits_shape,
    doc="Rows of true classes, the positions of candidates equal to one of them, and the "
    "smallest float for each.",
)
no_gradient("ComputeAccidentalHits")


@export("nn.uniform_candidate_sampler random.uniform_candidate_sampler")
def uniform_candidate_sampler(
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Draw `num_sampled` classes from [0, range_max), all alike.

    Returns (classes, expected counts of `true_classes`, expected counts of the classes
    drawn). With `unique` no class occurs twice.

    >>> with ps.Session() as sess:
    ...     drawn = sess.run(ps.nn.uniform_candidate_sampler([[1], [2]], 1, 3, True, 3)[0])
    >>> sorted(drawn.tolist())
    [0, 1, 2]
    """
    return raw.UniformCandidateSampler(
        convert.to_tensor(true_classes, _long(true_classes)),
        num_true,
        num_sampled,
        unique,
        range_max,
        **seed_attrs(seed),
        name=name,
    )


@export("nn.log_uniform_candidate_sampler random.log_uniform_candidate_sampler")
def log_uniform_candidate_sampler(
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Draw `num_sampled` classes, small numbers more often: for classes sorted by frequency.

    Class k has probability ``log((k + 2) / (k + 1)) / log(range_max + 1)``. Returns (classes,
    expected counts of `true_classes`, expected counts of the classes drawn). With `unique` no
    class occurs twice.

    >>> with ps.Session() as sess:
    ...     drawn = sess.run(ps.nn.log_uniform_candidate_sampler([[1]], 1, 3, True, 3)[0])
    >>> sorted(drawn.tolist())
    [0, 1, 2]
    """
    return raw.LogUniformCandidateSampler(
        convert.to_tensor(true_classes, _long(true_classes)),
        num_true,
        num_sampled,
        unique,
        range_max,
        **seed_attrs(seed),
        name=name,
    )


@export("nn.compute_accidental_hits")
def compute_accidental_hits(
    true_classes: Any,
    sampled_candidates: Any,
    num_true: int,
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Return where candidates are true classes: (rows, positions, weights of -3.4e38).

    Added to the logits of the candidates the weights rule them out.

    >>> hits = ps.nn.compute_accidental_hits([[1], [7]], [5, 7], 1)
    >>> [x.tolist() for x in ps.Session().run(hits)][:2]
    [[1], [1]]
    """
    return raw.ComputeAccidentalHits(
        convert.to_tensor(true_classes, _long(true_classes)),
        convert.to_tensor(sampled_candidates, _long(sampled_candidates)),
        num_true,
        **seed_attrs(seed),
        name=name,
    )


def _long(value: Any) -> dtypes.DType | None:
    """Return int64 for what is no tensor yet; a tensor's own dtype is checked by the op."""
    return None if hasattr(value, "dtype") else dtypes.int64
