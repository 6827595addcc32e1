"""Softmax and log-softmax along one dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.control import under
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _softmax_shape(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.shape(0)
    if dims == ():
        ctx.fail("the logits must have at least 1 dimension, got a scalar")
    return [dims]


define_op(
    "Softmax",
    inputs="logits: T",
    outputs="softmax: T",
    attrs="T: floating",
    shape=_softmax_shape,
    doc="exp(logits) over its sum along the last dimension.",
)
define_op(
    "LogSoftmax",
    inputs="logits: T",
    outputs="logsoftmax: T",
    attrs="T: floating",
    shape=_softmax_shape,
    doc="The logarithm of softmax along the last dimension.",
)


def _last_sum(x: Tensor) -> Tensor:
    result: Tensor = raw.Sum(x, [-1], keep_dims=True)
    return result


@gradient("Softmax")
def _softmax_grad(op: Operation, dy: Tensor) -> Any:
    y = op.outputs[0]
    return raw.Mul(raw.Sub(dy, _last_sum(raw.Mul(dy, y))), y)


@gradient("LogSoftmax")
def _log_softmax_grad(op: Operation, dy: Tensor) -> Any:
    return raw.Sub(dy, raw.Mul(_last_sum(dy), raw.Exp(op.outputs[0])))


def moved_last(x: Tensor, axis: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return `x` with `axis` exchanged with the last dimension, and what undoes it.

    `ValueError` when that needs a rank that is not known.
    """
    if axis == -1:
        return x, lambda y: y
    if x._dims is None:
        raise ValueError(f"axis {axis} needs a tensor of known rank")
    rank = len(x._dims)
    place = shapes.normalize_axis(axis, rank)
    if place == rank - 1:
        return x, lambda y: y
    perm = np.arange(rank, dtype=np.int32)
    perm[[place, rank - 1]] = perm[[rank - 1, place]]
    return raw.Transpose(x, perm), lambda y: raw.Transpose(y, perm)


def one_axis(axis: int | None, dim: int | None) -> int:
    """Return the axis given under its new name or its old one; the last by default."""
    if axis is not None and dim is not None:
        raise ValueError("give only one of axis and dim")
    return -1 if axis is None and dim is None else int(dim if axis is None else axis)  # type: ignore[arg-type]


def _along(op: Any, scope: str, logits: Any, axis: int, name: str | None) -> Tensor:
    x = convert.to_tensor(logits)
    if axis == -1 or (x._dims is not None and axis == len(x._dims) - 1):
        result: Tensor = op(x, name=name)
        return result
    with under(scope, name):
        moved, back = moved_last(x, axis)
        return back(op(moved))


@export("nn.softmax math.softmax")
def softmax(
    logits: Any, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Tensor:
    """Return exp(logits) over its sum along `axis` (the last by default).

    >>> ps.Session().run(ps.nn.softmax([0., 0., 0., 0.]))
    array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    return _along(raw.Softmax, "softmax", logits, one_axis(axis, dim), name)


@export("nn.log_softmax math.log_softmax")
def log_softmax(
    logits: Any, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Tensor:
    """Return the logarithm of the softmax of `logits` along `axis` (the last by default).

    >>> ps.Session().run(ps.nn.log_softmax([0., 1000.]))
    array([-1000.,     0.], dtype=float32)
    """
    return _along(raw.LogSoftmax, "log_softmax", logits, one_axis(axis, dim), name)
