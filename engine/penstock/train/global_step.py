"""The global step: a variable of the graph that counts training steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.exports import export
from penstock.graph.graph import Graph, get_default_graph
from penstock.variables.collections import GraphKeys
from penstock.variables.variable import Variable


@export("train.get_global_step")
def get_global_step(graph: Graph | None = None) -> Any:
    """Return the global step of the graph, or None; `TypeError` when there are several."""
    graph = get_default_graph() if graph is None else graph
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        raise TypeError(f"the graph has {len(found)} global steps, expected one")
    if found:
        assert_global_step(found[0])
        return found[0]
    return None


@export("train.create_global_step")
def create_global_step(graph: Graph | None = None) -> Any:
    """Make the global step of the graph: an int64 variable that starts at 0.

    Raises `ValueError` when there is one already.
    """
    graph = get_default_graph() if graph is None else graph
    if get_global_step(graph) is not None:
        raise ValueError("the graph has a global step already: use get_or_create_global_step")
    with graph.as_default(), graph.name_scope(None):
        return Variable(
            np.int64(0),
            trainable=False,
            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
            name=GraphKeys.GLOBAL_STEP,
            dtype=dtypes.int64,
        )


@export("train.get_or_create_global_step")
def get_or_create_global_step(graph: Graph | None = None) -> Any:
    """Return the global step of the graph, made when there is none.

    >>> with ps.Graph().as_default():
    ...     step = ps.train.get_or_create_global_step()
    ...     print(step.name, step.dtype.name, ps.train.get_or_create_global_step() is step)
    global_step:0 int64 True
    """
    step = get_global_step(graph)
    return create_global_step(graph) if step is None else step


@export("train.assert_global_step")
def assert_global_step(global_step_tensor: Any) -> None:
    """Raise `TypeError` unless the argument is an integer scalar."""
    dtype = global_step_tensor.dtype.base_dtype
    if not dtype.is_integer:
        raise TypeError(f"the global step must be an integer, not {dtype.name}")
    if not global_step_tensor.shape.is_compatible_with([]):
        raise TypeError(f"the global step must be a scalar, not of {global_step_tensor.shape}")


@export("train.global_step")
def global_step(sess: Any, global_step_tensor: Any) -> int:
    """Return the value of the global step in a session."""
    return int(sess.run(global_step_tensor))
