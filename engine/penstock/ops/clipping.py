"""Bounds: clipping by value and by norm, and the norm of many tensors together."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.binary import zero_like
from penstock.ops.control import name_scope
from penstock.ops.indexed_slices import IndexedSlices
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _clip_shape(ctx: ShapeContext) -> list[Dims]:
    dims = ctx.shape(0)
    for bound in ctx.shapes[1:]:
        if bound != ():
            shapes.merge(dims, bound)
    return [dims]


define_op(
    "ClipByValue",
    inputs="t: T, clip_value_min: T, clip_value_max: T",
    outputs="output: T",
    attrs="T: number",
    shape=_clip_shape,
    doc="""t brought between two bounds, each a scalar or of t's shape.

    >>> ps.Session().run(ps.raw_ops.ClipByValue([-1., 2., 9.], 0., 5.))
    array([0., 2., 5.], dtype=float32)
    """,
)


@gradient("ClipByValue")
def _clip_by_value_grad(op: Operation, dz: Tensor) -> Any:
    t, low, high = op.inputs
    zero = zero_like(dz)
    below, above = raw.Less(t, low), raw.Greater(t, high)
    dt = raw.SelectV2(raw.LogicalOr(below, above), zero, dz)
    return dt, _sum_like(low, below, dz), _sum_like(high, raw.LogicalAnd(above, _not(below)), dz)


def _not(x: Tensor) -> Tensor:
    result: Tensor = raw.LogicalNot(x)
    return result


def _sum_like(bound: Tensor, chosen: Tensor, dz: Tensor) -> Tensor:
    from_bound: Tensor = raw.SelectV2(chosen, dz, zero_like(dz))
    if bound._dims == dz._dims and bound._dims is not None:
        return from_bound
    axes, _ = raw.BroadcastGradientArgs(raw.Shape(bound), raw.Shape(dz))
    result: Tensor = raw.Reshape(raw.Sum(from_bound, axes), raw.Shape(bound))
    return result


@export("clip_by_value")
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """Return t, a tensor or `IndexedSlices`, with every element brought between two bounds.

    The bounds broadcast to the shape of t. No gradient passes where an element was outside.

    >>> ps.Session().run(ps.clip_by_value([-1., 2., 9.], 0., 5.))
    array([0., 2., 5.], dtype=float32)
    """
    if isinstance(t, IndexedSlices):
        values = clip_by_value(t.values, clip_value_min, clip_value_max, name)
        return IndexedSlices(values, t.indices, t.dense_shape)
    with name_scope(name, "clip_by_value"):
        t = convert.to_tensor(t)
        below = raw.Minimum(t, clip_value_max)
        _require_shape(t, below)
        result = raw.Maximum(below, clip_value_min)
        _require_shape(t, result)
        return result


def _require_shape(t: Tensor, clipped: Tensor) -> None:
    if not shapes.compatible(t._dims, clipped._dims):
        raise ValueError(f"a bound of clip_by_value does not broadcast to the shape {t.shape}")


@export("clip_by_norm")
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """Return t scaled down so that its Euclidean norm is at most `clip_norm`.

    With `axes` the norm is taken over those dimensions only.

    >>> ps.Session().run(ps.clip_by_norm([3., 4.], 1.)).round(4)
    array([0.6, 0.8], dtype=float32)
    """
    if isinstance(t, IndexedSlices):
        values = clip_by_norm(t.values, clip_norm, axes, name)
        return IndexedSlices(values, t.indices, t.dense_shape)
    with name_scope(name, "clip_by_norm"):
        t = convert.to_tensor(t)
        clip_norm = convert.to_tensor(clip_norm, t.dtype.base_dtype)
        squares = raw.Sum(raw.Square(t), _axes(t, axes), keep_dims=True)
        # The root of 0 is left out, so that its infinite slope never meets a 0.
        positive = raw.Greater(squares, zero_like(t))
        safe = raw.SelectV2(positive, squares, convert.to_tensor(1, t.dtype))
        norm = raw.SelectV2(positive, raw.Sqrt(safe), squares)
        return raw.RealDiv(raw.Mul(t, clip_norm), raw.Maximum(norm, clip_norm))


def _axes(t: Tensor, axes: Any) -> Any:
    if axes is not None:
        return axes
    if t._dims is not None:
        return list(range(len(t._dims))) or convert.to_tensor([], None)
    return raw.Range(0, raw.Rank(t), 1)


@export("clip_by_average_norm")
def clip_by_average_norm(t: Any, clip_norm: Any, name: str | None = None) -> Tensor:
    """Return t scaled down so that its norm divided by its size is at most `clip_norm`.

    >>> ps.Session().run(ps.clip_by_average_norm([3., 4.], 1.)).round(4)
    array([1.2, 1.6], dtype=float32)
    """
    with name_scope(name, "clip_by_average_norm"):
        t = convert.to_tensor(t)
        size = raw.Cast(raw.Size(t), DstT=t.dtype.base_dtype)
        limit = raw.Mul(convert.to_tensor(clip_norm, t.dtype.base_dtype), size)
        norm = raw.Sqrt(raw.Sum(raw.Square(t), _axes(t, None)))
        result: Tensor = raw.RealDiv(raw.Mul(t, limit), raw.Maximum(norm, limit))
        return result


@export("global_norm linalg.global_norm")
def global_norm(t_list: Any, name: str | None = None) -> Tensor | None:
    """Return the Euclidean norm of all tensors together; None entries are left out.

    >>> float(ps.Session().run(ps.global_norm([[3.], [[4.]]])))
    5.0
    """
    parts = [_values(t) for t in _as_list(t_list) if t is not None]
    if not parts:
        return None
    with name_scope(name, "global_norm"):
        halves = raw.AddN([raw.L2Loss(t) for t in parts])
        result: Tensor = raw.Sqrt(raw.Mul(halves, convert.to_tensor(2.0, halves.dtype)))
        return result


def _as_list(t_list: Any) -> list[Any]:
    if not isinstance(t_list, (list, tuple)):
        raise TypeError(f"expected a list of tensors, got {t_list!r}")
    return list(t_list)


def _values(t: Any) -> Tensor:
    return t.values if isinstance(t, IndexedSlices) else convert.to_tensor(t)


@export("clip_by_global_norm")
def clip_by_global_norm(
    t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Any]:
    """Return the tensors scaled down so that their norm together is at most `clip_norm`.

    Returns the list and the norm before. `use_norm` is that norm when it is known already. A norm
    that is not finite makes every result NaN.

    >>> clipped, norm = ps.clip_by_global_norm([[3.], [4.]], 1.)
    >>> [v.round(4).tolist() for v in ps.Session().run(clipped)]
    [[0.6000000238418579], [0.800000011920929]]
    """
    items = _as_list(t_list)
    norm = global_norm(items, name) if use_norm is None else use_norm
    if norm is None:
        return items, None
    with name_scope(name, "clip_by_global_norm"):
        norm = convert.to_tensor(norm)
        limit = convert.to_tensor(clip_norm, norm.dtype.base_dtype)
        inverse = raw.Minimum(raw.Reciprocal(norm), raw.Reciprocal(limit))
        # Infinity minus itself is NaN: a broken gradient must not pass for a small one.
        scale = raw.AddV2(raw.Mul(limit, inverse), raw.Sub(norm, norm))
        return [_scaled(t, scale) for t in items], norm


def _scaled(t: Any, scale: Tensor) -> Any:
    if t is None:
        return None
    values = _values(t)
    product = raw.Mul(values, raw.Cast(scale, DstT=values.dtype.base_dtype))
    if isinstance(t, IndexedSlices):
        return IndexedSlices(product, t.indices, t.dense_shape)
    return product
