"""How long a node runs on a device: estimated from its work, measured, or told.

`Costs` is all that the simulator asks: a class with this one method is a cost model. An
estimate is a launch, then the longer of arithmetic and memory traffic. Measured times come
from the step stats of a traced run; nodes and device types that were not seen are estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any, Protocol

from penstock.exports import export
from penstock.graph.ir import Node
from penstock.simulate.machine import DeviceModel, device_type
from penstock.simulate.sizes import Sizes
from penstock.simulate.work import work_of


@export("simulate.Costs")
class Costs(Protocol):
    """A cost model. Must give equal devices equal times, and the same time when asked again."""

    def seconds(self, node: Node, sizes: Sizes, device: DeviceModel) -> float:
        """Return how long the node's kernel keeps a lane of the device busy."""


@export("simulate.EstimatedCosts")
class EstimatedCosts:
    """Times from the table of work and the device's speeds, times `scale`.

    >>> from penstock.simulate import EstimatedCosts
    >>> EstimatedCosts(scale=2.0).scale
    2.0
    """

    def __init__(self, scale: float = 1.0) -> None:
        """Multiply every estimate by `scale`."""
        self.scale = scale

    def seconds(self, node: Node, sizes: Sizes, device: DeviceModel) -> float:
        """Return launch + max(operations / flops, bytes / bandwidth), scaled."""
        flops, moved, launches = work_of(node, sizes)
        busy = max(flops / device.flops, moved / device.bandwidth)
        return self.scale * (launches * device.launch + busy)


@export("simulate.FixedCosts")
class FixedCosts:
    """Times told by the caller, by node name or else by op, the same on every device.

    >>> from penstock.simulate import FixedCosts
    >>> FixedCosts({"a": 2.0, "MatMul": 1.0}, default=0.5).default
    0.5
    """

    def __init__(self, times: Mapping[str, float] | None = None, default: float = 0.0) -> None:
        """Take seconds by name; what is not named takes `default` seconds."""
        self.times = dict(times or {})
        self.default = default

    def seconds(self, node: Node, sizes: Sizes, device: DeviceModel) -> float:
        """Return the time of the node, of its op, or the default."""
        times = self.times
        return times[node.name] if node.name in times else times.get(node.op, self.default)


@export("simulate.MeasuredCosts")
class MeasuredCosts:
    """Times of traced runs, by node and device type; anything else is asked of `otherwise`.

    A node that ran on one type of device tells nothing about another type.
    """

    def __init__(
        self, times: Mapping[tuple[str, str], float], otherwise: Costs | None = None
    ) -> None:
        """Take seconds by (node name, device type)."""
        self.times = dict(times)
        self.otherwise: Costs = EstimatedCosts() if otherwise is None else otherwise

    @staticmethod
    def from_step_stats(*stats: Any, otherwise: Costs | None = None) -> MeasuredCosts:
        """Return the costs that `StepStats` (or `RunMetadata`) tell, of several the median."""
        return MeasuredCosts(times_in(stats), otherwise)

    def seconds(self, node: Node, sizes: Sizes, device: DeviceModel) -> float:
        """Return the measured time, or what the other model says."""
        time = self.times.get((node.name, device.kind))
        return self.otherwise.seconds(node, sizes, device) if time is None else time


def times_in(messages: Iterable[Any]) -> dict[tuple[str, str], float]:
    """Return the median time of each (node, device type) in StepStats or RunMetadata."""
    times: dict[tuple[str, str], list[float]] = {}
    for message in messages:
        stats = message.step_stats if hasattr(message, "step_stats") else message
        for device in stats.dev_stats:
            kind = device_type(device.device)
            for node in device.node_stats:
                times.setdefault((node.node_name, kind), []).append(node_seconds(node))
    return {key: median(found) for key, found in times.items()}


def node_seconds(stats: Any) -> float:
    """Return how long a `NodeExecStats` kept its thread: nanoseconds where it has them."""
    if stats.all_end_rel_nanos:
        return float(stats.all_end_rel_nanos) * 1e-9
    return float(stats.all_end_rel_micros or stats.op_end_rel_micros) * 1e-6
