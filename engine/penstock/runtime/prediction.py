"""predict: place a graph for a machine, which need not exist, and simulate a step of it.

Takes what `Session.run` takes. The graph goes through the same passes as for a session that has
the machine's devices; only nothing is loaded. Kernels are asked for where this process knows
the device type, any other type is taken to have all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from penstock import _native, kernel_api, options
from penstock.exports import export
from penstock.graph.collector import collector_paused
from penstock.graph.extract import extract
from penstock.graph.graph import Graph, get_default_graph
from penstock.graph.ir import IR, Node
from penstock.passes.context import PassContext, Placing, PlanLog
from penstock.passes.pipeline import run_pipeline
from penstock.passes.placement.relatives import relatives
from penstock.runtime.fetches import Fetches, feed_tensors, flatten_feeds
from penstock.runtime.kernels import Catalogue
from penstock.runtime.plan import evaluate
from penstock.simulate import Costs, Machine, Simulation, simulate


@export("simulate.predict")
def predict(
    fetches: Any,
    feed_dict: Mapping[Any, Any] | None = None,
    *,
    shapes: Mapping[Any, Any] | None = None,
    machine: Machine | None = None,
    strategy: str | None = None,
    costs: Costs | None = None,
    graph: Graph | None = None,
    allow_soft_placement: bool = False,
) -> Simulation:
    """Return what a step that computes `fetches` does on `machine`, placed by `strategy`.

    `feed_dict` feeds values, `shapes` only says which tensors are fed and how large they are.
    `machine` is `Machine.local()` by default, `strategy` what `penstock.options` says, `costs`
    estimates from shapes.

    Raises what `Session.run` raises for such fetches and feeds, `PlacementError` for devices
    that the machine has not, `NotFoundError` for a machine without `CPU:0`, which feeds come from.

    >>> x = ps.placeholder(ps.float32, [None, 100])
    >>> y = ps.matmul(x, ps.zeros([100, 10]))
    >>> box = ps.simulate.Machine.gpu_box(gpus=1)
    >>> step = ps.simulate.predict(y, shapes={x: [64, 100]}, machine=box)
    >>> [(t.destination[-5:], t.bytes) for t in step.transfers]
    [('GPU:0', 25600), ('CPU:0', 2560)]
    """
    graph = get_default_graph() if graph is None else graph
    machine = Machine.local() if machine is None else machine
    machine.device("CPU:0")
    flat = flatten_feeds(feed_dict or {})
    sizes = {k: np.shape(v) for k, v in flat.items()} | dict(shapes or {})
    feeds = feed_tensors(graph, list(sizes))
    wanted = Fetches(graph, fetches)
    placing = Placing(
        machine.attributes(),
        _Kernels(),
        allow_soft_placement,
        strategy=strategy or options.current.placement,
        relatives=lambda ir: relatives(graph, ir),
        machine=machine,
        costs=costs,
    )
    ir = _placed(extract(graph, wanted.tensors, list(wanted.targets), feeds), placing)
    known = {t.name: size for t, size in zip(feeds, sizes.values(), strict=True)}
    return simulate(ir, machine, costs, known)


@collector_paused()
def _placed(ir: IR, placing: Placing) -> IR:
    session = _native.Session(intra_op_threads=1, inter_op_threads=1)
    context = PassContext(options.current, lambda part: evaluate(part, session), PlanLog(), placing)
    return run_pipeline(ir, context)


class _Kernels(Catalogue):
    """This process's kernels, and every kernel of a device type that it does not know."""

    def supports(self, node: Node, device_type: str) -> bool:
        """Return True when such a device could run the node."""
        unknown = device_type != "CPU" and device_type not in kernel_api.device_types
        return unknown or super().supports(node, device_type)
