"""Shape rules that many ops share."""

from __future__ import annotations

from penstock import shapes
from penstock.ops.infer import ShapeContext
from penstock.shapes import Dims


def same(ctx: ShapeContext) -> list[Dims]:
    """Give the output the shape of the first input."""
    return [ctx.shape(0)]


def same_as_all(ctx: ShapeContext) -> list[Dims]:
    """Give the output what the shapes of all inputs tell together; they must be one shape."""
    dims = ctx.shape(0)
    for other in ctx.shapes[1:]:
        dims = shapes.merge(dims, other)
    return [dims]


def broadcast(ctx: ShapeContext) -> list[Dims]:
    """Give the output the shape that both inputs broadcast to."""
    return [shapes.broadcast(ctx.shape(0), ctx.shape(1))]
