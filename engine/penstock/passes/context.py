"""What a pass is given besides the IR: options, the runtime's answers, and a log to fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from penstock.graph.devices import HOST, DeviceAttributes
from penstock.graph.ir import IR, Endpoint, Node
from penstock.options import Options
from penstock.simulate import Costs, Machine

if TYPE_CHECKING:
    from penstock.memory.arena_plan import ArenaPlan
    from penstock.memory.kernel_memory import Ask
    from penstock.passes.placement.record import Placement
    from penstock.remat.plan import Plan as Recomputation


class Note(NamedTuple):
    """One thing that a pass did to a node, and why."""

    stage: str
    action: str
    node: str
    reason: str


@dataclass
class PlanLog:
    """What the stages did: filled while a plan is made, read by `explain_plan`.

    `stages` keeps the IR after each stage (after partitioning one per device) where it is a list:
    only for whoever wants to look at them. `recomputation` is the schedule of a
    run whose gradients do not keep everything, None for all other runs. `replaced` tells of each
    value that a pass took out which one is read instead. `wants_shapes`: a budget could not be
    planned for, as the shapes of feeds were not known. `arenas` are the blocks of devices with a
    budget, where memory is planned.
    """

    notes: list[Note] = field(default_factory=list)
    counts: list[tuple[str, int]] = field(default_factory=list)
    stage: str = ""
    stages: list[tuple[str, IR | Mapping[str, IR]]] | None = None
    placement: Placement | None = None
    recomputation: Recomputation | None = None
    replaced: dict[Endpoint, Endpoint] = field(default_factory=dict)
    wants_shapes: bool = False
    arenas: Mapping[str, ArenaPlan] = field(default_factory=dict)

    def note(self, action: str, node: str, reason: str) -> None:
        """Record that the current stage did `action` to `node`."""
        self.notes.append(Note(self.stage, action, node, reason))

    def keep(self, stage: str, form: IR | Mapping[str, IR]) -> None:
        """Keep what a stage leaves, if that is wanted."""
        if self.stages is not None:
            self.stages.append((stage, form))


Evaluate: TypeAlias = Callable[[IR], "Sequence[np.ndarray[Any, Any]]"]


class Kernels(Protocol):
    """What the runtime tells about kernels: who has one for a node, and in which memory."""

    def supports(self, node: Node, device_type: str) -> bool:
        """Return True when devices of this type have a kernel for the node and its dtypes."""

    def host_inputs(self, node: Node, device_type: str) -> frozenset[int]:
        """Return the numbers of the inputs that its kernel there reads in host memory."""

    def host_outputs(self, node: Node, device_type: str) -> frozenset[int]:
        """Return the numbers of the outputs that its kernel there leaves in host memory."""


class HostKernels:
    """The answers where there is no device but the CPU: every kernel, all in host memory."""

    def supports(self, node: Node, device_type: str) -> bool:
        """Return True for the CPU; what really has no kernel is refused when it is loaded."""
        return device_type == "CPU"

    def host_inputs(self, node: Node, device_type: str) -> frozenset[int]:
        """Return all of them."""
        return frozenset(range(len(node.inputs)))

    def host_outputs(self, node: Node, device_type: str) -> frozenset[int]:
        """Return all of them."""
        return frozenset(range(len(node.dtypes)))


class Placing(NamedTuple):
    """What the session's configuration says about devices.

    `strategy` names one of `placement.strategies.STRATEGIES`; `compress` sends float32 as
    bfloat16. `relatives` returns nodes of the whole graph that share resources or colocation
    with an IR's, and `residents` tells where a session's resources live: a new plan must find
    them there, and adds its own. `machine` and `costs` are what strategies judge by: without
    them the session's devices as they usually are, and estimates from shapes.
    """

    devices: tuple[DeviceAttributes, ...] = (DeviceAttributes(HOST, "CPU", 0, 1),)
    kernels: Kernels = HostKernels()
    soft: bool = False
    log: bool = False
    strategy: str = "default"
    compress: bool = False
    relatives: Callable[[IR], Sequence[Node]] | None = None
    residents: dict[str, str] | None = None
    machine: Machine | None = None
    costs: Costs | None = None


PlaceMemory: TypeAlias = "Callable[[IR, Mapping[str, int], PassContext], Mapping[str, ArenaPlan]]"


@dataclass(frozen=True)
class PassContext:
    """The typed surroundings of a pass.

    `evaluate` runs an IR without feeds and returns its fetches; it raises `OpError` with the
    failing node's name in `.node`. With `keep_fetches`, what is fetched stays in the memory of
    the device that computed it. `kernel_memory` asks kernels what they need besides outputs;
    `place_memory` finds blocks for what a budget leaves on each device; None: none are wanted.
    `shapes` are those of fed values, by the name of the tensor; None: nobody has looked.
    """

    options: Options
    evaluate: Evaluate
    log: PlanLog
    placing: Placing = field(default_factory=Placing)
    keep_fetches: bool = False
    kernel_memory: Ask | None = None
    place_memory: PlaceMemory | None = None
    shapes: Mapping[str, tuple[int, ...]] | None = None
