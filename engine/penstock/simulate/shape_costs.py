"""Measured times that know nodes by what they are, not by their names.

A repetition of a node, or the same layer in another graph, costs what was measured wherever op,
shapes and type of device are the same. What was not seen is asked of another model.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any, TypeAlias

from penstock.exports import export
from penstock.graph.ir import IR, Node
from penstock.simulate.costs import Costs, EstimatedCosts, times_in
from penstock.simulate.machine import DeviceModel
from penstock.simulate.sizes import Sizes

Shapes: TypeAlias = tuple[tuple[int, ...], ...]
Key: TypeAlias = tuple[str, Shapes, Shapes, str]
"""Op, shapes of the inputs and of the outputs, type of device."""


@export("simulate.ShapeCosts")
class ShapeCosts:
    """Seconds by op, shapes and type of device; `Session.measure_costs` makes one.

    >>> x = ps.placeholder(ps.float32, [8])
    >>> costs = ps.Session().measure_costs(ps.exp(x), {x: [0.0] * 8})
    >>> [op for op, *_ in costs.times]
    ['Exp']
    """

    def __init__(self, times: Mapping[Key, float], otherwise: Costs | None = None) -> None:
        """Take measured seconds; anything else is asked of `otherwise`, an estimate by default."""
        self.times = dict(times)
        self.otherwise: Costs = EstimatedCosts() if otherwise is None else otherwise

    @staticmethod
    def from_step_stats(ir: IR, *stats: Any, otherwise: Costs | None = None) -> ShapeCosts:
        """Return what traced steps of a plan tell: the median of each kind of node."""
        sizes = Sizes(ir)
        seen: dict[Key, list[float]] = {}
        for (name, kind), seconds in sorted(times_in(stats).items()):
            if name in ir.nodes:
                seen.setdefault(_key(ir[name], sizes, kind), []).append(seconds)
        return ShapeCosts({key: median(times) for key, times in seen.items()}, otherwise)

    def seconds(self, node: Node, sizes: Sizes, device: DeviceModel) -> float:
        """Return the measured time of such a node, or what the other model says."""
        time = self.times.get(_key(node, sizes, device.kind))
        return self.otherwise.seconds(node, sizes, device) if time is None else time


def _key(node: Node, sizes: Sizes, kind: str) -> Key:
    read = tuple([sizes.dims(endpoint) for endpoint in node.inputs])
    made = tuple([sizes.dims((node.name, i)) for i in range(len(node.dtypes))])
    return node.op, read, made, kind
