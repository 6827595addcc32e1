"""Gradients that keep less: the short forms of `gradients(..., checkpoints=...)`.

Everything is differentiated once and gives the same numbers, bit for bit; what is not kept is
computed again when the plan of a run is made (`penstock.remat`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from penstock.autodiff.gradients import gradients
from penstock.exports import export
from penstock.graph.graph import get_default_graph

F = TypeVar("F", bound=Callable[..., Any])

REGION = "_recompute"


@export("gradients_speed")
def gradients_speed(ys: Any, xs: Any, grad_ys: Any = None, **kwargs: Any) -> list[Any]:
    """Return gradients; keep only results of convolutions and matrix products.

    All else is cheap to compute again. Takes what `gradients` takes.

    >>> x = ps.placeholder(ps.float32, [])
    >>> (g,) = ps.gradients_speed(ps.tanh(ps.exp(x)), x)
    >>> float(ps.Session().run(g, {x: 0.0})) > 0
    True
    """
    return gradients(ys, xs, grad_ys, checkpoints="speed", **kwargs)


@export("gradients_memory")
def gradients_memory(ys: Any, xs: Any, grad_ys: Any = None, **kwargs: Any) -> list[Any]:
    """Return gradients; keep about the square root of what a plain backward pass would.

    Takes what `gradients` takes.

    >>> x = ps.placeholder(ps.float32, [])
    >>> (g,) = ps.gradients_memory(ps.tanh(ps.exp(x)), x)
    >>> float(ps.Session().run(g, {x: 0.0})) > 0
    True
    """
    return gradients(ys, xs, grad_ys, checkpoints="memory", **kwargs)


@export("gradients_collection")
def gradients_collection(ys: Any, xs: Any, grad_ys: Any = None, **kwargs: Any) -> list[Any]:
    """Return gradients; keep the tensors of the collection "checkpoints".

    Takes what `gradients` takes. Raises `ValueError` when the collection is empty.

    >>> x = ps.placeholder(ps.float32, [])
    >>> h = ps.exp(x)
    >>> ps.add_to_collection("checkpoints", h)
    >>> (g,) = ps.gradients_collection(ps.tanh(h), x)
    >>> float(ps.Session().run(g, {x: 0.0})) > 0
    True
    """
    return gradients(ys, xs, grad_ys, checkpoints="collection", **kwargs)


@export("recompute_grad")
def recompute_grad(f: F) -> F:
    """Return `f`, whose nodes are computed again for the backward pass.

    Of all that a call builds only what others read is kept: its results, not its inside. Calls
    may be nested, close over tensors and variables, and be given a tensor twice. Random numbers
    and variables read inside keep the values of the forward pass.

    >>> block = ps.recompute_grad(lambda x: ps.tanh(ps.exp(x)))
    >>> x = ps.placeholder(ps.float32, [])
    >>> (g,) = ps.gradients(block(x), x)
    >>> float(ps.Session().run(g, {x: 0.0})) > 0
    True
    """

    @functools.wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        graph = get_default_graph()
        if REGION in dict(graph.scope.attrs):
            return f(*args, **kwargs)  # the outer region recomputes this one with it
        region = graph.unique_name("recompute").encode()
        with graph.marked(**{REGION: region}):
            return f(*args, **kwargs)

    return recomputed  # type: ignore[return-value]
